"""What a drawing shows: the ground truth from which it is drawn, captioned and later measured.

A `SceneSpec` fixes everything that can be seen. `random_spec` draws plausible ones, `attributes` flattens one into
labels: "none" where a thing is absent and "hidden" where the shot or the style does not show it.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from storyboard.errors import BadInput
from storyboard.evaluating.visibility import hidden_attributes
from storyboard.evaluating.vocabulary import ANIMALS, HIDDEN, INDOOR, NONE, ODDS, VOCABULARY


class SpecError(BadInput):
    """A specification names a field or a value that the illustrator does not know."""

    hint = "Draw an example with `python -m storyboard.starter draw --count 1 OUT` and start from its JSON."


@dataclass(frozen=True, kw_only=True)
class PersonSpec:
    """How somebody looks, whatever they do; all values come from `VOCABULARY`."""

    gender: str = "male"
    age: str = "adult"
    skin: str = "light"
    hair_colour: str = "brown"
    hair_style: str = "short"
    facial_hair: str = NONE
    glasses: str = NONE
    hat: str = NONE
    hat_colour: str = "red"
    top: str = "t-shirt"
    top_colour: str = "blue"
    bottom: str = "trousers"
    bottom_colour: str = "brown"
    shoes: str = "shoes"


@dataclass(frozen=True, kw_only=True)
class AnimalSpec:
    """An animal that keeps somebody company."""

    kind: str = "dog"
    colour: str = "brown"


@dataclass(frozen=True, kw_only=True)
class SceneSpec:
    """One picture: a person in a pose at a place, through a camera, in a style; `seed` settles the small details."""

    person: PersonSpec = PersonSpec()
    pose: str = "standing"
    expression: str = "smiling"
    prop: str = NONE
    second: PersonSpec | AnimalSpec | None = None
    place: str = "park"
    time: str = "noon"
    weather: str = "clear"
    shot: str = "full"
    angle: str = "eye"
    style: str = "flat"
    position: str = "centre"
    facing: str = "right"
    seed: int = 0


Spec = TypeVar("Spec", PersonSpec, AnimalSpec, SceneSpec)
PERSON_FIELDS = tuple(field.name for field in fields(PersonSpec))
SCENE_FIELDS = tuple(field.name for field in fields(SceneSpec))


def indoors(spec: SceneSpec) -> bool:
    """Whether the place has a ceiling, so that weather shows at most through a window."""
    return spec.place in INDOOR


def companion_kind(second: PersonSpec | AnimalSpec | None) -> str:
    """The label of who keeps the figure company: none, man, woman, child or the animal's kind."""
    if second is None:
        return NONE
    if isinstance(second, AnimalSpec):
        return second.kind
    if second.age == "child":
        return "child"
    return "man" if second.gender == "male" else "woman"


def attributes(spec: SceneSpec) -> dict[str, str]:
    """Flat labels of what can be seen in the drawing of `spec`; every key of `LABELS` is present."""
    person = spec.person
    labels = {name: getattr(person, name) for name in PERSON_FIELDS}
    labels |= {name: getattr(spec, name) for name in SCENE_FIELDS if name in VOCABULARY}
    labels["companion"] = companion_kind(spec.second)
    hidden = hidden_attributes(
        shot=spec.shot, pose=spec.pose, prop=spec.prop, style=spec.style, place=spec.place, hat=person.hat
    )
    labels |= dict.fromkeys(hidden, HIDDEN)
    if person.hat == NONE:
        labels["hat_colour"] = NONE
    if person.top == "dress" and "bottom" not in hidden:
        labels["bottom"] = labels["bottom_colour"] = NONE
    if person.hair_style == "bald":
        labels["hair_colour"] = NONE
    return labels


LABELS = tuple(attributes(SceneSpec()))


def random_person(rng: random.Random, fixed: Mapping[str, object] | None = None) -> PersonSpec:
    """A plausible person; `fixed` settles any of its fields."""
    chosen: dict[str, Any] = dict(fixed or {})
    _check(PersonSpec, chosen)

    def settle(name: str, odds: Mapping[str, float]) -> str:
        if name not in chosen:
            chosen[name] = _pick(rng, odds)
        return str(chosen[name])

    gender, age = settle("gender", ODDS["gender"]), settle("age", ODDS["age"])
    settle("skin", ODDS["skin"])
    settle("hair_style", ODDS[f"hair_style {gender}"])
    settle("hair_colour", ODDS["hair_colour old" if age == "old" else "hair_colour"])
    settle("facial_hair", ODDS["facial_hair" if gender == "male" and age != "child" else "facial_hair never"])
    settle("glasses", ODDS["glasses"])
    hat = settle("hat", ODDS["hat"])
    settle("hat_colour", ODDS.get(f"hat_colour {hat}", ODDS["hat_colour"]))
    settle("top", ODDS[f"top {gender}"])
    top_colour = settle("top_colour", ODDS["top_colour"])
    bottom = settle("bottom", ODDS[f"bottom {gender}"])
    unlike_top = {colour: odd for colour, odd in ODDS["bottom_colour"].items() if colour != top_colour}
    settle("bottom_colour", {"blue": 1.0} if bottom == "jeans" else unlike_top)
    settle("shoes", ODDS["shoes"])
    return _checked(PersonSpec, chosen)


