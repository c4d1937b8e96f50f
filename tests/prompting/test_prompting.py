"""Where we differ from the web UI on purpose, and what its recorded cases leave out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from storyboard.errors import BadInput, UnknownName
from storyboard.prompting import infotext
from storyboard.prompting.attention import DEEPEST, parse_attention, parse_spans
from storyboard.prompting.axes import parse_axis
from storyboard.prompting.chunks import chunk_prompt
from storyboard.prompting.clip import load_tokenizer, tokenize_with
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.composable import split_composable
from storyboard.prompting.explain import explain
from storyboard.prompting.networks import split_networks
from storyboard.prompting.schedule import parse_schedule
from storyboard.scene_plan import Scene
from tests.prompting.test_properties import letters
from tests.tiny.models import tiny_tokenizer


@pytest.mark.parametrize("text", ["(a BREAK b:1.3)", "[a BREAK b]", "((a BREAK b))", "([a BREAK b])"])
def test_break_is_a_break_inside_brackets_too(text: str) -> None:
    (a, weight), middle, (b, same) = parse_attention(text)
    assert (a, middle, b, weight) == ("a", ("BREAK", -1.0), "b", same)


def test_a_word_that_merely_spells_break_is_text() -> None:
    [span] = parse_spans("BRE()AK")
    assert (span.text, span.weight, span.is_break) == ("BREAK", 1.0, False)
    [chunk] = chunk_prompt("(BRE()AK:-1)", letters)
    assert {piece.weight for piece in chunk.pieces} == {-1.0}


@pytest.mark.parametrize("text", ["(a:1.2.3)", "(a:.)", "(a:..5)"])
def test_a_number_that_is_none_is_text(text: str) -> None:
    assert parse_attention(text) == [(text[1:-1], 1.1)]


def test_weights_stay_finite() -> None:
    huge = "9" * 200
    assert parse_attention(f"((a:{huge}):{huge})") == [("a", sys.float_info.max)]
    assert parse_attention(f"(a:{'9' * 400})") == [(f"a:{'9' * 400}", 1.1)]
    assert split_composable(f"a AND b:{'9' * 400}") == [("a", 1.0), (f" b:{'9' * 400}", 1.0)]


def test_brackets_nested_beyond_sense_stop_multiplying() -> None:
    deep = DEEPEST + 100
    [(_, weight)] = parse_attention("(" * deep + "a" + ")" * deep)
    assert weight == pytest.approx(1.1**DEEPEST)


def test_a_switch_counts_even_before_stray_brackets() -> None:
    assert parse_schedule("[a:b:3]((x", 5) == [(3, "a((x"), (5, "b((x")]


@pytest.mark.parametrize("when", ["1e999", "9" * 400, "-1e999"])
def test_absurd_times_are_clamped(when: str) -> None:
    [(end, text)] = parse_schedule(f"[a:b:{when}]", 10)
    assert (end, text) == (10, "b" if when.startswith("-") else "a")


def test_nesting_costs_no_recursion() -> None:
    depth = 5000
    [(_, text)] = parse_schedule("[a" * depth + ":0]" * depth, 10)
    assert text == "a" * depth


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<lora:n>", (1.0, 1.0)),
        ("<lora:n:0.5>", (0.5, 0.5)),
        ("<lora:n:0.5:0.7>", (0.5, 0.7)),
        ("<lora:n:te=0.2>", (0.2, 0.2)),
        ("<lora:n:1:unet=0.7>", (1.0, 0.7)),
        ("<lora:n:unet=0.7:te=0.1>", (0.1, 0.7)),
        ("<lora:n:much>", (1.0, 1.0)),
        ("<lora:n:nan:inf>", (1.0, 1.0)),
    ],
)
def test_multipliers(tag: str, expected: tuple[float, float]) -> None:
    text, [network] = split_networks(f"a {tag}b")
    assert (text, network.name, (network.text_encoder, network.unet)) == ("a b", "n", expected)
    assert bool(network.mistakes) == any(word in tag for word in ("much", "nan"))


def test_tag_edges() -> None:
    text, networks = split_networks("<a:><lora:x:1:0.5:8><b:c")
    assert text == "<a:><b:c"
    assert [(network.kind, network.rank) for network in networks] == [("lora", 8)]


def test_comments() -> None:
    assert strip_comments("a # b\nc") == "a \nc"
    assert strip_comments("a\n# b\nc") == "a\nc"
    assert strip_comments("a #ff00ff, c") == "a \n"


def test_comments_of_a_scenes_prompt_end_with_their_line() -> None:
    """The plan keeps a prompt on one line, where a comment would silence the rest."""
    scene = Scene(id="s1", number=1, prompt="a hat # red?\n# later\non a bench", negative="rain\n#x\nfog", caption="#1")
    assert (scene.prompt, scene.negative, scene.caption) == ("a hat on a bench", "rain fog", "#1")


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("1, 3-5, 8", "int", [1, 3, 4, 5, 8]),
        ("10-1 (-3)", "int", [10, 7, 4]),
        ("0-10 [3]", "float", [0.0, 5.0, 10.0]),
        ("0.5-1.5 (+0.5)", "float", [0.5, 1.0, 1.5]),
        ("-5--3", "int", [-5, -4, -3]),
        ('Euler, DDIM,"a, b"', "str", ["Euler", "DDIM", "a, b"]),
        ("a, b", "str_permutations", [("a", "b"), ("b", "a")]),
        ("", "int", []),
    ],
)
def test_axes(text: str, kind: str, expected: list[object]) -> None:
    assert parse_axis(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a", "int"),
        ("1.5", "int"),
        ("nan", "float"),
        ("1-9 (+0)", "int"),
        ("1-999999999", "int"),
        ("0-1 (+0.000001)", "float"),
        ("0-1 [99999999]", "float"),
        ("a,b,c,d,e,f,g,h,i", "str_permutations"),
        ("9" * 5000, "int"),
        ("1-" + "9" * 400, "float"),
    ],
)
def test_unusable_axes(text: str, kind: str) -> None:
    with pytest.raises(BadInput):
        parse_axis(text, kind)


def test_unknown_kind_of_axis() -> None:
    with pytest.raises(UnknownName):
        parse_axis("1", "colour")


def test_image_parameters_there_and_back() -> None:
    text = (
        "a (hat:1.2)\nsecond line\nNegative prompt: blurry\n"
        'Steps: 20, Sampler: Euler a, Size: 512x768, Lora hashes: "flynn: 1a2b, \\"x\\": 3"'
    )
    fields = infotext.parse(text)
    assert fields["Size-2"] == "768" and fields["Lora hashes"] == 'flynn: 1a2b, "x": 3'
    assert infotext.format(fields) == text


def test_a_few_settings_are_prompt() -> None:
    assert infotext.parse("a\nSteps: 20, Seed: 3")["Prompt"] == "a\nSteps: 20, Seed: 3"


def test_keys_that_cannot_be_written() -> None:
    with pytest.raises(BadInput):
        infotext.format({"Prompt": "a", "k:y": 1})


def test_explanation_tells_what_moved_and_what_others_would_cut() -> None:
    text = "a" * 70 + "," + "b" * 10
    explanation = explain(text, letters, steps=4, character_tokens=["nobody"])
    [part] = explanation.terms[0].schedule
    assert [chunk.ended_by for chunk in part.chunks] == ["comma", "end"]
    assert part.chunks[1].moved_in == "bbbb" and part.beyond_first_chunk == "b" * 10
    assert any("2 chunks" in warning for warning in explanation.warnings) and not explanation.characters


def test_explanation_warns_of_split_tokens_and_bad_tags() -> None:
    explanation = explain("a fljs man <lora:x:much><http://y>", letters, steps=4, character_tokens=["fljs", "m"])
    assert [character.pieces for character in explanation.characters] == [("f", "l", "j", "s")]
    assert [
        "4 pieces" in explanation.warnings[0],
        "much" in explanation.warnings[1],
        "http" in explanation.warnings[2],
    ] == [True] * 3


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a hat #ff00ff, rain", "comment; what is read: 'a hat'"),
        ("a|b [c:d:3]", "switches scheduling off"),
        ("(16:9)", "'16' weighs 9"),
        ("ratio 16:9", "weighs the whole prompt: 9"),
        (r"a (hat:1.3), [a|b], c\|d [rain:snow:0.5]", ""),
    ],
)
def test_explanation_tells_what_may_not_be_meant(text: str, note: str) -> None:
    assert [note in warning for warning in explain(text, letters, steps=4).warnings] == [True] * bool(note)


def test_tokenizer_from_either_kind_of_file(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    loaded = tokenize_with(load_tokenizer(tmp_path))
    text = "A green hat, déjà vu 🙂 x99"
    assert [token.id for token in loaded(text)] == tokenizer(text, add_special_tokens=False).input_ids
    assert "".join(text[token.start : token.end] for token in loaded("dog")) == "A g"


def test_missing_and_broken_tokenizers(tmp_path: Path) -> None:
    from storyboard.errors import ModelError

    with pytest.raises(ModelError):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError):
        load_tokenizer(tmp_path)
