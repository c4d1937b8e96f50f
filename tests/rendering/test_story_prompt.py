"""One prompt for one story, on the true text encoders made tiny."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.story_prompt import (
    IdentityKeys,
    consolidate,
    consolidated_conditionings,
    identity_rows,
    reweighted,
    scene_part,
)
from storyboard.rendering.diffusion.word_columns import columns_of, columns_within, special_columns, words_of
from tests.rendering.small_unet import TEXT, denoise, fingerprint, noise_of, same, small_unet, text_of

IDENTITY = "flynn man, green hat"
PROMPTS = {1: "flynn man, green hat, on a bench", 2: "flynn man, green hat, in the park with (red sun:1.3)"}


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def conditioner(request, tiny_models):
    kind = {"sd1": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}[request.param]
    return Conditioner(kind.from_pretrained(tiny_models[request.param], local_files_only=True))


def test_the_description_is_taken_out_of_a_prompt():
    assert scene_part("flynn man, Green hat, on a bench, rain", IDENTITY) == "on a bench, rain"


def test_a_window_always_holds_its_own_frame():
    parts = [f"part {index}" for index in range(9)]
    for frame in range(9):
        window = consolidate("who", parts, frame, lambda text: len(text) < 40)
        start, end = window.spans[frame]
        assert window.text[start:end] == parts[frame]
        assert len(window.text) < 40
        assert len(window.spans) > 1


def test_other_frames_words_are_weakened(conditioner):
    window = consolidate(IDENTITY, ["on a bench", "in the park"], 0, lambda text: True)
    embedding = conditioner.embed(window.text)
    changed = reweighted(embedding, window.spans, 0, 1.0)
    other = list(columns_within(embedding, *window.spans[1]))
    own = list(columns_within(embedding, *window.spans[0]))
    identity = list(columns_of(embedding, IDENTITY))
    assert changed[other].norm() < 0.2 * embedding.tokens[other].norm()
    assert changed[own].norm() > embedding.tokens[own].norm()
    assert torch.equal(changed[identity], embedding.tokens[identity])


def test_strength_zero_leaves_the_rows(conditioner):
    window = consolidate(IDENTITY, ["on a bench", "in the park"], 0, lambda text: True)
    embedding = conditioner.embed(window.text)
    torch.testing.assert_close(reweighted(embedding, window.spans, 0, 0.0), embedding.tokens, atol=1e-4, rtol=1e-4)


def test_prompts_that_cannot_be_joined_keep_their_own(conditioner):
    prompts = PROMPTS | {3: "a cat AND a dog", 4: "a [cat:dog:3]"}
    assert set(consolidated_conditionings(conditioner, prompts, IDENTITY, 1.0)) == {1, 2}


def test_columns_follow_weights_and_words(conditioner):
    embedding = conditioner.embed("a (green hat:1.4) in the park")
    words = words_of(embedding)
    assert [word.text for word in words] == ["a", "green", "hat", "in", "the", "park"]
    assert columns_of(embedding, "green hat") == words[1].columns + words[2].columns
    assert columns_of(embedding, "gree") == ()
    (specials,) = special_columns(embedding)
    assert sorted([*specials, *(column for word in words for column in word.columns)]) == list(range(77))


def test_identity_keys_change_only_conditional_rows_of_their_lanes():
    unet = small_unet()
    lanes = {lane: (noise_of(lane), text_of(lane)) for lane in (1, 2)}
    rows = torch.randn(5, TEXT, generator=torch.Generator().manual_seed(3))
    before = fingerprint(unet)
    plain = denoise(unet, lanes)
    changed = denoise(unet, lanes, [IdentityKeys({1: rows})])
    assert torch.equal(plain[2], changed[2]) or torch.allclose(plain[2], changed[2], atol=1e-4)
    assert not torch.allclose(plain[1], changed[1], atol=1e-3)
    assert same(plain, denoise(unet, lanes, [IdentityKeys({})]))
    assert fingerprint(unet) == before


def test_appended_keys_equal_a_longer_text():
    """Keys of the description beside those of the prompt: the same as one text of both."""
    unet = small_unet()
    rows = torch.randn(5, TEXT, generator=torch.Generator().manual_seed(3))
    noise, text = noise_of(1), text_of(1)
    latents, time = torch.cat([noise]), torch.tensor(500)
    from storyboard.rendering.diffusion import attention
    from storyboard.rendering.diffusion.attention import ForwardState, Row

    state = ForwardState(steps=2, height=12, width=20, rows=(Row(lane=1, conditional=True),))
    with torch.no_grad():
        with attention.attached([IdentityKeys({1: rows})], unet, state):
            appended = unet(latents, time, text[1:]).sample
        joined = unet(latents, time, torch.cat([text[1:], rows[None]], dim=1)).sample
    torch.testing.assert_close(appended, joined, atol=1e-5, rtol=1e-5)


def test_the_description_alone(conditioner):
    rows = identity_rows(conditioner, IDENTITY)
    embedding = conditioner.embed(IDENTITY)
    assert torch.equal(rows[0], embedding.tokens[0])
    assert len(rows) == 1 + sum(len(word.columns) for word in words_of(embedding)) + 1  # and the comma


def test_start_and_end_of_texts_of_several_chunks_stay_their_own(conditioner):
    part = ", ".join(["a man in the park by the tree"] * 12)
    prompts = {1: f"{IDENTITY}, {part}, red sun", 2: f"{IDENTITY}, {part}, blue hat"}
    found = consolidated_conditionings(conditioner, prompts, IDENTITY, 1.0)
    for lane, prompt in prompts.items():
        changed, plain = found[lane].at(0)[0][1], conditioner.embed(prompt)
        special = [column for chunk in special_columns(plain) for column in chunk]
        assert len(changed.pieces) == len(plain.pieces) > 77
        assert torch.equal(changed.tokens[special], plain.tokens[special])
