"""Words that stand in for one another in a scene: times of day, kinds of weather, colours and materials."""

from __future__ import annotations

import re

HOURS = r"day(?:time)?|night(?:time)?|midnight|noon|sunset|sunrise|dawn|dusk|morning|afternoon|evening|golden hour"
TIME = re.compile(
    r"\b(?:(?:in|on|at|by|during)\s+)?(?:(?:an?|the)\s+)?"
    rf"(?:(?:sunny|bright|clear|early|late|dark|rainy|cloudy|warm)\s+)?(?:{HOURS})\b",
    re.IGNORECASE,
)
WEATHER = re.compile(
    r"\b(?:sunny|sunshine|raining|rainy|rain|snowing|snowy|snow|stormy|storm|foggy|fog|misty|mist|cloudy|clouds|overcast|"
    r"windy|(?:clear|blue) sky)\b",
    re.IGNORECASE,
)
DARK = re.compile(r"\b(?:night(?:time)?|midnight)\b", re.IGNORECASE)
SUNLIT = re.compile(r"(?:sunny|sunshine|(?:clear |bright )?blue sky)", re.IGNORECASE)
COLOUR = re.compile(
    r"\b(?:(?:light|dark|pale|bright)\s+)?(?:red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|grey|gray|"
    r"golden|silver|beige|turquoise)\b",
    re.IGNORECASE,
)
SAID_AS = {"day": "by day", "daytime": "by day", "golden hour": "golden hour"}


def time_phrase(word: str) -> str:
    """ "night" -> "at night", "morning" -> "in the morning"; what has its own preposition stays."""
    plain = word.strip().lower().removesuffix(" time").replace("nighttime", "night")
    if not re.fullmatch(HOURS, plain):
        return word.strip()
    if plain in SAID_AS:
        return SAID_AS[plain]
    return f"in the {plain}" if plain in ("morning", "afternoon", "evening") else f"at {plain}"


def with_time(prompt: str, word: str) -> str:
    """The prompt at another time of day, said once: in place of the first time it names, or at its end.

    At night what only the sun shows is no longer said.
    """
    new = time_phrase(word)
    first = TIME.search(prompt)
    if first is None:
        return f"{prompt.rstrip(' ,.')}, {new}"
    over = (TIME, SUNLIT) if DARK.search(new) else (TIME,)
    rest = [part for part in prompt[first.end() :].split(",") if not any(each.fullmatch(part.strip()) for each in over)]
    return prompt[: first.start()] + new + ",".join(rest)


def with_weather(prompt: str, word: str) -> str:
    """The prompt in another weather: in place of the first it names, or at its end."""
    first = WEATHER.search(prompt)
    if first is None:
        return f"{prompt.rstrip(' ,.')}, {word.strip()}"
    return prompt[: first.start()] + word.strip() + prompt[first.end() :]


def with_colour(prompt: str, start: int, colour: str) -> str:
    """The prompt with the thing at `start` in another colour, whether it had one or not."""
    before = re.search(rf"({COLOUR.pattern})\s+$", prompt[:start], re.IGNORECASE)
    if before is None:
        return f"{prompt[:start]}{colour} {prompt[start:]}"
    return f"{prompt[: before.start(1)]}{colour} {prompt[start:]}"
