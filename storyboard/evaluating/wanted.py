"""Which attributes a prompt asks for, found by the words that captions use for them.

Only plain words count ("sitting", "red cap", "at night"); words that hint at several things ("tired", "rest") are left
out, so what is found is what the prompt certainly says.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from storyboard.evaluating import lexicon, lexicon_actions, lexicon_places
from storyboard.evaluating.lexicon import Words
from storyboard.evaluating.verb_forms import inflect
from storyboard.prompting.attention import parse_spans

Finding = tuple[tuple[str, str], ...]

POSE_VERBS: Words = {
    "standing": ("stand",),
    "walking": ("walk", "stroll", "wander", "hike"),
    "running": ("run", "sprint", "jog", "race"),
    "sitting": ("sit",),
    "lying": ("lie down", "lie on", "lie back", "lie in", "sunbathe", "recline", "lounge"),
    "sleeping": ("sleep", "nap", "take a nap", "snore", "doze"),
    "jumping": ("jump", "leap", "hop"),
    "waving": ("wave", "wave hello", "wave goodbye"),
    "climbing": ("climb",),
    "dancing": ("dance", "twirl"),
    "looking up": ("look up", "gaze up", "gaze at the sky", "stare up", "watch the sky"),
    "crouching": ("crouch", "kneel", "squat"),
    "reading": ("read a book", "read on the ground", "sit cross-legged reading a book"),
    "cheering": ("cheer", "raise both arms", "celebrate"),
    "pointing": ("point",),
    "thinking": ("think", "ponder"),
}
EXPRESSIONS: Words = {
    "smiling": (
        "smiling",
        "smiles",
        "smile",
        "happy",
        "with a big smile",
        "cheerful",
        "grinning",
        "laughing",
        "joyful",
    ),
    "neutral": ("neutral expression", "calm face"),
    "sad": ("sad", "crying", "sad face", "unhappy", "in tears", "frowning"),
    "angry": ("angry", "angry face", "furious", "scowling", "grumpy"),
    "surprised": ("surprised", "surprised face", "shocked", "amazed", "astonished", "wide-eyed", "startled"),
    "asleep": ("eyes closed", "closed eyes", "asleep"),
}
PROP_NOUNS: Words = {
    "cup": ("mug", "coffee", "cup of tea", "tea"),
    "phone": ("smartphone", "mobile phone"),
    "gift": ("present", "gift box"),
    "telescope": ("spyglass",),
    "backpack": ("rucksack",),
    "letter": ("envelope",),
    "violin": ("fiddle",),
    "ball": ("basketball", "football"),
    "laptop": ("computer",),
    "magnifying glass": ("magnifier",),
    "suitcase": ("luggage",),
    "paintbrush": ("brush",),
    "guitar": ("guitars",),
    "flower": ("flowers",),
    "basket": ("picnic basket",),
}
VAGUE_PLACES = frozenset(
    "home work class field fire trees flowers paintings crystals waves house hill water sea sofa bed bus station store "
    "shop mine town road camp school big town port roof island sand concert stage".split()
)
WORD, GOES_ON = re.compile(r"\b\w+"), re.compile(r"[\w-]")
SCENERY = re.compile(r"^(?:in|on|at|by|near|inside|aboard|outside|among|under|next to|in front of|the|a|an|deep in) ")


def wanted_attributes(prompt_text: str) -> dict[str, str]:
    """Attribute to value for everything that `prompt_text` plainly asks for; weights and brackets are ignored.

    The first person named is the figure; a second one, and an animal, is the companion, whose clothes do not count.
    """
    found: dict[str, str] = {}
    hints: dict[str, str] = {}
    for _, _, finding in _findings(_plain(prompt_text)):
        for name, value in finding:
            (hints if name.startswith("?") else found).setdefault(name.lstrip("?"), value)
    found = hints | found
    if found.get("hair_style") == "bald":
        found.pop("hair_colour", None)
    return found


def weighted_attributes(prompt_text: str) -> dict[str, tuple[str, float]]:
    """As `wanted_attributes`, each with the weight that the web UI's brackets give the last word that says so."""
    spans = [(" ", 1.0) if span.is_break else (span.text, span.weight) for span in parse_spans(prompt_text)]
    text = "".join(words for words, _ in spans)
    weights = [weight for words, weight in spans for _ in words]
    heard: dict[str, float] = {}
    for _, end, names in asking_phrases(text):
        for name in names:
            heard.setdefault(name, weights[end - 1])
    return {name: (value, heard.get(name, 1.0)) for name, value in wanted_attributes(text).items()}


