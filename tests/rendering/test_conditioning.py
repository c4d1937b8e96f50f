"""Encoding on real CLIP classes made tiny: equal to diffusers where diffusers can do it, and the formulas elsewhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from storyboard.errors import BadInput, ModelError, UnknownName
from storyboard.rendering.diffusion.conditioning import Conditioner, Embedding
from tests.tiny.models import tiny_sd1, tiny_sdxl

PROMPT = "a man in a green hat, on a bench"
LONG = ", ".join(["a big dog by the tree"] * 30)


@pytest.fixture(scope="module")
def sd1_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd1(tmp_path_factory.mktemp("sd1"))


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sdxl(tmp_path_factory.mktemp("sdxl"))


@pytest.fixture
def sd1(sd1_folder: Path) -> Any:
    return StableDiffusionPipeline.from_pretrained(sd1_folder, local_files_only=True)


@pytest.fixture
def sdxl(sdxl_folder: Path) -> Any:
    return StableDiffusionXLPipeline.from_pretrained(sdxl_folder, local_files_only=True)


@pytest.fixture(params=["sd1", "sdxl"])
def pipe(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def embed(pipe: Any, text: str, **settings: Any) -> Embedding:
    return Conditioner(pipe, **settings).embed(text)


def add_embedding(pipe: Any, token: str, vectors: int) -> None:
    """A textual inversion of several vectors on every encoder, loaded by diffusers."""
    for end in ("", "_2"):
        encoder = getattr(pipe, f"text_encoder{end}", None)
        if encoder is not None:
            width = encoder.config.hidden_size
            generator = torch.Generator().manual_seed(7)
            pipe.load_textual_inversion(
                {token: torch.randn(vectors, width, generator=generator)},
                text_encoder=encoder,
                tokenizer=getattr(pipe, f"tokenizer{end}"),
            )


def test_sd1_equals_diffusers(sd1: Any) -> None:
    expected, _ = sd1.encode_prompt(PROMPT, "cpu", 1, False)
    assert torch.equal(embed(sd1, PROMPT).tokens, expected[0])
    assert embed(sd1, PROMPT).pooled is None


def test_sdxl_equals_diffusers(sdxl: Any) -> None:
    expected, _, pooled, _ = sdxl.encode_prompt(PROMPT, do_classifier_free_guidance=False)
    ours = embed(sdxl, PROMPT)
    assert torch.equal(ours.tokens, expected[0])
    assert ours.pooled is not None and torch.equal(ours.pooled, pooled[0])


def test_earlier_calls_of_the_tokenizer_leave_no_trace(sd1: Any) -> None:
    before = embed(sd1, LONG).tokens
    sd1.tokenizer("a cat", padding="max_length", max_length=20, truncation=True)
    assert torch.equal(embed(sd1, LONG).tokens, before)


def test_sdxl_clip_skip_equals_diffusers(sdxl: Any) -> None:
    expected, *_ = sdxl.encode_prompt(PROMPT, do_classifier_free_guidance=False, clip_skip=1)
    assert torch.equal(embed(sdxl, PROMPT, clip_skip=2).tokens, expected[0])


def test_sd1_clip_skip_is_an_earlier_state_with_the_final_norm(sd1: Any) -> None:
    ids = sd1.tokenizer(PROMPT, padding="max_length", return_tensors="pt").input_ids
    states = sd1.text_encoder(ids, output_hidden_states=True).hidden_states
    expected = sd1.text_encoder.final_layer_norm(states[-2])[0]
    assert torch.equal(embed(sd1, PROMPT, clip_skip=2).tokens, expected)


@pytest.mark.parametrize("emphasis", ["original", "no-norm", "compel"])
def test_weight_one_changes_nothing(pipe: Any, emphasis: str) -> None:
    plain = embed(pipe, "a man hat on bench", emphasis=emphasis)
    weighted = embed(pipe, "a (man:1) (hat:1.0) on ((bench:1.0):1)", emphasis=emphasis)
    assert torch.equal(plain.tokens, weighted.tokens)
    assert plain.pooled is weighted.pooled is None or torch.equal(plain.pooled, weighted.pooled)  # type: ignore[arg-type]


@pytest.mark.parametrize("emphasis", ["original", "no-norm", "compel"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_absurd_weights_stay_numbers(sd1: Any, emphasis: str, sign: str) -> None:
    tokens = embed(sd1, f"a man (hat:{sign}{'9' * 60})", emphasis=emphasis, dtype=torch.float16).tokens
    assert bool(torch.isfinite(tokens).all())


def test_original_scales_tokens_and_restores_the_mean(sd1: Any) -> None:
    plain, weighted = embed(sd1, "a man hat").tokens, embed(sd1, "a man (hat:1.5)").tokens
    torch.testing.assert_close(weighted.mean(), plain.mean(), atol=1e-6, rtol=1e-5)
    ratio = weighted / plain
    torch.testing.assert_close(ratio[3] / ratio[2], torch.full_like(ratio[3], 1.5))


def test_no_norm_scales_tokens_only(sd1: Any) -> None:
    plain, weighted = embed(sd1, "a man hat").tokens, embed(sd1, "a man (hat:0.5)", emphasis="no-norm").tokens
    expected = plain.clone()
    expected[3] *= 0.5
    assert torch.equal(weighted, expected)


def test_sdxl_restores_the_mean_of_each_encoder(sdxl: Any) -> None:
    plain, weighted = embed(sdxl, "a man hat").tokens, embed(sdxl, "a man (hat:1.5)").tokens
    for half in (slice(0, 32), slice(32, 80)):
        torch.testing.assert_close(weighted[:, half].mean(), plain[:, half].mean(), atol=1e-6, rtol=1e-5)


def test_compel_strengthens_away_from_the_empty_prompt(sd1: Any) -> None:
    plain, empty = embed(sd1, "a man hat").tokens, embed(sd1, "").tokens
    weighted = embed(sd1, "a man (hat:1.4)", emphasis="compel").tokens
    expected = plain.clone()
    expected[3] = empty[3] + (plain[3] - empty[3]) * 1.4
    torch.testing.assert_close(weighted, expected)


def test_compel_weakens_by_blending_with_the_prompt_blind_to_the_word(sd1: Any) -> None:
    weight = 0.4
    ids = sd1.tokenizer("a man hat", padding="max_length", return_tensors="pt").input_ids
    mask = torch.ones_like(ids)
    mask[0, 3] = 0
    blind = sd1.text_encoder(ids, attention_mask=mask).last_hidden_state[0]
    plain, empty = embed(sd1, "a man hat").tokens, embed(sd1, "").tokens
    column = torch.ones(77, 1)
    column[3] = weight
    share = math.tan((1 - weight) * math.pi / 2)
    moved = [empty + (vectors - empty) * column for vectors in (plain, blind)]
    expected = (moved[0] + share * moved[1]) / (1 + share)
    torch.testing.assert_close(embed(sd1, f"a man (hat:{weight})", emphasis="compel").tokens, expected)


def test_chunks_are_encoded_alone_and_joined(pipe: Any) -> None:
    joined = embed(pipe, f"{PROMPT} BREAK the sun").tokens
    expected = torch.cat([embed(pipe, PROMPT).tokens, embed(pipe, "the sun").tokens])
    assert torch.equal(joined, expected)


def test_pooled_is_the_first_chunks_and_unweighted(sdxl: Any) -> None:
    one, several = embed(sdxl, PROMPT), embed(sdxl, f"({PROMPT}:1.3) BREAK (the sun:0.5)")
    assert one.pooled is not None and several.pooled is not None
    assert torch.equal(one.pooled, several.pooled)


def test_long_prompts_keep_every_word(pipe: Any) -> None:
    embedding = embed(pipe, LONG)
    assert embedding.tokens.shape[0] == len(embedding.pieces) > 77
    assert "".join(piece.text.removesuffix("</w>") for piece in embedding.pieces) == LONG.replace(" ", "")


def test_pieces_say_what_stands_where(pipe: Any) -> None:
    embedding = embed(pipe, "a (green hat:1.3), BREAK dog")
    rows = [(piece.text, embedding.text[piece.start : piece.end], piece.weight) for piece in embedding.pieces]
    assert rows[1:5] == [
        ("a</w>", "a", 1.0),
        ("green</w>", "green", 1.3),
        ("hat</w>", "hat", 1.3),
        (",</w>", ",", 1.0),
    ]
    assert rows[78] == ("dog</w>", "dog", 1.0)
    assert [piece.chunk for piece in embedding.pieces] == [0] * 77 + [1] * 77


def test_negative_and_positive_are_padded_with_empty_chunks(pipe: Any) -> None:
    conditioner = Conditioner(pipe)
    long, short = conditioner.embed(f"{PROMPT} BREAK the sun BREAK a cat"), conditioner.embed("a dog")
    padded = conditioner.pad_together([long, short])
    empty = conditioner.embed("").tokens
    assert torch.equal(padded[0], long.tokens)
    assert torch.equal(padded[1], torch.cat([short.tokens, empty, empty]))


def test_empty_negative_is_zero_on_sdxl_only(sd1: Any, sdxl: Any) -> None:
    [(_, on_sdxl)] = Conditioner(sdxl).encode("", steps=4, negative=True).at(0)
    [(_, positive)] = Conditioner(sdxl).encode("", steps=4).at(0)
    [(_, on_sd1)] = Conditioner(sd1).encode("", steps=4, negative=True).at(0)
    assert on_sdxl.pooled is not None and not on_sdxl.pooled.any() and not on_sdxl.tokens.any()
    assert positive.tokens.any() and on_sd1.tokens.any()


def test_an_empty_negative_stays_zero_beside_a_long_prompt(sdxl: Any) -> None:
    """As in diffusers and in the web UI, which never fill it up with words: any other row would be attended to."""
    conditioner = Conditioner(sdxl)
    [(_, negative)] = conditioner.encode("", steps=4, negative=True).at(0)
    padded = conditioner.pad_together([negative, conditioner.embed(f"{PROMPT} BREAK the sun BREAK a cat")])
    assert padded.shape[1] == 3 * 77 and not padded[0].any()


@pytest.mark.parametrize("vectors", [1, 3])
def test_textual_inversion_equals_diffusers(sd1: Any, vectors: int) -> None:
    add_embedding(sd1, "<style-spdmn>", vectors)
    text = "a man <style-spdmn> on a bench"
    expected, _ = sd1.encode_prompt(text, "cpu", 1, False)
    ours = embed(sd1, text)
    assert torch.equal(ours.tokens, expected[0])
    assert [piece.embedding for piece in ours.pieces].count("<style-spdmn>") == vectors


def test_textual_inversion_is_weighted_as_a_whole_and_never_split(sd1: Any) -> None:
    add_embedding(sd1, "<style-spdmn>", 4)
    ours = embed(sd1, "dog " * 73 + "(<style-spdmn>:1.4)")
    places = [index for index, piece in enumerate(ours.pieces) if piece.embedding]
    assert places == [78, 79, 80, 81]
    assert {ours.pieces[place].weight for place in places} == {1.4}


def test_pooled_is_taken_at_the_end_token_after_tokens_were_added(sdxl: Any) -> None:
    """With eos_token_id 2, as published configurations say, transformers would pool at the highest id."""
    sdxl.text_encoder_2.text_model.eos_token_id = 2
    add_embedding(sdxl, "<style-spdmn>", 1)
    text = "a man <style-spdmn> on a bench"
    ours = embed(sdxl, text)
    ids = sdxl.tokenizer_2(text, padding="max_length", return_tensors="pt").input_ids
    sdxl.text_encoder_2.text_model.eos_token_id = sdxl.tokenizer_2.eos_token_id
    assert ours.pooled is not None
    assert torch.equal(ours.pooled, sdxl.text_encoder_2(ids).text_embeds[0])


def test_schedule_holds_exactly_as_long_as_it_says(sd1: Any) -> None:
    conditioning = Conditioner(sd1).encode("a [dog:cat:3]", steps=5)
    texts = [embedding.text for step in range(5) for _, embedding in conditioning.at(step)]
    assert texts == ["a dog"] * 3 + ["a cat"] * 2


def test_alternation_reuses_its_embeddings(sd1: Any) -> None:
    conditioning = Conditioner(sd1).encode("a [dog|cat]", steps=4)
    first, second, third, _ = (conditioning.at(step)[0][1] for step in range(4))
    assert first is third and first is not second


def test_and_terms_and_networks(sd1: Any) -> None:
    conditioning = Conditioner(sd1).encode("a dog AND a cat :0.5 <lora:flynn:0.8:0.6>", steps=2)
    assert [(weight, embedding.text) for weight, embedding in conditioning.at(1)] == [(1.0, "a dog"), (0.5, " a cat")]
    [network] = conditioning.networks
    assert (network.name, network.text_encoder, network.unet) == ("flynn", 0.8, 0.6)


def test_negative_prompts_are_not_split_at_and(sd1: Any) -> None:
    assert len(Conditioner(sd1).encode("a AND b", steps=2, negative=True).terms) == 1


def test_version_tells_changed_encoders_apart(sd1: Any) -> None:
    conditioner = Conditioner(sd1)
    before = conditioner.embed(PROMPT)
    with torch.no_grad():
        sd1.text_encoder.final_layer_norm.bias.add_(1.0)
    assert conditioner.embed(PROMPT) is before
    conditioner.version = "adapter"
    assert not torch.equal(conditioner.embed(PROMPT).tokens, before.tokens)
    conditioner.version = None
    assert conditioner.embed(PROMPT) is before


def test_encoders_may_cut_a_prompt_differently(sdxl: Any) -> None:
    """An embedding that only the first encoder knows takes fewer or more tokens there."""
    vectors = torch.randn(40, sdxl.text_encoder.config.hidden_size, generator=torch.Generator().manual_seed(7))
    sdxl.load_textual_inversion({"<style-spdmn>": vectors}, text_encoder=sdxl.text_encoder, tokenizer=sdxl.tokenizer)
    text = "a dog " * 25 + "<style-spdmn>"
    assert embed(sdxl, text).tokens.shape == (2 * 77, 80)


def test_dtype(sd1: Any) -> None:
    assert embed(sd1, PROMPT, dtype=torch.bfloat16).tokens.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"emphasis": "loud"}, UnknownName), ({"clip_skip": 0}, BadInput), ({"clip_skip": 40}, BadInput)],
)
def test_bad_settings(sd1: Any, settings: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Conditioner(sd1, **settings)


def test_models_without_text_encoder() -> None:
    with pytest.raises(ModelError):
        Conditioner(object())