def random_animal(rng: random.Random, fixed: Mapping[str, object] | None = None) -> AnimalSpec:
    """An animal in a colour it can have; `fixed` settles either."""
    chosen: dict[str, Any] = dict(fixed or {})
    _check(AnimalSpec, chosen)
    chosen.setdefault("kind", rng.choice(tuple(ANIMALS)))
    chosen.setdefault("colour", rng.choice(ANIMALS.get(chosen["kind"], ("brown",))))
    return _checked(AnimalSpec, chosen)


def random_spec(rng: random.Random, fixed: Mapping[str, object] | None = None) -> SceneSpec:
    """A plausible scene; `fixed` settles any field of the scene or the person, or the label "companion".

    Fields of the person may stand beside the scene's or under "person". Raises SpecError for a field or value that
    does not exist.
    """
    chosen: dict[str, Any] = dict(fixed or {})
    look = _as_mapping(chosen.pop("person", {}))
    look |= {name: chosen.pop(name) for name in PERSON_FIELDS if name in chosen}
    person = random_person(rng, look)
    companion = chosen.pop("companion", None)
    _check(SceneSpec, chosen)

    def settle(name: str, odds: Mapping[str, float]) -> str:
        if name not in chosen:
            chosen[name] = _pick(rng, odds)
        return str(chosen[name])

    place = settle("place", ODDS["place"])
    settle("time", ODDS["time"])
    settle("weather", {"clear": 1.0} if place in INDOOR or place == "moon" else ODDS["weather"])
    shot = settle("shot", ODDS["shot"])
    pose = settle("pose", ODDS["pose close-up" if shot == "close-up" else "pose"])
    settle("expression", {"asleep": 1.0} if pose == "sleeping" else ODDS["expression"])
    settle("prop", ODDS.get(f"prop {pose}", ODDS["prop"]))
    if "second" not in chosen:
        chosen["second"] = _companion(rng, str(companion) if companion is not None else _pick(rng, ODDS["companion"]))
    elif chosen["second"] is not None:
        chosen["second"] = second_from(rng, chosen["second"])
    for name in ("angle", "style", "position", "facing"):
        settle(name, ODDS[name])
    chosen.setdefault("seed", rng.randrange(2**31))
    return _checked(SceneSpec, chosen | {"person": person})


def second_from(rng: random.Random, value: object) -> PersonSpec | AnimalSpec:
    """A companion from a full or partial mapping, or as it is."""
    if isinstance(value, PersonSpec | AnimalSpec):
        return value
    mapping = _as_mapping(value)
    return random_animal(rng, mapping) if "kind" in mapping else random_person(rng, mapping)


def to_json(spec: SceneSpec) -> str:
    """The spec as one JSON object; `from_json` gives the same spec back."""
    return json.dumps(asdict(spec), ensure_ascii=False, indent=1)


def from_json(text: str) -> SceneSpec:
    """A spec from `to_json`'s text; raises SpecError where a field or value is unknown."""
    try:
        values = _as_mapping(json.loads(text))
    except json.JSONDecodeError as error:
        raise SpecError(f"The specification is no JSON: {error}.") from error
    person = _checked(PersonSpec, _as_mapping(values.pop("person", {})))
    second = values.pop("second", None)
    if second is None:
        return _checked(SceneSpec, values | {"person": person})
    mapping = _as_mapping(second)
    other = _checked(AnimalSpec, mapping) if "kind" in mapping else _checked(PersonSpec, mapping)
    return _checked(SceneSpec, values | {"person": person, "second": other})


def _companion(rng: random.Random, kind: str) -> PersonSpec | AnimalSpec | None:
    if kind == NONE:
        return None
    if kind in ANIMALS:
        return random_animal(rng, {"kind": kind})
    if kind not in VOCABULARY["companion"]:
        raise SpecError(f"'{kind}' is no companion; known: {', '.join(VOCABULARY['companion'])}.")
    if kind == "child":
        return random_person(rng, {"age": "child"})
    age = "old" if rng.random() < 0.2 else "adult"
    return random_person(rng, {"gender": "male" if kind == "man" else "female", "age": age})


def _pick(rng: random.Random, odds: Mapping[str, float]) -> str:
    return rng.choices(tuple(odds), tuple(odds.values()))[0]


def _as_mapping(value: object) -> dict[str, Any]:
    if isinstance(value, PersonSpec | AnimalSpec):
        return asdict(value)
    if not isinstance(value, Mapping):
        raise SpecError(f"A specification is an object with fields, not {type(value).__name__}.")
    return dict(value)


def _checked(kind: type[Spec], values: Mapping[str, Any]) -> Spec:
    _check(kind, values)
    return kind(**values)


def _check(kind: type[Any], values: Mapping[str, Any]) -> None:
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SpecError(f"'{unknown[0]}' is no field of {kind.__name__}; known: {', '.join(sorted(known))}.")
    for name, value in values.items():
        allowed = VOCABULARY.get(name)
        if allowed is not None and value not in allowed:
            raise SpecError(f"'{value}' is no value of '{name}'; known: {', '.join(allowed)}.")
    if not isinstance(values.get("seed", 0), int):
        raise SpecError("'seed' is a whole number.")
