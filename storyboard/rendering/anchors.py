"""Hidden anchor pictures: which ones a board needs, and what they show. No torch here.

Frames that should agree about somebody (or somewhere) all attend to one picture of them that is drawn along with the
board but is not on it; so no frame depends on the prompt of another.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from storyboard.errors import UnknownName
from storyboard.paths import prompts_folder
from storyboard.prompting.plain import plain_words
from storyboard.protocols import Cast
from storyboard.render_options import FrameRequest
from storyboard.rendering.guides import Guide
from storyboard.run_store import ANCHOR_PREFIX
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.text import check_name

CONSISTENCIES = ("auto", "off", "anchor", "anchor+mask", "anchor+mask+place", "prompt", "style")
BEST: Mapping[str, str] = {"starter": "off"}
"""What `auto` is for a model family, by `benchmarks/consistency.py`; for families not measured, `PUBLISHED`."""
PUBLISHED = "anchor"
STRONGEST: Mapping[str, float] = {"anchor": 2.0, "anchor+mask": 2.0, "anchor+mask+place": 2.0, "style": 1.0}
"""The strength beyond which a method that looks at hidden pictures changes nothing more."""
PLACE_PREFIX = "place:"


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One hidden picture.

    Attributes:
        name: of the character, or "place:…".
        prompt: what it shows.
        words: how prompts name what it shows; where these are in a picture is where it is. Empty: everywhere.
        is_place: it shows a place: frames look at it only where they show nobody.
    """

    name: str
    prompt: str
    words: tuple[str, ...] = ()
    is_place: bool = False

    @property
    def scene_id(self) -> str:
        """What it is called among the frames."""
        return f"{ANCHOR_PREFIX}{self.name}"


@dataclass(frozen=True, kw_only=True)
class AnchorRequest:
    """A hidden picture and how it is drawn."""

    anchor: Anchor
    request: FrameRequest
    guides: tuple[Guide, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SceneRequest:
    """A frame, the hidden pictures it attends to, who appears in it (for consistency by prompt), and what steers it."""

    request: FrameRequest
    anchors: tuple[AnchorRequest, ...] = ()
    identity: str = ""
    guides: tuple[Guide, ...] = ()


def resolve_consistency(consistency: str, family: str) -> str:
    """ "auto" becomes what is best for the model family. Raises UnknownName."""
    if consistency not in CONSISTENCIES:
        raise UnknownName.among("consistency method", consistency, CONSISTENCIES)
    return BEST.get(family, PUBLISHED) if consistency == "auto" else consistency


def anchors_of(plan: ScenePlan, cast: Cast, consistency: str) -> dict[str, tuple[Anchor, ...]]:
    """Scene id -> its anchors, for a resolved consistency; none where everybody and every place appears only once."""
    if consistency in ("off", "prompt"):
        return {scene.id: () for scene in plan.scenes}
    style = style_words(plan.story.style, cast)
    if consistency == "style":
        return _one_for_all(plan, cast, style)
    places = shared_places(plan) if consistency == "anchor+mask+place" else frozenset()
    return {scene.id: (*_of_scene(scene, cast, style), *_of_place(scene, places, style)) for scene in plan.scenes}


def shared_places(plan: ScenePlan) -> frozenset[str]:
    """The places where several scenes of the plan are set."""
    counts = Counter(scene.place for scene in plan.scenes if scene.place)
    return frozenset(place for place, count in counts.items() if count > 1)


def _of_place(scene: Scene, places: frozenset[str], style: str) -> list[Anchor]:
    return [place_anchor(scene.place, style)] if scene.place in places else []


def _of_scene(scene: Scene, cast: Cast, style: str) -> list[Anchor]:
    return [character_anchor(name, cast, style) for name in scene.cast if name in cast]


def _one_for_all(plan: ScenePlan, cast: Cast, style: str) -> dict[str, tuple[Anchor, ...]]:
    lead = next((name for name in plan.cast if name in cast), None)
    if lead is None:
        anchor = Anchor(name="style", prompt=_joined(plan.story.logline, style))
    else:
        anchor = character_anchor(lead, cast, style)
    return {scene.id: (anchor,) for scene in plan.scenes}


def character_anchor(name: str, cast: Cast, style: str) -> Anchor:
    """A plain picture of somebody in their usual clothes."""
    character = cast[name]
    words = (character.token, character.noun)
    return Anchor(
        name=name, prompt=_joined(character.phrase, plain_words(character.look), "standing", style), words=words
    )


def described_cast(scene: Scene, cast: Cast) -> str:
    """Who appears in a scene, with their usual looks: what consistency by prompt holds on to."""
    people = [cast[name] for name in scene.cast if name in cast]
    return ", ".join(_joined(character.phrase, plain_words(character.look)) for character in people)


def place_anchor(place: str, style: str) -> Anchor:
    """A picture of a place, with nobody in it that matters."""
    prompt = _joined("wide shot", plain_words(place), style)
    return Anchor(name=f"{PLACE_PREFIX}{place}", prompt=prompt, is_place=True)


def style_words(style: str, cast: Cast) -> str:
    """What a style adds to a prompt: words of ours, or a trained one's token; "" for none or one that is not known."""
    if not style:
        return ""
    check_name(style, "style")
    path = prompts_folder() / "styles" / f"{style}.toml"
    if path.is_file():
        return str(tomllib.loads(path.read_text(encoding="utf-8")).get("positive", ""))
    return cast[style].phrase if style in cast and cast[style].kind == "style" else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
