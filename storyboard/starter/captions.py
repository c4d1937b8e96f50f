"""Writes what a drawing shows in free English: comma lists and sentences, with synonyms, in varied order and length."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from storyboard.evaluating import lexicon, lexicon_actions, lexicon_places
from storyboard.evaluating.lexicon import Words
from storyboard.evaluating.verb_forms import inflect
from storyboard.evaluating.vocabulary import HIDDEN, NONE
from storyboard.starter.spec import AnimalSpec, PersonSpec, SceneSpec, attributes

STOP_WORDS = frozenset(
    "a an the of in on at by with and or to from for into over under is are his her their he she it up down out off as "
    "while near next both this that who".split()
)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Characters `start` to `end` of a caption name the part `part` of the drawing (a key of its masks)."""

    start: int
    end: int
    part: str


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A text and which of its words name which part."""

    text: str
    spans: tuple[Span, ...]


Piece = tuple[tuple[str, str | None], ...]


@dataclass
class _Writer:
    """Puts pieces one after another and remembers where the named parts are."""

    text: str = ""
    spans: list[Span] = field(default_factory=list)

    def add(self, piece: Piece, before: str = "") -> None:
        self.text += before
        for words, part in piece:
            if part is not None:
                self.spans.append(Span(start=len(self.text), end=len(self.text) + len(words), part=part))
            self.text += words


def caption(spec: SceneSpec, rng: random.Random, *, completeness: float = 1.0) -> Caption:
    """A caption of `spec`; each attribute beyond the subject is named with probability about `completeness`."""
    parts = _Parts(spec, rng, completeness)
    writer = _Writer()
    if rng.random() < 0.6:
        _write_list(writer, parts, rng)
    else:
        _write_sentence(writer, parts, rng)
    return Caption(text=writer.text, spans=tuple(writer.spans))


def plain(words: str, part: str | None = None) -> Piece:
    """One piece of text that names `part`."""
    return ((words, part),)


def article(words: str) -> str:
    """The words with "a" or "an"."""
    return ("an " if words[0].lower() in "aeiou" else "a ") + words


class _Parts:
    """Chooses for each attribute whether it is named, and the words."""

    def __init__(self, spec: SceneSpec, rng: random.Random, completeness: float) -> None:
        self.spec, self.rng, self.completeness = spec, rng, completeness
        self.labels = attributes(spec)

    def named(self, *attribute_names: str, share: float = 1.0) -> bool:
        """Whether to name these attributes now; what the picture hides is named half as often."""
        hidden = any(self.labels[name] == HIDDEN for name in attribute_names)
        return self.rng.random() < self.completeness * share * (0.5 if hidden else 1.0)

    def words(self, table: Words, value: str) -> str:
        """A synonym."""
        return self.rng.choice(table[value])

    def subject(self) -> Piece:
        """The noun with its article, sometimes with the hair before it."""
        return plain(
            article(self.words(lexicon.SUBJECTS, f"{self.spec.person.gender} {self.spec.person.age}")), "figure"
        )

    def hair(self, person: PersonSpec) -> Piece | None:
        """Hair, as "short brown hair", "a brown ponytail" or "bald"."""
        if person.hair_style == "bald":
            return plain(self.rng.choice(("a bald head", "no hair", "a shaved head")), "head")
        colour = self.words(lexicon.HAIR_COLOURS, person.hair_colour)
        draw = self.rng.random()
        if person.hair_style in ("bun", "ponytail") and draw < 0.75:
            forms = (f"{colour} hair in a {person.hair_style}", article(f"{colour} {person.hair_style}"))
            return plain(self.rng.choice(forms), "hair")
        if draw < 0.22:
            return plain(f"{colour} hair", "hair")
        return plain(f"{self.words(lexicon.HAIR_STYLES, person.hair_style)} {colour} hair", "hair")

    def looks(self) -> list[Piece]:
        """What belongs to the head: hair, beard, glasses, skin."""
        person, pieces = self.spec.person, []
        hair = self.hair(person)
        if hair and self.named("hair_style", share=0.92):
            pieces.append(hair)
        if person.facial_hair != NONE and self.named("facial_hair", share=0.92):
            pieces.append(plain(self.words(lexicon.FACIAL_HAIR, person.facial_hair), "hair"))
        if person.glasses != NONE and self.named("glasses", share=0.92):
            pieces.append(plain(self.words(lexicon.GLASSES, person.glasses), "face"))
        if self.named("skin", share=0.45):
            pieces.append(plain(self.words(lexicon.SKIN, person.skin), "face"))
        return pieces

    def clothes(self, articles: bool) -> list[Piece]:
        """Clothes from top to shoes and hat."""
        person, pieces = self.spec.person, []

        def put(words: str, part: str, plural: bool = False) -> None:
            pieces.append(plain(article(words) if articles and not plural else words, part))

        if self.named("top", share=0.95):
            colour = (
                f"{self.words(lexicon.COLOURS, person.top_colour)} " if self.named("top_colour", share=0.96) else ""
            )
            put(colour + self.words(lexicon.TOPS, person.top), "top")
        if person.top != "dress" and self.named("bottom", share=0.8):
            colour = (
                f"{self.words(lexicon.COLOURS, person.bottom_colour)} "
                if self.named("bottom_colour", share=0.95)
                else ""
            )
            put(colour + self.words(lexicon.BOTTOMS, person.bottom), "bottom", plural=person.bottom != "skirt")
        if self.named("shoes", share=0.3):
            put(self.words(lexicon.SHOES, person.shoes), "figure", plural=True)
        if person.hat != NONE and self.named("hat", share=0.97):
            fixed = person.hat in ("straw hat", "crown")
            colour = (
                ""
                if fixed or not self.named("hat_colour", share=0.9)
                else f"{self.words(lexicon.COLOURS, person.hat_colour)} "
            )
            put(colour + self.words(lexicon.HATS, person.hat), "hat")
        return pieces

    def action(self, form: str) -> list[Piece]:
        """Pose and prop as verb phrases."""
        spec, pieces = self.spec, []
        if spec.pose != "standing" or self.rng.random() < 0.5:
            if self.named("pose", share=0.95):
                pieces.append(plain(inflect(self.words(lexicon_actions.POSES, spec.pose), form), "figure"))
        if spec.prop != NONE and spec.pose != "reading" and self.named("prop", share=0.95):
            pieces.append(self.prop(form))
        return pieces

    def prop(self, form: str) -> Piece:
        """Holding or using the prop."""
        if self.rng.random() < 0.25:
            return (("with ", None), (self.words(lexicon_actions.PROP_NOUNS, self.spec.prop), "prop"))
        phrase = inflect(self.words(lexicon_actions.PROPS, self.spec.prop), form)
        verb, _, rest = phrase.partition(" ")
        return ((f"{verb} ", None), (rest, "prop")) if rest else plain(verb, "prop")

    def expression(self) -> Piece | None:
        """The mood."""
        if self.spec.pose == "sleeping" or not self.named("expression", share=0.8):
            return None
        return plain(self.words(lexicon.EXPRESSIONS, self.spec.expression), "face")

    def place(self) -> Piece | None:
        """Where."""
        return plain(self.words(lexicon_places.PLACES, self.spec.place)) if self.named("place", share=0.97) else None

    def moment(self) -> list[Piece]:
        """Time of day and weather, in one phrase or two."""
        time, weather = self.spec.time, self.spec.weather
        both = lexicon.MOMENTS.get(f"{time} {weather}")
        if both and self.labels["time"] != HIDDEN and self.labels["weather"] != HIDDEN and self.rng.random() < 0.6:
            return [plain(self.rng.choice(both))] if self.named("time") else []
        pieces = []
        if self.named("time", share=0.85):
            pieces.append(plain(self.words(lexicon.TIMES, time)))
        if self.named("weather", share=0.9 if weather != "clear" else 0.3):
            pieces.append(plain(self.words(lexicon.WEATHERS, weather)))
        return pieces

    def company(self) -> Piece | None:
        """Who is there too."""
        second = self.spec.second
        if second is None or not self.named("companion", share=0.96):
            return None
        link = self.rng.choice(lexicon.COMPANY)
        if isinstance(second, AnimalSpec):
            colour = f"{second.colour} " if self.rng.random() < 0.6 else ""
            return ((f"{link} ", None), (article(colour + self.words(lexicon.ANIMALS, second.kind)), "companion"))
        noun = self.words(lexicon.SUBJECTS, f"{second.gender} {second.age}")
        detail = ""
        if self.rng.random() < 0.5:
            detail = f" in {article(f'{second.top_colour} {lexicon.TOPS[second.top][0]}')}"
        elif self.rng.random() < 0.4 and second.hair_style != "bald":
            detail = f" with {second.hair_colour} hair"
        return ((f"{link} ", None), (article(noun) + detail, "companion"))

    def camera(self) -> list[Piece]:
        """Shot size and angle."""
        pieces = [plain(self.words(lexicon.SHOTS, self.spec.shot))] if self.named("shot", share=0.92) else []
        if self.named("angle", share=0.92 if self.spec.angle != "eye" else 0.15):
            pieces.append(plain(self.words(lexicon.ANGLES, self.spec.angle)))
        if self.spec.second is None and self.named("position", share=0.08):
            pieces.append(plain(self.words(lexicon.POSITIONS, self.spec.position)))
        return pieces

    def style(self) -> list[Piece]:
        """The art style; the usual one is mostly left unsaid."""
        share = 0.2 if self.spec.style == "flat" else 1.0
        named = self.rng.random() < share * max(0.6, self.completeness)
        return [plain(self.words(lexicon.STYLES, self.spec.style))] if named else []


def _joined(pieces: list[Piece], *, last: str = " and ") -> Piece:
    """Pieces with commas, and `last` before the last one."""
    joined: list[tuple[str, str | None]] = []
    for index, piece in enumerate(pieces):
        if index:
            joined.append((last if index == len(pieces) - 1 else ", ", None))
        joined.extend(piece)
    return tuple(joined)


def _write_list(writer: _Writer, parts: _Parts, rng: random.Random) -> None:
    """A director's comma list."""
    subject: list[Piece] = [parts.subject()]
    looks = parts.looks()
    if looks and rng.random() < 0.6:
        subject = [_joined([parts.subject(), _joined(looks)], last=" with ")]
    else:
        subject += looks
    clothes = parts.clothes(articles=rng.random() < 0.5)
    if clothes and rng.random() < 0.5:
        clothes = [_joined([plain(rng.choice(("wearing", "in", "dressed in"))), _joined(clothes)], last=" ")]
    mood = [piece for piece in (parts.expression(),) if piece]
    where = [piece for piece in (parts.place(),) if piece]
    doing, moment = parts.action("ing"), parts.moment()
    company = [piece for piece in (parts.company(),) if piece]
    groups = [clothes, mood, doing, company, where, moment]
    if rng.random() < 0.35:
        rng.shuffle(groups)
    if rng.random() < 0.08:
        groups = [where, moment, subject, clothes, mood, doing, company]
    else:
        groups = [subject, *groups]
    camera, style = parts.camera(), parts.style()
    groups = [camera, *groups] if rng.random() < 0.35 else [*groups, camera]
    groups = [style, *groups] if rng.random() < 0.4 else [*groups, style]
    for piece in (piece for group in groups for piece in group):
        writer.add(piece, ", " if writer.text else "")


