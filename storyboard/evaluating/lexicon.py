"""The words for every attribute: synonyms a director or a storyteller would use; the first of each row is the plainest.

Verb phrases stand in their base form ("sit on a bench"); `verb_forms` inflects their first word.
"""

from collections.abc import Mapping

Words = Mapping[str, tuple[str, ...]]

COLOURS: Words = {
    "red": ("red", "red", "red", "bright red", "crimson", "scarlet"),
    "orange": ("orange", "orange", "bright orange"),
    "yellow": ("yellow", "yellow", "bright yellow", "lemon yellow"),
    "green": ("green", "green", "green", "dark green", "emerald"),
    "blue": ("blue", "blue", "blue", "navy", "royal blue"),
    "purple": ("purple", "purple", "violet"),
    "pink": ("pink", "pink", "rose pink"),
    "brown": ("brown", "brown", "chestnut brown"),
    "black": ("black", "black", "dark"),
    "white": ("white", "white", "snow-white"),
}
HAIR_COLOURS: Words = {
    "black": ("black", "black", "dark", "raven"),
    "brown": ("brown", "brown", "chestnut", "brunette"),
    "blonde": ("blonde", "blonde", "blond", "golden", "fair"),
    "red": ("red", "red", "ginger", "auburn"),
    "grey": ("grey", "grey", "gray", "silver"),
    "white": ("white", "white", "snowy white"),
    "blue": ("blue", "blue", "bright blue", "dyed blue"),
}
HAIR_STYLES: Words = {
    "short": ("short", "short", "neat short", "short tousled"),
    "long": ("long", "long", "long straight", "flowing long"),
    "curly": ("curly", "curly", "wavy", "frizzy curly"),
    "bun": ("tied-up", "pinned-up"),
    "ponytail": ("tied-back",),
    "spiky": ("spiky", "spiky", "messy", "tousled", "wild"),
}
FACIAL_HAIR: Words = {
    "beard": ("a beard", "a full beard", "a bushy beard", "a thick beard"),
    "moustache": ("a moustache", "a mustache", "a big moustache"),
    "goatee": ("a goatee", "a goatee", "a small goatee"),
}
GLASSES: Words = {
    "glasses": ("glasses", "round glasses", "spectacles", "eyeglasses"),
    "sunglasses": ("sunglasses", "dark sunglasses", "shades"),
}
SKIN: Words = {
    "light": ("light skin", "fair skin", "pale skin"),
    "tan": ("tan skin", "tanned skin", "olive skin"),
    "brown": ("brown skin", "medium brown skin"),
    "dark": ("dark skin", "deep brown skin"),
}
SUBJECTS: Words = {
    "male adult": ("man", "man", "man", "young man", "guy", "fellow", "gentleman", "hero", "adventurer"),
    "female adult": ("woman", "woman", "woman", "young woman", "lady", "heroine"),
    "male child": ("boy", "boy", "little boy", "young boy", "child", "kid"),
    "female child": ("girl", "girl", "little girl", "young girl", "child", "kid"),
    "male old": ("old man", "old man", "elderly man", "grandfather", "senior man"),
    "female old": ("old woman", "old woman", "elderly woman", "grandmother", "old lady"),
}
TOPS: Words = {
    "t-shirt": ("t-shirt", "t-shirt", "tee", "tee shirt"),
    "shirt": ("shirt", "shirt", "button-up shirt", "collared shirt", "blouse"),
    "sweater": ("sweater", "sweater", "jumper", "striped sweater", "pullover", "turtleneck"),
    "vest": ("vest", "vest over a white shirt", "waistcoat", "vest with a white shirt"),
    "coat": ("coat", "coat", "long coat", "jacket", "overcoat", "raincoat"),
    "hoodie": ("hoodie", "hoodie", "hooded sweatshirt"),
    "dress": ("dress", "dress", "summer dress", "gown"),
}
BOTTOMS: Words = {
    "trousers": ("trousers", "trousers", "pants", "long pants"),
    "jeans": ("jeans", "jeans", "denim jeans"),
    "shorts": ("shorts", "shorts", "short pants"),
    "skirt": ("skirt", "skirt", "short skirt"),
}
SHOES: Words = {
    "shoes": ("shoes", "dark shoes", "leather shoes"),
    "boots": ("boots", "brown boots", "leather boots"),
    "sneakers": ("sneakers", "white sneakers", "trainers"),
}
HATS: Words = {
    "cap": ("cap", "baseball cap"),
    "straw hat": ("straw hat", "straw hat", "sun hat"),
    "top hat": ("top hat", "top hat", "tall hat"),
    "beanie": ("beanie", "beanie", "knitted hat", "woolly hat", "winter hat"),
    "cowboy hat": ("cowboy hat", "cowboy hat", "stetson"),
    "crown": ("crown", "golden crown"),
    "helmet": ("helmet", "helmet", "safety helmet"),
    "wizard hat": ("wizard hat", "wizard hat", "pointed hat", "witch hat"),
}
EXPRESSIONS: Words = {
    "smiling": (
        "smiling",
        "smiling",
        "happy",
        "with a big smile",
        "cheerful",
        "grinning",
        "laughing",
        "joyful",
        "with a happy face",
        "delighted",
        "content",
        "friendly",
        "excited",
        "proud",
    ),
    "neutral": (
        "calm",
        "with a neutral expression",
        "serious",
        "with a calm face",
        "quiet",
        "relaxed",
        "peaceful",
        "focused",
        "determined",
    ),
    "sad": (
        "sad",
        "crying",
        "with a sad face",
        "unhappy",
        "in tears",
        "frowning",
        "lonely",
        "disappointed",
        "tired",
        "worried",
    ),
    "angry": ("angry", "with an angry face", "furious", "mad", "annoyed", "grumpy", "scowling", "upset"),
    "surprised": (
        "surprised",
        "with a surprised face",
        "shocked",
        "amazed",
        "astonished",
        "wide-eyed",
        "scared",
        "afraid",
        "curious",
        "startled",
    ),
    "asleep": ("with closed eyes", "eyes closed", "asleep", "sleepy", "dreaming", "dozing"),
}
TIMES: Words = {
    "morning": (
        "in the morning",
        "morning",
        "early morning",
        "at dawn",
        "at sunrise",
        "morning light",
        "breakfast time",
    ),
    "noon": ("at noon", "daytime", "midday", "in the afternoon", "by day", "bright daylight", "during the day", "noon"),
    "sunset": (
        "at sunset",
        "sunset",
        "at dusk",
        "golden hour",
        "in the evening",
        "evening",
        "warm evening light",
        "orange sky",
        "twilight",
        "the sun going down",
    ),
    "night": (
        "at night",
        "night",
        "under the stars",
        "midnight",
        "after dark",
        "under the moon",
        "moonlit night",
        "starry night",
        "moonlight",
        "late at night",
        "dark night",
    ),
}
WEATHERS: Words = {
    "clear": ("clear sky", "under a clear sky", "good weather", "fine weather"),
    "cloudy": ("cloudy", "overcast", "grey sky", "under a cloudy sky", "cloudy day", "dull day"),
    "rain": (
        "in the rain",
        "rainy",
        "raining",
        "rainy day",
        "heavy rain",
        "wet weather",
        "drizzle",
        "downpour",
        "rainfall",
    ),
    "snow": ("in the snow", "snowing", "snowy", "snowfall", "winter day", "falling snow", "snowflakes", "cold winter"),
    "fog": ("in the fog", "foggy", "misty", "in the mist", "thick fog", "hazy", "foggy day"),
    "storm": (
        "in a storm",
        "stormy",
        "thunderstorm",
        "lightning",
        "stormy weather",
        "dark storm clouds",
        "thunder and lightning",
    ),
}
MOMENTS: Words = {
    "morning clear": ("sunny morning", "on a sunny morning", "fresh morning sun", "bright morning"),
    "noon clear": (
        "sunny",
        "on a sunny day",
        "sunny day",
        "bright sun",
        "in the sunshine",
        "blue sky",
        "under a blue sky",
        "bright summer day",
        "warm summer sun",
        "sunlight",
    ),
    "sunset clear": (
        "at sunset",
        "golden hour",
        "glowing sunset",
        "at dusk",
        "low sun",
        "warm golden light",
        "sunset sky",
    ),
    "night clear": (
        "at night",
        "clear night",
        "starry night",
        "under the stars",
        "moonlit night",
        "moon and stars",
        "night sky",
    ),
    "noon rain": ("rainy day", "on a rainy day", "rainy afternoon", "in the rain"),
    "night rain": ("rainy night", "on a rainy night", "rain at night"),
    "noon snow": ("snowy day", "on a winter day", "snowy afternoon", "in the snow"),
    "night snow": ("snowy night", "on a cold winter night", "snow at night"),
    "night storm": ("stormy night", "on a stormy night"),
    "noon fog": ("foggy day", "on a foggy day"),
    "morning fog": ("foggy morning", "misty morning", "on a misty morning"),
}
SHOTS: Words = {
    "wide": (
        "wide shot",
        "wide shot",
        "long shot",
        "establishing shot",
        "wide view",
        "seen from far away",
        "distant view",
    ),
    "full": ("full shot", "full body", "full shot", "full-body view", "head to toe", "whole figure"),
    "medium": ("medium shot", "medium shot", "mid shot", "waist up", "medium close view", "half body", "waist shot"),
    "close-up": (
        "close-up",
        "close-up",
        "close up",
        "portrait",
        "face close-up",
        "head and shoulders",
        "close shot",
        "closeup",
    ),
}
ANGLES: Words = {
    "eye": ("eye level", "eye-level shot", "straight on"),
    "high": ("high angle", "from above", "high-angle shot", "seen from above", "bird's-eye view"),
    "low": ("low angle", "from below", "low-angle shot", "seen from below"),
}
STYLES: Words = {
    "flat": (
        "flat cartoon",
        "cartoon",
        "cartoon style",
        "vector illustration",
        "animated film style",
        "clean cartoon",
        "storybook illustration",
    ),
    "ink": ("ink sketch", "ink drawing", "sketch", "pen and ink", "line art", "storyboard sketch", "pencil sketch"),
    "pastel": ("pastel drawing", "soft pastel", "pastel colours", "pastel colors", "chalk pastel"),
    "watercolour": (
        "watercolour",
        "watercolor",
        "watercolour painting",
        "watercolor painting",
        "soft watercolour wash",
    ),
    "noir": ("film noir", "black and white", "noir", "noir style", "monochrome", "black-and-white film"),
    "comic": ("comic book style", "comic", "comic panel", "graphic novel", "bold comic ink", "pop art"),
}
POSITIONS: Words = {
    "left": ("on the left", "left side of the frame"),
    "centre": ("in the centre", "in the center", "in the middle of the frame"),
    "right": ("on the right", "right side of the frame"),
}
ANIMALS: Words = {
    "dog": ("dog", "dog", "puppy", "pet dog"),
    "cat": ("cat", "cat", "kitten", "pet cat"),
    "bird": ("bird", "bird", "little bird", "songbird"),
    "horse": ("horse", "horse", "pony"),
    "rabbit": ("rabbit", "rabbit", "bunny"),
}
ANIMAL_COLOURS: Words = {
    name: (name,) for name in ("brown", "black", "white", "orange", "grey", "blue", "red", "yellow")
}
COMPANY: tuple[str, ...] = (
    "with",
    "next to",
    "beside",
    "together with",
    "accompanied by",
    "and",
    "alongside",
    "near",
    "meeting",
    "with a friend,",
)
