"""Translation: a board's texts in another language, kept beside the plan. Frames and prompts stay as they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storyboard.errors import BadInput, BadPlan
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.text import clean

FIELDS = ("caption", "alt", "action", "dialogue", "notes")
"""What is translated of a scene."""
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, kw_only=True)
class SceneTexts:
    """One scene's texts in another language; `source` is the digest of the texts they were made from."""

    source: str
    caption: str = ""
    alt: str = ""
    action: str = ""
    dialogue: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        for name in FIELDS:
            object.__setattr__(self, name, clean(getattr(self, name)))


@dataclass(frozen=True, kw_only=True)
class Translation:
    """All texts of a board in one language.

    Attributes:
        title, title_source: the title, and the one it was made from.
        scenes: scene id -> its texts; of scenes that are gone too, should they come back.
    """

    title: str = ""
    title_source: str = ""
    scenes: Mapping[str, SceneTexts] = field(default_factory=dict)


def check_language(tag: str) -> str:
    """The tag, when it is formed like a BCP 47 tag ("es", "pt-BR").

    Raises:
        BadInput: it is not.
    """
    if not LANGUAGE.fullmatch(tag):
        raise BadInput(f"{tag[:40]!r} is not a language tag.", hint="For example: --language es, pt-BR or zh-Hans")
    return tag


def source_digest(scene: Scene) -> str:
    """Changes when a text of the scene does."""
    texts = json.dumps([getattr(scene, name) for name in FIELDS], ensure_ascii=False)
    return hashlib.sha256(texts.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def outdated(plan: ScenePlan, translation: Translation | None) -> tuple[Scene, ...]:
    """The scenes whose texts have no translation, or one of other words; all of them when the title has changed."""
    if translation is None or translation.title_source != plan.title:
        return plan.scenes
    known = translation.scenes
    return tuple(
        scene for scene in plan.scenes if scene.id not in known or known[scene.id].source != source_digest(scene)
    )


def in_language(plan: ScenePlan, translation: Translation, language: str) -> ScenePlan:
    """The plan with its texts replaced. Raises KeyError for a scene that is not translated."""
    scenes = []
    for scene in plan.scenes:
        texts = translation.scenes[scene.id]
        scenes.append(dataclasses.replace(scene, **{name: getattr(texts, name) for name in FIELDS}))
    story = dataclasses.replace(plan.story, language=language)
    return dataclasses.replace(plan, story=story, title=translation.title or plan.title, scenes=tuple(scenes))


def second_captions(plan: ScenePlan, translation: Translation) -> tuple[tuple[str, str], ...]:
    """(scene id, caption) for `Sheet.translations`. Raises KeyError for a scene that is not translated."""
    return tuple((scene.id, translation.scenes[scene.id].caption) for scene in plan.scenes)


def translation_from_json(data: object) -> Translation:
    """A translation from a manifest that people may have edited.

    Raises:
        BadPlan: it is not one.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("scenes"), Mapping):
        raise BadPlan("A translation in the manifest has no object called `scenes`.")
    scenes = {str(scene_id): _texts(raw) for scene_id, raw in data["scenes"].items()}
    return Translation(
        title=clean(str(data.get("title", "")))[:200], title_source=str(data.get("title_source", "")), scenes=scenes
    )


def _texts(raw: Any) -> SceneTexts:
    names = ("source", *FIELDS)
    if not isinstance(raw, Mapping) or not all(isinstance(raw.get(name, ""), str) for name in names):
        raise BadPlan("A translated scene in the manifest is not an object of texts.")
    return SceneTexts(**{"source": "", **{name: raw[name] for name in names if name in raw}})
