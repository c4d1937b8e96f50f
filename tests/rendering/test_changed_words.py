"""An edit concerns the words that changed where they stand, and the things they describe; settings decide the rest."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from diffusers import StableDiffusionPipeline

from storyboard.editing.edit_settings import EditSettings
from storyboard.editing.word_edit import WordEdit, read_edit, told_edit
from storyboard.rendering.diffusion.changed_words import changed_words
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.local_blend import LocalBlend
from storyboard.rendering.diffusion.prompt_to_prompt import PromptToPrompt
from storyboard.rendering.diffusion.word_columns import columns_of
from storyboard.rendering.diffusion.word_edits import edit_methods, weighed

BEFORE = "a man with a blue hat, red mug on a bench"
AFTER = "a man with a red hat, red mug on a bench"


@pytest.fixture(scope="module")
def conditioner(tiny_models):
    return Conditioner(StableDiffusionPipeline.from_pretrained(tiny_models["sd1"], local_files_only=True))


def lanes(conditioner, before, after, **settings):
    edit = told_edit(before, after)
    edit = WordEdit(**{**vars(edit), "settings": EditSettings(**settings)})
    requests = (SimpleNamespace(), SimpleNamespace(consistency="off", edit=edit.to_json(), steps=10))
    return [
        SimpleNamespace(number=number, request=request, positive=conditioner.encode(prompt, steps=10))
        for number, request, prompt in zip((1, 2), requests, (before, after), strict=True)
    ]


def test_a_word_that_also_stands_elsewhere_is_only_meant_where_it_changed(conditioner):
    gone, new = changed_words(conditioner.embed(BEFORE), conditioner.embed(AFTER))
    assert gone.words == columns_of(conditioner.embed(BEFORE), "blue")
    assert new.words == columns_of(conditioner.embed(AFTER), "red")[:1]


@pytest.mark.parametrize(
    ("before", "after", "thing"),
    [
        (BEFORE, AFTER, "hat"),
        ("a cat, a man in a blue park", "a cat, a man in a green park", "park"),
        ("a blue boy sitting on a bench", "a red boy sitting on a bench", "boy"),
        ("a red hat under the tree", "a red mug under the tree", "mug"),
        ("a cat by the tree", "a cat by the tree, red sun", "sun"),
    ],
)
def test_the_thing_that_a_word_describes(conditioner, before, after, thing):
    embedding = conditioner.embed(after)
    _, new = changed_words(conditioner.embed(before), embedding)
    assert new.things == columns_of(embedding, thing)


def test_settings_decide_how_an_edit_is_drawn(conditioner):
    before, after = conditioner.embed(BEFORE), conditioner.embed(AFTER)
    pair = lanes(conditioner, BEFORE, AFTER, cross=0.5, changed=0.9, self_attention=0.6, blend=0.4, blend_from=0.1,
                 spread=0, around="things")  # fmt: skip
    words, blend = edit_methods(pair)
    assert isinstance(words, PromptToPrompt) and isinstance(blend, LocalBlend)
    first, second = columns_of(after, "red")
    assert words.edit.gates[:, first].sum() == 9 and words.edit.gates[:, second].sum() == 5
    assert words.edit.self_window == (0.0, 0.6)
    assert (blend.threshold, blend.first_share, blend.spread) == (0.4, 0.1, 0)
    assert blend.columns == {(1, 0): columns_of(before, "hat"), (2, 0): columns_of(after, "hat")}


def test_added_words_are_seen_in_the_edit_alone(conditioner):
    added = lanes(conditioner, "a cat", "a cat, red sun")
    assert edit_methods(added)[1].columns == {(2, 0): columns_of(conditioner.embed("a cat, red sun"), "red sun")}


def test_without_a_blend_everything_may_change(conditioner):
    assert len(edit_methods(lanes(conditioner, BEFORE, AFTER, blend=0.0))) == 1


def test_what_may_change_grows_by_its_spread():
    state = SimpleNamespace(height=4, width=4, grid=lambda _: (4, 4))
    total = torch.zeros(16)
    total[5] = 1
    blends = [LocalBlend(1, 2, {(1, 0): (3,)}, threshold=0.3, first_share=0.2, spread=spread) for spread in (0, 1, 2)]
    assert [int(blend._inside(state, total).sum()) for blend in blends] == [1, 9, 16]


@pytest.mark.parametrize(
    ("text", "said", "heard"),
    [
        ("a man, smiling, in a park", "less smiling", "a man, (smiling:0.4), in a park"),
        ("a man with a cap, in a capital", "more cap", "a man with a (cap:2.0), in a capital"),
        ("a (red hat:1.2) on a hat stand", "less hat", "a (red (hat:0.4):1.2) on a (hat:0.4) stand"),
        ("a man with a cap", "a hat instead of a cap", "a man with a hat"),
    ],
)
def test_what_an_edit_says_with_its_weights(text, said, heard):
    edit = read_edit(text, said)
    assert weighed(edit.after, edit.to_json()) == heard
    assert weighed(text, "") == text