def asking_phrases(text: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Start, end and attributes, the main one first, of every phrase of `text` that asks for something.

    Brackets in the text end phrases.
    """
    found = _findings("".join(small if len(small := letter.lower()) == 1 else letter for letter in text))
    return [(start, end, tuple(name.lstrip("?") for name, _ in finding)) for start, end, finding in found]


def _findings(text: str) -> Iterator[tuple[int, int, Finding]]:
    """Every phrase of lower-case `text` that asks for something: where it starts and ends, and what it means."""
    position, has_figure = 0, False
    while found := _next_phrase(text, position):
        start, end, finding = found
        position, person = end, any(name == "age" for name, _ in finding)
        if person and has_figure:
            finding, position = (("companion", _companion(dict(finding))),), _end_of_clause(text, position)
        has_figure |= person
        yield start, end, finding


def _next_phrase(text: str, position: int) -> tuple[int, int, Finding] | None:
    """Start, end and meaning of the first phrase from there on; of several that begin at one word, the longest."""
    for word in WORD.finditer(text, position):
        for phrase, finding in _lexicon().get(word.group(), ()):
            end = word.start() + len(phrase)
            if text.startswith(phrase, word.start()) and not GOES_ON.match(text, end):
                return word.start(), end, finding
    return None


def _plain(prompt: str) -> str:
    """Lower case without brackets, weights and the web-UI's schedules."""
    text = re.sub(r":\s*-?[\d.]+\s*(?=[)\]])", " ", prompt.lower())
    return re.sub(r"\s+", " ", re.sub(r"[()\[\]{}<>]|\\", " ", text))


def _end_of_clause(text: str, position: int) -> int:
    stop = re.compile(r"[,.;:]").search(text, position)
    return stop.start() if stop else len(text)


def _companion(finding: Mapping[str, str]) -> str:
    if finding["age"] == "child":
        return "child"
    return "man" if finding["gender"] == "male" else "woman"


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, list[tuple[str, Finding]]]:
    """First word -> the phrases that begin with it, the longest first, and what each one means.

    One pattern of all phrases would take forty milliseconds to compile, in every command that asks.
    """
    findings: dict[str, Finding] = {}
    vague: set[str] = set()
    for phrase, finding in _phrases():
        if findings.setdefault(phrase, finding) != finding:
            vague.add(phrase)
    findings = {phrase: finding for phrase, finding in findings.items() if phrase not in vague}
    by_word: dict[str, list[tuple[str, Finding]]] = {}
    for phrase in sorted(findings, key=len, reverse=True):
        by_word.setdefault(re.split(r"\W", phrase, maxsplit=1)[0], []).append((phrase, findings[phrase]))
    return by_word


def _phrases() -> Iterator[tuple[str, Finding]]:
    yield from _people()
    yield from _clothes()
    yield from _scenes()
    yield from _moments()
    for name, table in (("shot", lexicon.SHOTS), ("angle", lexicon.ANGLES), ("style", lexicon.STYLES)):
        for value, phrases in table.items():
            yield from ((phrase.lower(), ((name, value),)) for phrase in phrases)


