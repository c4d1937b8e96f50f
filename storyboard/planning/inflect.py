"""English endings and pronouns, as far as captions need them."""

from __future__ import annotations

import re
from collections.abc import Mapping

IRREGULAR_THIRD = {"be": "is", "have": "has", "do": "does", "can": "can"}
IRREGULAR_PLURAL = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "wolf": "wolves",
    "thief": "thieves",
    "wife": "wives",
    "housewife": "housewives",
    "knife": "knives",
    "elf": "elves",
    "leaf": "leaves",
    "loaf": "loaves",
    "shelf": "shelves",
    "calf": "calves",
    "mouse": "mice",
    "person": "people",
    "goose": "geese",
    "sheep": "sheep",
    "fish": "fish",
}
IRREGULAR_PAST = {
    "run": "ran",
    "go": "went",
    "eat": "ate",
    "sleep": "slept",
    "sing": "sang",
    "swim": "swam",
    "read": "read",
    "write": "wrote",
    "drink": "drank",
    "ride": "rode",
    "drive": "drove",
    "fight": "fought",
    "build": "built",
    "find": "found",
    "lose": "lost",
    "meet": "met",
    "catch": "caught",
    "buy": "bought",
    "make": "made",
    "take": "took",
    "fly": "flew",
    "draw": "drew",
    "leave": "left",
    "fall": "fell",
    "win": "won",
    "teach": "taught",
    "grow": "grew",
    "sell": "sold",
    "steal": "stole",
    "hide": "hid",
    "slay": "slew",
    "flee": "fled",
    "feed": "fed",
    "come": "came",
    "dream": "dreamt",
    "think": "thought",
    "dive": "dove",
    "give": "gave",
    "tell": "told",
    "throw": "threw",
    "hold": "held",
    "bring": "brought",
    "forget": "forgot",
    "begin": "began",
    "keep": "kept",
    "speak": "spoke",
    "stand": "stood",
    "sit": "sat",
    "wear": "wore",
    "wake": "woke",
    "break": "broke",
    "blow": "blew",
    "see": "saw",
    "hear": "heard",
    "send": "sent",
    "spend": "spent",
    "shoot": "shot",
    "shake": "shook",
    "feel": "felt",
    "hang": "hung",
    "ring": "rang",
    "swing": "swung",
    "bite": "bit",
    "choose": "chose",
    "say": "said",
    "get": "got",
    "lead": "led",
    "pay": "paid",
    "rise": "rose",
    "seek": "sought",
}
PRONOUNS: Mapping[str, Mapping[str, str]] = {
    "he": {"they": "he", "them": "him", "their": "his", "themselves": "himself"},
    "she": {"they": "she", "them": "her", "their": "her", "themselves": "herself"},
    "it": {"they": "it", "them": "it", "their": "its", "themselves": "itself"},
    "they": {"they": "they", "them": "them", "their": "their", "themselves": "themselves"},
}
STRESSED_LAST = frozenset("forget begin admit regret commit prefer refer occur submit permit equip control".split())
OF_MAN, OF_MEN = re.compile(r"(?!hu|ger|ro).{2,}man"), re.compile(r".{2,}men")
_VERB = re.compile(r"<(\w+)>")
_PRONOUN_VERB = re.compile(r"\{they\} <(\w+)>")


def third_person(verb: str) -> str:
    """ "go" -> "goes", "carry" -> "carries", "be" -> "is"."""
    return IRREGULAR_THIRD.get(verb) or _with_s(verb)


def base_of_third(verb: str) -> str:
    """ "juggles" -> "juggle", "teaches" -> "teach", "carries" -> "carry"."""
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    return verb[:-2] if re.search(r"(ch|sh|ss|x|z|o)es$", verb) else verb[:-1]


def plural(noun: str) -> str:
    """ "dog" -> "dogs", "fox" -> "foxes", "child" -> "children"; of a phrase, its last word."""
    head, space, last = noun.rpartition(" ")
    irregular = IRREGULAR_PLURAL.get(last) or (last[:-2] + "en" if OF_MAN.fullmatch(last) else "")
    return head + space + (irregular or _with_s(last))


def is_plural(noun: str) -> bool:
    """Whether a noun looks like many: "dogs", "postmen", "children"; not "glass"."""
    last = noun.rpartition(" ")[2]
    return last in IRREGULAR_PLURAL.values() or bool(OF_MEN.fullmatch(last)) or bool(re.fullmatch(r".+[^sui]s", last))


def gerund(verb: str) -> str:
    """ "run" -> "running", "make" -> "making", "tie" -> "tying"."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and len(verb) > 2:
        return verb[:-1] + "ing"
    return _doubled(verb) + "ing"


def past(verb: str) -> str:
    """ "walk" -> "walked", "stop" -> "stopped", "run" -> "ran"."""
    if verb in IRREGULAR_PAST:
        return IRREGULAR_PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return _doubled(verb) + "ed"


def with_article(phrase: str) -> str:
    """ "apple" -> "an apple"."""
    return f"{'an' if phrase[:1].lower() in tuple('aeiou') else 'a'} {phrase}"


def sentence_case(text: str) -> str:
    """The first letter as a capital, the rest untouched."""
    return text[:1].upper() + text[1:]


def inflect(text: str, *, many: bool, pronoun: str) -> str:
    """Settle <verb> and {they}, {them}, {their}, {themselves} for a subject.

    `many`: the subject is plural; `pronoun`: "he", "she", "it" or "they" (whose verbs are plural even for one person).
    """
    many_after_pronoun = pronoun == "they"
    text = _PRONOUN_VERB.sub(lambda match: "{they} " + _conjugate(match[1], many_after_pronoun), text)
    text = _VERB.sub(lambda match: _conjugate(match[1], many), text)
    for word, form in PRONOUNS[pronoun].items():
        text = text.replace("{" + word + "}", form)
    return text


def _conjugate(verb: str, many: bool) -> str:
    if many:
        return {"be": "are"}.get(verb, verb)
    return third_person(verb)


def _with_s(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def _doubled(verb: str) -> str:
    short = re.fullmatch(r"(?:qu|[^aeiou])*[aeiou][bdgklmnprt]", verb) or verb in STRESSED_LAST
    return verb + verb[-1] if short else verb
