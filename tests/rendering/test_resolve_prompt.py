"""Tokens become looks where no adapter fits; everything else in a prompt stays as it was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.character import Adapter, Character
from storyboard.errors import UnknownName
from storyboard.prompting.attention import parse_spans
from storyboard.rendering.resolve_prompt import in_words, resolve
from storyboard.rendering.side_by_side import told_apart

FLYNN = Character(name="flynn", token="fljsdhn", noun="man", look="short brown hair, green vest")
STYLE = Character(name="spdmn", token="<style-spdmn>", noun="", look="comic ink", kind="style")


def with_adapter(character: Character, family: str = "sd1", kind: str = "lora", scale: float = 0.8) -> Character:
    adapter = Adapter(family=family, kind=kind, path=Path("x.safetensors"), sha256="ab" * 32, scale=scale)
    return Character(
        name=character.name, token=character.token, noun=character.noun, look=character.look, kind=character.kind,
        adapters=(adapter,),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("fljsdhn man", "man, short brown hair, green vest"),
        ("a fljsdhn man on a bench", "a man, short brown hair, green vest, on a bench"),
        ("(fljsdhn man:1.3), park", "(man, short brown hair, green vest:1.3), park"),
        ("[fljsdhn man] at night", "[man, short brown hair, green vest] at night"),
        ("fljsdhn smiles", "man, short brown hair, green vest, smiles"),
        ("fljsdhn man and fljsdhn's dog", "man, short brown hair, green vest, and man's dog"),
        ("Fljsdhn Man waves", "man, short brown hair, green vest, waves"),
        (
            "fljsdhn man AND fljsdhn man :0.5",
            "man, short brown hair, green vest AND man, short brown hair, green vest :0.5",
        ),
        ("a [fljsdhn man:dog:0.5]", "a [man, short brown hair, green vest:dog:0.5]"),
        ("fljsdhner man, myfljsdhn", "fljsdhner man, myfljsdhn"),
        ("nobody here", "nobody here"),
    ],
)  # fmt: skip
def test_looks_replace_the_token(prompt, expected):
    assert resolve(prompt, (), {"flynn": FLYNN}, "sd1").prompt == expected


def test_looks_with_brackets_are_escaped():
    odd = Character(name="odd", token="zzq", noun="robot", look=r"hat (red) [old], #ratio 16:9 | wide")
    words = in_words("zzq robot", odd)
    assert words == r"robot, hat \(red\) \[old\], ratio 16 9   wide".replace("   ", " ")
    assert [span.weight for span in parse_spans(words)] == [1.0]


def test_an_adapter_keeps_the_token_and_is_used():
    cast = {"flynn": with_adapter(FLYNN), "spdmn": with_adapter(STYLE, kind="textual-inversion")}
    resolved = resolve("fljsdhn man, <style-spdmn>", ("flynn",), cast, "sd1", lora_scale=0.5)
    assert resolved.prompt == "fljsdhn man, <style-spdmn>"
    assert [(use.kind, use.token, use.unet) for use in resolved.adapters] == [
        ("lora", "fljsdhn", 0.4),
        ("textual-inversion", "<style-spdmn>", 0.4),
    ]
    other_family = resolve("fljsdhn man, <style-spdmn>", ("flynn",), cast, "sdxl")
    assert other_family.prompt == "man, short brown hair, green vest, comic ink"
    assert other_family.adapters == ()


def test_nobody_is_applied_who_is_not_named():
    assert resolve("a dog", (), {"flynn": with_adapter(FLYNN)}, "sd1").adapters == ()


def test_tags_name_the_cast_and_set_the_scale():
    cast = {"spdmn": with_adapter(STYLE)}
    resolved = resolve("a city <lora:spdmn:0.3:0.6>, night # a remark", (), cast, "sd1")
    assert resolved.prompt == "a city , night"
    assert [(use.text_encoder, use.unet) for use in resolved.adapters] == [(0.3, 0.6)]
    with pytest.raises(UnknownName):
        resolve("a city <lora:../../etc/passwd:1>", (), cast, "sd1")


def test_a_scenes_own_variant_wins():
    winter = Character(name="flynn@winter", token="fljsdhn", noun="man", look="red coat")
    cast = {"flynn@winter": winter, "flynn": FLYNN}
    assert "red coat" in resolve("fljsdhn man", ("flynn@winter",), cast, "sd1").prompt
    assert "green vest" in resolve("fljsdhn man", (), cast, "sd1").prompt
    with pytest.raises(UnknownName):
        resolve("fljsdhn man", ("nobody",), cast, "sd1")


def test_an_outfit_is_said_where_its_adapters_know_other_clothes():
    base = with_adapter(FLYNN)
    winter = replace(base, name="flynn@winter", look="short brown hair, red coat, beanie")
    cast = {"flynn": base, "flynn@winter": winter}

    def asked(prompt, family="sd1", **more):
        return resolve(prompt, ("flynn@winter",), cast | more, family).prompt

    assert asked("(fljsdhn man:1.1) waves") == "(fljsdhn man, (red coat, beanie:1.3):1.1) waves"
    assert asked("fljsdhn man in a Red Coat, fljsdhn") == "fljsdhn man, (beanie:1.3), in a Red Coat, fljsdhn man"
    assert asked("fljsdhn man waves", "sdxl") == "man, short brown hair, red coat, beanie, waves"
    assert resolve("fljsdhn man waves", ("flynn",), cast, "sd1").prompt == "fljsdhn man waves"
    trained = replace(winter, adapters=(replace(base.adapters[0], sha256="cd" * 32),))
    assert asked("fljsdhn man waves", **{"flynn@winter": trained}) == "fljsdhn man waves"


def reminding(*parts: str) -> Character:
    base = with_adapter(replace(FLYNN, look="spiky brown hair, goatee, green vest"))
    first, second = replace(base.adapters[0], faint=parts), replace(base.adapters[0], kind="textual-inversion")
    return replace(base, adapters=(first, second))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a fljsdhn man on a bench", "a fljsdhn man, (goatee:1.15), (green vest:1.15), on a bench"),
        ("fljsdhn man and fljsdhn's dog", "fljsdhn man, (goatee:1.15), (green vest:1.15), and fljsdhn man's dog"),
        ("fljsdhn man AND a park", "fljsdhn man, (goatee:1.15), (green vest:1.15) AND a park"),
        ("fljsdhn man in a red coat", "fljsdhn man, (goatee:1.15), in a red coat"),
        ("a fljsdhn man with a Beard", "a fljsdhn man, (green vest:1.15), with a Beard"),
        ("a green vest on a chair", "a green vest on a chair"),
    ],
)
def test_prompts_remind_of_what_an_adapter_does_not_draw_surely(prompt, expected):
    cast = {"flynn": reminding("green vest", "goatee", "a hat of another look")}
    assert resolve(prompt, ("flynn",), cast, "sd1").prompt == expected
    assert "goatee, green vest" in resolve("fljsdhn man", ("flynn",), cast, "sdxl").prompt


def test_several_trained_people_are_each_reminded():
    flynn, mira = reminding("green vest", "goatee"), reminding("blue jeans")
    mira = replace(mira, name="mira", token="mrvlqa", noun="woman", look="black hair, blue jeans")
    resolved = resolve("fljsdhn man and mrvlqa woman", ("flynn", "mira"), {"flynn": flynn, "mira": mira}, "sd1")
    told = ["fljsdhn man, (goatee:1.15), (green vest:1.15)", "mrvlqa woman, (blue jeans:1.15)"]
    assert resolved.prompt == f"{told[0]}, and {told[1]}" and told_apart(resolved.prompt, resolved.people) == told


def test_an_outfit_is_reminded_of_what_it_shares():
    base = reminding("green vest", "goatee")
    winter = replace(base, name="flynn@winter", look="spiky brown hair, goatee, red coat")
    cast = {"flynn": base, "flynn@winter": winter}
    asked = resolve("fljsdhn man waves", ("flynn@winter",), cast, "sd1").prompt
    assert asked == "fljsdhn man, (red coat:1.3), (goatee:1.15), waves"


@given(st.text(alphabet="ab ()[]:|,.\\1<>", max_size=40))
def test_prompts_without_tokens_are_untouched(text):
    assert in_words(text, FLYNN) == text