def _write_sentence(writer: _Writer, parts: _Parts, rng: random.Random) -> None:
    """One or two sentences of a storyteller."""
    form = rng.choice(("ing", "s"))
    camera, style = parts.camera(), parts.style()
    camera_first = bool(camera) and rng.random() < 0.5
    if camera_first:
        writer.add(_joined([*camera, *style], last=", "))
        writer.add((), rng.choice((" of ", ": ", " of ")))
    writer.add(parts.subject())
    looks, clothes, company, place = parts.looks(), parts.clothes(articles=True), parts.company(), parts.place()
    if looks:
        writer.add(_joined(looks), " with ")
    if clothes:
        writer.add(_joined(clothes), rng.choice((" in ", " wearing ", ", dressed in ")))
    _write_action(writer, parts, rng, form, company, place)
    if not camera_first:
        for piece in (*camera, *style):
            writer.add(piece, rng.choice((", ", ". ")))
    writer.text += rng.choice((".", ""))


def _write_action(
    writer: _Writer, parts: _Parts, rng: random.Random, form: str, company: Piece | None, place: Piece | None
) -> None:
    """The predicate: what is done, with whom, where and when, and in which mood."""
    doing = parts.action(form)
    mood = parts.expression()
    mood_first = mood is not None and rng.random() < 0.5
    if mood and mood_first:
        writer.add(mood, ", ")
    if doing:
        writer.add(_joined(doing), " " if form == "s" else rng.choice((" is ", " ", ", ")))
    if company:
        writer.add(company, " ")
    if place:
        writer.add(place, " " if place[0][0].startswith(("in", "on", "at", "by", "near")) else ", ")
    for piece in parts.moment():
        writer.add(piece, " " if piece[0][0].startswith(("in ", "on ", "at ", "under ")) else ", ")
    if mood and not mood_first:
        writer.add(mood, ". The mood is " if " " not in mood[0][0] else ", ")


