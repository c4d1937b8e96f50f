"""Shots of a script -> ScenePlan, keeping the ids of an earlier import so that only what changed is drawn again."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storyboard.planning.leads import Lead
from storyboard.prompting.plain import plain_words
from storyboard.protocols import Cast
from storyboard.scene_plan import Scene, ScenePlan, Shot
from storyboard.scripts_in.script_people import in_looks, people_of, without_introductions
from storyboard.scripts_in.script_shots import ScriptShot
from storyboard.shot_numbers import letters
from storyboard.story import LONGEST_LOGLINE, MOST_SCENES, Story
from storyboard.text import clean

MOST_PROMPT_WORDS = 45
SIMILAR = 0.5
PROMPT_SYNTAX = re.compile(r"[()\[\]{}<>\\|:^]")


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Ids of scenes by what became of them since the last import."""

    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether the script differs from the last import."""
        return bool(self.changed or self.added or self.removed)


def plan_from_shots(
    title: str, shots: Sequence[ScriptShot], cast: Cast, before: ScenePlan | None = None, seed: int = 0
) -> tuple[ScenePlan, Changes]:
    """The plan, and what changed against `before`; changed and new scenes are marked so."""
    labels, people = _labels(shots), people_of(shots, cast, seed)
    pairs = enumerate(zip(shots, labels, strict=True), 1)
    drafts = [_scene(shot, position, label, cast, people) for position, (shot, label) in pairs]
    scenes, changes = keep_ids(drafts, before.scenes if before else ())
    logline = clean(shots[0].synopsis or title)[:LONGEST_LOGLINE] or "A script"
    story = Story(logline=logline, scene_count=min(len(scenes), MOST_SCENES), seed=seed)
    return ScenePlan(story=story, title=title[:200], scenes=scenes, planner="script"), changes


def keep_ids(drafts: Sequence[Scene], before: Sequence[Scene]) -> tuple[tuple[Scene, ...], Changes]:
    """Gives each draft the id of the scene it was: the same text, or between such scenes a similar one in order."""
    ids = _matched(drafts, before)
    known = {scene.id: scene for scene in before}
    fresh = (f"s{number}" for number in range(1, 100_000) if f"s{number}" not in known)
    scenes: list[Scene] = []
    sorted_ids: dict[str, list[str]] = {"kept": [], "changed": [], "added": []}
    for draft, scene_id in zip(drafts, ids, strict=True):
        old = known.get(scene_id) if scene_id else None
        kind = "added" if old is None else "kept" if _fingerprint(old) == _fingerprint(draft) else "changed"
        scene = replace(draft, id=old.id if old else next(fresh))
        revision = {"kept": "", "changed": "changed", "added": "new" if before else ""}[kind]
        scenes.append(replace(scene, revision=revision, **_kept_fields(old)))
        sorted_ids[kind].append(scene.id)
    now = {scene.id for scene in scenes}
    removed = tuple(scene.id for scene in before if scene.id not in now)
    changes = Changes(removed=removed, **{kind: tuple(found) for kind, found in sorted_ids.items()})
    return (tuple(scenes) if changes.any else _as_marked(scenes, known)), changes


def _kept_fields(old: Scene | None) -> dict[str, Any]:
    """What a script does not say, and people or an earlier import did."""
    return {"notes": old.notes, "seed": old.seed} if old else {}


def _as_marked(scenes: Sequence[Scene], known: Mapping[str, Scene]) -> tuple[Scene, ...]:
    """The same script once more, as after an interrupted drawing, leaves the marks of the import before."""
    return tuple(replace(scene, revision=known[scene.id].revision) for scene in scenes)


def _matched(drafts: Sequence[Scene], before: Sequence[Scene]) -> list[str]:
    """For each draft the id of the earlier scene it continues, or ""."""
    ids = [""] * len(drafts)
    old, new = [_fingerprint(scene) for scene in before], [_fingerprint(scene) for scene in drafts]
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            for offset in range(new_end - new_start):
                ids[new_start + offset] = before[old_start + offset].id
        elif tag == "replace":
            _match_similar(ids, before[old_start:old_end], drafts[new_start:new_end], new_start)
    return ids


def _match_similar(ids: list[str], before: Sequence[Scene], drafts: Sequence[Scene], start: int) -> None:
    position = 0
    for offset, draft in enumerate(drafts):
        for candidate in range(position, len(before)):
            ratio = difflib.SequenceMatcher(a=_words(before[candidate]), b=_words(draft), autojunk=False).ratio()
            if ratio >= SIMILAR:
                ids[start + offset] = before[candidate].id
                position = candidate + 1
                break


def _fingerprint(scene: Scene) -> tuple[str, ...]:
    return (scene.place, scene.action, scene.dialogue, scene.shot.size, scene.shot.angle, scene.shot.movement)


def _words(scene: Scene) -> list[str]:
    return f"{scene.place} {scene.action} {scene.dialogue}".lower().split()


def _labels(shots: Sequence[ScriptShot]) -> list[str]:
    """The script's scene number with a letter for each shot: 4A, 4B; nothing when the script has no numbers."""
    labels, counts = [], dict[str, int]()
    for shot in shots:
        count = counts.get(shot.scene_number, 0)
        counts[shot.scene_number] = count + 1
        labels.append(f"{shot.scene_number}{letters(count)}" if shot.scene_number else "")
    return labels


