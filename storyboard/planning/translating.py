"""A board's texts into another language, by the language model that plans; the pictures are not asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from storyboard.errors import PlannerError
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.question import Question, Transport
from storyboard.planning.templates import as_json, render
from storyboard.planning.wire import TRANSLATION_FIELDS, WireTranslation, list_schema
from storyboard.protocols import Recorder
from storyboard.scene_plan import LONGEST_TEXT, Scene, ScenePlan
from storyboard.translation import FIELDS, SceneTexts, Translation, source_digest

SCENES_A_QUESTION = 24
TOKENS_A_SCENE = 400
LONGEST_TITLE = 200
EXAMPLE: Mapping[str, Any] = {
    "title": "El último faro",
    "scenes": [
        {
            "id": "s1",
            "caption": "Paso a paso, la farera sube la luz una vez más.",
            "alt": "Una anciana con abrigo rojo sube una escalera de caracol, vista desde abajo.",
            "action": "",
            "dialogue": "Farera: Una última vez.",
            "notes": "",
        }
    ],
}


def language_model(planner: str, llm_model: str | None) -> Transport:
    """How texts get to the model behind the planner `openai` or `langchain`.

    Raises:
        PlannerError: no key is set, or the planner has no language model.
        BackendMissing, BadInput: as that planner.
    """
    advice = "Set OPENAI_API_KEY or OPENAI_BASE_URL, or write the captions yourself: --captions FILE"
    if planner not in ("openai", "langchain"):
        raise PlannerError(f"The planner {planner!r} cannot translate.", hint=advice)
    try:
        if planner == "langchain":
            from storyboard.planning.langchain import transport_for

            return transport_for(llm_model)
        from storyboard.planning.endpoint import endpoint
        from storyboard.planning.openai import OpenAITransport

        return OpenAITransport(endpoint(llm_model))
    except PlannerError as error:
        raise PlannerError(f"Translating needs a language model: {error}", hint=advice) from None


def translate(
    plan: ScenePlan,
    scenes: Sequence[Scene],
    language: str,
    names: Sequence[str],
    transport: Transport,
    record: Recorder,
) -> Translation:
    """The title and the texts of those scenes in `language`; `names` are written as they are.

    Raises:
        PlannerError: a text is missing in the answer; PlannerUnreachable; PlanRefused.
    """
    ladder, title, found = Ladder(), "", dict[str, SceneTexts]()
    for part in _parts(scenes):
        answer = ask(_question(plan, part, language, names), transport, ladder, record)
        entries = {entry.id: entry for entry in answer.entries}
        found |= {scene.id: _texts(scene, entries.get(scene.id)) for scene in part}
        title = title or answer.title
    return Translation(title=title[:LONGEST_TITLE], title_source=plan.title, scenes=found)


def _parts(scenes: Sequence[Scene]) -> Iterator[Sequence[Scene]]:
    for first in range(0, len(scenes), SCENES_A_QUESTION):
        yield scenes[first : first + SCENES_A_QUESTION]


def _question(
    plan: ScenePlan, scenes: Sequence[Scene], language: str, names: Sequence[str]
) -> Question[WireTranslation]:
    schema = list_schema("scenes", TRANSLATION_FIELDS, len(scenes))
    told = [{"id": scene.id, **{name: getattr(scene, name) for name in FIELDS}} for scene in scenes]
    asked = {"from": plan.story.language, "to": language, "names": list(names), "title": plan.title, "scenes": told}
    return Question(
        name=f"translation-{language}-{scenes[0].number}",
        system=render("translator", schema=as_json(schema), example=as_json(EXAMPLE)),
        user=as_json(asked),
        key="scenes",
        entry=WireTranslation,
        schema=schema,
        count=len(scenes),
        tokens_an_entry=TOKENS_A_SCENE,
        complaints=_complaints({scene.id: scene for scene in scenes}),
    )


def _complaints(scenes: Mapping[str, Scene]) -> Callable[[WireTranslation], tuple[str, ...]]:
    def complaints(entry: WireTranslation) -> tuple[str, ...]:
        if entry.id not in scenes:
            return (f"there is no scene {entry.id[:40]!r}",)
        return tuple(f"`{name}` is empty" for name in _missing(scenes[entry.id], entry))

    return complaints


def _missing(scene: Scene, entry: WireTranslation) -> list[str]:
    return [name for name in FIELDS if getattr(scene, name) and not getattr(entry, name)]


def _texts(scene: Scene, entry: WireTranslation | None) -> SceneTexts:
    """The entry's texts, where the scene has one."""
    missing = list(FIELDS[:1]) if entry is None else _missing(scene, entry)
    if entry is None or missing:
        raise PlannerError(
            f"The language model left out the {' and '.join(missing)} of frame {scene.number}.", hint="Try again."
        )
    texts = {name: getattr(entry, name)[:LONGEST_TEXT] for name in FIELDS if getattr(scene, name)}
    return SceneTexts(source=source_digest(scene), **texts)