def _phrases() -> Iterator[str]:
    for module in (lexicon, lexicon_actions, lexicon_places):
        for name, table in vars(module).items():
            if name.isupper() and isinstance(table, dict):
                for phrases in table.values():
                    yield from phrases
    for table in (lexicon_actions.POSES, lexicon_actions.PROPS):
        for phrases in table.values():
            for form in ("ing", "s"):
                yield from (inflect(phrase, form) for phrase in phrases)
    yield from lexicon.COMPANY
    yield from ("hair", "bald head", "no hair", "shaved head", "bun", "ponytail", "wearing", "dressed", "mood")


def caption_words() -> frozenset[str]:
    """Every content word that captions can contain, in lower case; words joined by hyphens count whole and in parts."""
    words: set[str] = set()
    for phrase in _phrases():
        whole = re.findall(r"[a-z]+(?:['-][a-z]+)*", phrase.lower())
        words.update(whole, *(re.split(r"[-']", word) for word in whole))
    return frozenset(word for word in words if word not in STOP_WORDS and len(word) > 1)


def scene_caption(spec: SceneSpec, subject: str) -> str:
    """What the picture shows beside the person's look and the art style, in the words of the model's captions."""
    parts = [subject]
    if spec.pose != "standing":
        parts.append(inflect(lexicon_actions.POSES[spec.pose][0], "ing"))
    if spec.prop != "none" and spec.pose != "reading":
        parts.append(inflect(lexicon_actions.PROPS[spec.prop][0], "ing"))
    if spec.pose != "sleeping":
        parts.append(lexicon.EXPRESSIONS[spec.expression][0])
    parts.append(lexicon_places.PLACES[spec.place][0])
    parts.append(lexicon.TIMES[spec.time][0])
    if spec.weather != "clear":
        parts.append(lexicon.WEATHERS[spec.weather][0])
    parts.append(lexicon.SHOTS[spec.shot][0])
    return ", ".join(parts)