def _scene(shot: ScriptShot, number: int, label: str, cast: Cast, people: Mapping[str, Lead]) -> Scene:
    seen = shot.shot or _usual_shot(shot)
    text = f"{shot.action} {' '.join(shot.speakers)}"
    present = tuple(name for name in cast if "@" not in name and _named(name, text))
    caption = shot.synopsis or shot.action or shot.dialogue
    return Scene(
        id=f"draft{number}",
        number=number,
        prompt=_prompt(shot, seen, present, cast, people),
        caption=caption,
        alt=_alt(shot),
        action=shot.action,
        dialogue=shot.dialogue,
        cast=present,
        shot=seen,
        place=shot.place,
        duration_s=shot.seconds,
        label=label,
    )


def _alt(shot: ScriptShot) -> str:
    """What is seen: the action or who speaks, and where; of a voice over nothing else what is heard."""
    seen = shot.action or (f"{shot.speakers[0].title()} speaks" if shot.speakers else "")
    told = [each for each in (seen, shot.place.capitalize()) if each] or [shot.dialogue]
    return clean(" ".join(f"{each}." for each in told))[:400]


def _usual_shot(shot: ScriptShot) -> Shot:
    """A scene opens wide, somebody who only speaks is seen close, everything else in a medium shot."""
    if shot.first:
        return Shot(size="wide")
    return Shot(size="medium-close-up") if shot.speakers and not shot.action else Shot()


def _named(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) is not None


def _prompt(shot: ScriptShot, seen: Shot, present: Iterable[str], cast: Cast, people: Mapping[str, Lead]) -> str:
    """What the picture shows, with every registered character by token and noun, and all others by their looks."""
    action = without_introductions(shot.action, people)
    text = _prose(action or (f"{shot.speakers[0]} speaking" if shot.speakers else ""))
    text = in_looks(" ".join(text.split()[:MOST_PROMPT_WORDS]), people)
    missing = []
    for name in present:
        words = f"{cast[name].token} {cast[name].noun}"
        pattern = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
        text, found = pattern.subn(words, text)
        missing += [] if found else [words]
    view = f"{seen.size.replace('-', ' ')} shot" if "close-up" not in seen.size else seen.size.replace("-", " ")
    parts = [view, *missing, text, _prose(shot.place.lower()), _prose(shot.time.lower())]
    return clean(", ".join(part for part in parts if part))


def _prose(text: str) -> str:
    """Text of the script without anything that prompts give a meaning to."""
    return plain_words(PROMPT_SYNTAX.sub(" ", text))
