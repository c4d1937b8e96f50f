import random
import re

import pytest

from storyboard.evaluating.verb_forms import inflect
from storyboard.starter.captions import STOP_WORDS, caption, caption_words
from storyboard.starter.illustrator import PARTS
from storyboard.starter.spec import random_spec

PAIRS = [
    (spec, caption(spec, random.Random(seed))) for seed in range(400) for spec in (random_spec(random.Random(seed)),)
]


def test_spans_hold_words_of_known_parts() -> None:
    for _, written in PAIRS:
        for span in written.spans:
            assert span.part in PARTS
            words = written.text[span.start : span.end]
            assert words and words == words.strip()


def test_the_subject_is_always_named() -> None:
    assert all(any(span.part == "figure" for span in written.spans) for _, written in PAIRS)


def test_hats_are_named_only_where_there_are_hats() -> None:
    named = [(spec.person.hat != "none", any(span.part == "hat" for span in written.spans)) for spec, written in PAIRS]
    assert not [pair for pair in named if pair == (False, True)]
    assert sum(both == (True, True) for both in named) > 0.9 * sum(there for there, _ in named)


def test_less_complete_captions_are_shorter() -> None:
    def length(completeness: float) -> float:
        texts = [caption(spec, random.Random(7), completeness=completeness).text for spec, _ in PAIRS[:100]]
        return sum(map(len, texts)) / len(texts)

    assert length(0.2) < 0.5 * length(0.6) + 40 < length(1.0)


def test_captions_vary_and_repeat_with_the_seed() -> None:
    spec = random_spec(random.Random(1))
    texts = {caption(spec, random.Random(seed)).text for seed in range(20)}
    assert len(texts) == 20
    assert caption(spec, random.Random(3)) == caption(spec, random.Random(3))


def test_captions_fit_the_text_encoder_and_hold_no_weighting() -> None:
    for _, written in PAIRS:
        assert len(written.text.split()) <= 62
        assert not re.search(r"[()\[\]{}<>|]", written.text)


def test_every_content_word_of_a_caption_is_in_the_vocabulary() -> None:
    known = caption_words()
    for _, written in PAIRS:
        words = re.findall(r"[a-z]+(?:['-][a-z]+)*", written.text.lower())
        assert not [word for word in words if word not in known and word not in STOP_WORDS and len(word) > 1]


@pytest.mark.parametrize(
    ("phrase", "form", "expected"),
    [
        ("sit on a bench", "ing", "sitting on a bench"),
        ("lie down", "ing", "lying down"),
        ("dance", "ing", "dancing"),
        ("watch the sky", "s", "watches the sky"),
        ("carry a map", "s", "carries a map"),
        ("play ball", "s", "plays ball"),
        ("sing and dance", "ing", "singing and dancing"),
        ("have lunch, a sandwich", "s", "has lunch, a sandwich"),
        ("run", "", "run"),
    ],
)
def test_verbs_are_inflected(phrase: str, form: str, expected: str) -> None:
    assert inflect(phrase, form) == expected
