"""The forms that verbs take in prompts: "sit on a bench" as "sitting on a bench" or "sits on a bench"."""

DOUBLING = frozenset({"sit", "run", "nap", "hop", "jog", "stop", "set", "win", "spot", "plan", "sip"})


def inflect(phrase: str, form: str) -> str:
    """A verb phrase with its first word as "ing" form or third person ("s"), and so the verb after "and"."""
    first, joined, second = phrase.partition(" and ")
    if joined:
        return f"{inflect(first, form)} and {inflect(second, form)}"
    verb, _, rest = phrase.partition(" ")
    verb, comma = verb.rstrip(","), "," if verb.endswith(",") else ""
    if form == "ing":
        verb = _ing(verb)
    elif form == "s":
        verb = _third(verb)
    return f"{verb}{comma} {rest}".rstrip()


def _ing(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb in DOUBLING:
        return verb + verb[-1] + "ing"
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + "ing"


def _third(verb: str) -> str:
    if verb == "have":
        return "has"
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"
