"""What a board says about each frame, in words, for every format that has text; layout and exporters share it."""

from __future__ import annotations

from dataclasses import dataclass

from storyboard.scene_plan import Scene, ScenePlan, Shot
from storyboard.sheet import Sheet

DISCLOSURE = "Pictures generated with a diffusion model"
ABBREVIATIONS = {
    "extreme-close-up": "ECU",
    "close-up": "CU",
    "medium-close-up": "MCU",
    "medium": "MS",
    "medium-wide": "MWS",
    "wide": "WS",
    "extreme-wide": "EWS",
    "insert": "INS",
    "over-the-shoulder": "OTS",
    "birds-eye": "bird's",
    "worms-eye": "worm's",
}
SIZE_WORDS = {
    "extreme-close-up": "Extreme close-up",
    "close-up": "Close-up",
    "medium-close-up": "Medium close-up",
    "medium": "Medium shot",
    "medium-wide": "Medium wide shot",
    "wide": "Wide shot",
    "extreme-wide": "Extreme wide shot",
    "insert": "Insert",
}
ANGLE_WORDS = {"birds-eye": "bird's eye", "worms-eye": "worm's eye", "over-the-shoulder": "over the shoulder"}


REVISION_WORDS = {"new": "New", "changed": "Changed"}


@dataclass(frozen=True, kw_only=True)
class FieldText:
    """One text of a scene.

    `label` names its kind ("Action") where the text alone would not tell; `language` is "" for the story's.
    """

    field: str
    text: str
    label: str = ""
    language: str = ""


def shot_words(shot: Shot) -> str:
    """ "Medium close-up, low angle, push-in"; what is usual (eye level, static) is left out."""
    angle = "" if shot.angle == "eye-level" else ANGLE_WORDS.get(shot.angle, f"{shot.angle} angle")
    movement = "" if shot.movement == "static" else shot.movement
    return ", ".join(part for part in (SIZE_WORDS[shot.size], angle, movement) if part)


def shot_letters(shot: Shot) -> str:
    """ "MCU · low · push-in"."""
    angle = "" if shot.angle == "eye-level" else ABBREVIATIONS.get(shot.angle, shot.angle)
    movement = "" if shot.movement == "static" else shot.movement
    return " · ".join(part for part in (ABBREVIATIONS[shot.size], angle, movement) if part)


def duration_text(seconds: float) -> str:
    """ "2.5 s" or "1:05" or "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def aspect_text(aspect: float) -> str:
    """ "16:9", "1:1" for the usual shapes, otherwise "2.39:1"."""
    usual = {(16, 9): 16 / 9, (4, 3): 4 / 3, (3, 2): 1.5, (1, 1): 1.0, (4, 5): 0.8, (9, 16): 9 / 16, (3, 4): 0.75}
    for (width, height), value in usual.items():
        if abs(aspect / value - 1) < 0.01:
            return f"{width}:{height}"
    return f"{aspect:.2f}:1"


def field_texts(scene: Scene, sheet: Sheet) -> tuple[FieldText, ...]:
    """The scene's texts that the sheet wants, in reading order; empty ones and a repeated caption are left out."""
    offered = (
        FieldText(field="caption", text=scene.caption),
        FieldText(field="caption", text=second_caption(scene, sheet), language=sheet.second_language),
        FieldText(field="action", text=scene.action if scene.action != scene.caption else "", label="Action"),
        FieldText(field="dialogue", text=scene.dialogue, label="Dialogue"),
        FieldText(field="notes", text=scene.notes, label="Notes"),
    )
    return tuple(text for text in offered if text.text and text.field in sheet.fields)


def second_caption(scene: Scene, sheet: Sheet) -> str:
    """The caption in the sheet's second language, or ""."""
    return next((text for scene_id, text in sheet.translations if scene_id == scene.id), "")


def revision_words(scene: Scene, sheet: Sheet) -> str:
    """ "New" or "Changed" since the last import of the script; only for readers who also see notes."""
    return REVISION_WORDS.get(scene.revision, "") if "notes" in sheet.fields else ""


def alt_text(scene: Scene, number: str) -> str:
    """What a screen reader says for the frame; never empty."""
    return scene.alt or scene.caption or f"Frame {number}"


def board_facts(plan: ScenePlan, sheet: Sheet, aspect: float) -> tuple[str, ...]:
    """Project, counts, running time, shape, version and date, as far as they are known."""
    frames = len(plan.scenes)
    seconds = sum(scene.duration_s for scene in plan.scenes)
    return tuple(
        fact
        for fact in (
            sheet.project,
            f"{frames} frame{'s' if frames != 1 else ''}",
            duration_text(seconds) if "duration" in sheet.fields else "",
            aspect_text(aspect),
            sheet.version,
            sheet.date,
        )
        if fact
    )
