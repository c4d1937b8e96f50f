"""A board's texts in another language: asked for once, kept in the manifest, asked for again when they change."""

from __future__ import annotations

from dataclasses import dataclass, replace

from storyboard.casting.registry import load_cast
from storyboard.errors import BoardError
from storyboard.events import Listener, Note
from storyboard.manifest import Manifest
from storyboard.planning.choose import default_planner
from storyboard.planning.translating import language_model, translate
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.sheet import Sheet
from storyboard.translation import Translation, check_language, in_language, outdated, second_captions


@dataclass(frozen=True, kw_only=True)
class Reading:
    """In which language a board is read; `bilingual` prints the captions of `language` under the board's own."""

    language: str
    bilingual: bool = False

    def __post_init__(self) -> None:
        check_language(self.language)


def with_translation(
    store: RunStore, reading: Reading, planner: str | None, llm_model: str | None, listener: Listener
) -> Manifest:
    """The manifest with everything in that language; whoever calls this holds the store's lock.

    Raises:
        PlannerError: no language model can be asked, or its answer is unusable.
    """
    manifest = store.read()
    known = manifest.translations.get(reading.language)
    wanted = _outdated(manifest, reading)
    if not wanted:
        return manifest
    transport = language_model(planner or _usual_planner(), llm_model)
    frames = f"{len(wanted)} frame{'s' if len(wanted) > 1 else ''}"
    listener(Note(text=f"Translating the texts of {frames} into {reading.language} with {transport.model}."))
    cast = load_cast(None)
    names = [cast[name].display_name for name in manifest.plan.cast if name in cast]
    new = translate(manifest.plan, wanted, reading.language, names, transport, store.record)
    if known and known.title_source == new.title_source:
        new = replace(new, title=known.title)
    merged = replace(new, scenes={**(known.scenes if known else {}), **new.scenes})
    manifest = replace(manifest, translations={**manifest.translations, reading.language: merged})
    store.save(manifest)
    return manifest


def as_read(manifest: Manifest, sheet: Sheet, reading: Reading) -> tuple[ScenePlan, Sheet]:
    """The plan and the sheet to print, from what the manifest holds.

    Raises:
        BoardError: some texts are not translated yet.
    """
    if _is_own(manifest, reading):
        return manifest.plan, sheet
    translation = manifest.translations.get(reading.language)
    if translation is None or _outdated(manifest, reading):
        raise BoardError(
            f"The board is not translated into {reading.language}, or its texts have changed since.",
            hint=f"Translate it with: storyboard export BOARD --language {reading.language}",
        )
    return _applied(manifest.plan, sheet, reading, translation)


def _applied(plan: ScenePlan, sheet: Sheet, reading: Reading, translation: Translation) -> tuple[ScenePlan, Sheet]:
    if not reading.bilingual:
        return in_language(plan, translation, reading.language), sheet
    captions = second_captions(plan, translation)
    return plan, replace(sheet, translations=captions, second_language=reading.language)


def _outdated(manifest: Manifest, reading: Reading) -> tuple[Scene, ...]:
    known = manifest.translations.get(reading.language)
    return () if _is_own(manifest, reading) else outdated(manifest.plan, known)


def _is_own(manifest: Manifest, reading: Reading) -> bool:
    return reading.language == manifest.plan.story.language


def _usual_planner() -> str:
    """`openai` also without a key, so that the error says that one is missing."""
    name, _ = default_planner()
    return name if name != "offline" else "openai"