def _people() -> Iterator[tuple[str, Finding]]:
    for kind, nouns in lexicon.SUBJECTS.items():
        gender, age = kind.split()
        for noun in nouns:
            yield noun, (("age", age),) if noun in ("child", "kid") else (("gender", gender), ("age", age))
    for name, table in (("facial_hair", lexicon.FACIAL_HAIR), ("glasses", lexicon.GLASSES), ("skin", lexicon.SKIN)):
        for value, phrases in table.items():
            yield from ((phrase.removeprefix("a "), ((name, value),)) for phrase in set(phrases) - {"shades"})
    for value, phrases in EXPRESSIONS.items():
        yield from ((phrase, (("expression", value),)) for phrase in phrases)
    for style, words in lexicon.HAIR_STYLES.items():
        yield from ((f"{word} hair", (("hair_style", style),)) for word in set(words))
    yield from ((word, (("hair_style", "bald"),)) for word in ("bald", "bald head", "shaved head"))
    yield from _hair()


def _hair() -> Iterator[tuple[str, Finding]]:
    """Every way to say that hair has a colour, with and without its style."""
    named = [(colour, word) for colour, words in lexicon.HAIR_COLOURS.items() for word in set(words)]
    for colour, word in named:
        coloured = ("hair_colour", colour)
        yield f"{word} hair", (coloured,)
        yield f"{word}-haired", (coloured,)
        for style, style_words in lexicon.HAIR_STYLES.items():
            yield from ((f"{each} {word} hair", (("hair_style", style), coloured)) for each in set(style_words))
        for style in ("bun", "ponytail"):
            phrases = (f"{word} {style}", f"{word} hair in a {style}")
            yield from ((phrase, (("hair_style", style), coloured)) for phrase in phrases)
    yield from ((f"hair in a {style}", (("hair_style", style),)) for style in ("bun", "ponytail"))


def _clothes() -> Iterator[tuple[str, Finding]]:
    tables = {"top": lexicon.TOPS, "bottom": lexicon.BOTTOMS, "hat": lexicon.HATS}
    shades = [(colour, word) for colour, words in lexicon.COLOURS.items() for word in set(words)]
    for name, table in tables.items():
        for value, nouns in table.items():
            for noun in set(nouns):
                yield noun, ((name, value),)
                for colour, word in shades:
                    yield f"{word} {noun}", ((name, value), (f"{name}_colour", colour))
    for value, nouns in lexicon.SHOES.items():
        yield from ((noun, (("shoes", value),)) for noun in nouns)


def _scenes() -> Iterator[tuple[str, Finding]]:
    for value, verbs in POSE_VERBS.items():
        for verb in verbs:
            yield from ((inflect(verb, form), (("pose", value),)) for form in ("", "ing", "s"))
    for value in lexicon_actions.PROPS:
        yield from ((noun, (("prop", value),)) for noun in (value, *PROP_NOUNS.get(value, ())))
    for value, phrases in lexicon_places.PLACES.items():
        for phrase in {value, *(phrase.lower() for phrase in phrases)}:
            yield phrase, (("place", value),)
            bare = SCENERY.sub("", SCENERY.sub("", SCENERY.sub("", phrase)))
            if bare not in VAGUE_PLACES:
                yield bare, (("place", value),)
    for kind, nouns in lexicon.ANIMALS.items():
        yield from ((noun, (("companion", kind),)) for noun in set(nouns))


def _moments() -> Iterator[tuple[str, Finding]]:
    """Time and weather; a phrase for both gives hints only, which plainer words overrule."""
    plain: set[str] = set()
    for name, table in (("time", lexicon.TIMES), ("weather", lexicon.WEATHERS)):
        for value, phrases in table.items():
            plain.update(phrases)
            yield from ((phrase, ((name, value),)) for phrase in phrases)
    yield from ((value, (("weather", value),)) for value in ("rain", "snow", "fog", "storm"))
    for moment, phrases in lexicon.MOMENTS.items():
        time, weather = moment.split()
        yield from ((phrase, (("?time", time), ("?weather", weather))) for phrase in phrases if phrase not in plain)
