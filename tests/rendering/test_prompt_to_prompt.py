"""Edits without maps agree with explicit maps; the blend keeps the rest; alignment follows our tokens."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionPipeline

from storyboard.errors import BadInput
from storyboard.rendering.diffusion.attention import (
    AttentionCall,
    EditedAttention,
    ForwardState,
    Layer,
    Row,
    plain_attention,
)
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.local_blend import LocalBlend
from storyboard.rendering.diffusion.prompt_to_prompt import PromptToPrompt, WordEdit
from storyboard.rendering.diffusion.token_alignment import Alignment, align, gates, scales
from storyboard.rendering.diffusion.word_columns import columns_of
from tests.reference import explicit_maps
from tests.rendering.small_unet import COLUMNS, STEPS, denoise, fingerprint, noise_of, same, small_unet, text_of

HEADS, PIXELS, WIDTH, TOKENS = 2, 12, 8, 6
SOURCE, TARGET = 1, 2
ROWS = (Row(lane=SOURCE, conditional=False), Row(lane=TARGET, conditional=False),
        Row(lane=SOURCE, conditional=True), Row(lane=TARGET, conditional=True))  # fmt: skip
CROSS = Layer(name="up.attn2", side="up", level=1, cross=True)
SELF = Layer(name="up.attn1", side="up", level=1, cross=False)


def random_call(layer, tokens=TOKENS):
    torch.manual_seed(0)
    query = torch.randn(4, HEADS, PIXELS, WIDTH, dtype=torch.float64)
    key, value = torch.randn(2, 4, HEADS, tokens, WIDTH, dtype=torch.float64).unbind()
    return AttentionCall(layer=layer, rows=ROWS, query=query, key=key, value=value)


def edit_of(mapping, known, gate, factors=None):
    return WordEdit(
        alignment=Alignment(mapping=mapping, known=known),
        gates=gate[None].repeat(STEPS, 1),
        scales=torch.ones(TOKENS) if factors is None else factors,
    )


def outputs(edit):
    """(what the method computes for the target, A_source, A_target, V_target)."""
    call = random_call(CROSS)
    state = ForwardState(steps=STEPS, height=3, width=4)
    output = PromptToPrompt(SOURCE, TARGET, edit)._cross(state, call, plain_attention)
    plain = plain_attention(call)
    assert torch.equal(output[:3], plain[:3])
    return output[3], *(explicit_maps.probabilities(call.query[row], call.key[row]) for row in (2, 3)), call.value[3]


def random_gate():
    return (torch.rand(TOKENS, generator=torch.Generator().manual_seed(5)) > 0.5).float()


@pytest.mark.parametrize("gate", [torch.ones(TOKENS), torch.zeros(TOKENS), random_gate()])
def test_replace_agrees_with_maps(gate):
    mapping = torch.eye(TOKENS)
    mapping[2, 2], mapping[2, 3], mapping[3, 3], mapping[3, 2] = 0.5, 0.5, 0.5, 0.5
    found, source, target, value = outputs(edit_of(mapping, torch.ones(TOKENS), gate))
    maps = explicit_maps.gated(explicit_maps.replaced(source, mapping.double()), target, gate.double())
    torch.testing.assert_close(found, maps @ value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("gate", [torch.ones(TOKENS), random_gate()])
def test_refine_agrees_with_maps(gate):
    mapper = [0, 1, -1, 2, 3, 5]
    mapping, known = torch.zeros(TOKENS, TOKENS), torch.zeros(TOKENS)
    for column, origin in enumerate(mapper):
        if origin >= 0:
            mapping[origin, column] = known[column] = 1
    found, source, target, value = outputs(edit_of(mapping, known, gate))
    maps = explicit_maps.gated(explicit_maps.refined(source, target, mapper), target, gate.double())
    torch.testing.assert_close(found, maps @ value, atol=1e-5, rtol=1e-5)


def test_reweight_agrees_with_maps():
    factors = torch.tensor([1, 1, 2.5, 1, -2, 0.5])
    gate = random_gate()
    found, source, target, value = outputs(edit_of(torch.eye(TOKENS), torch.ones(TOKENS), gate, factors))
    maps = explicit_maps.gated(explicit_maps.reweighted(source, factors.double()), target, gate.double())
    torch.testing.assert_close(found, maps @ value, atol=1e-5, rtol=1e-5)


def test_refine_with_reweight_agrees_with_maps():
    mapper, factors, gate = [0, 1, -1, 2, 3, 5], torch.tensor([1, 1, 3.0, 1, 0.2, 1]), random_gate()
    mapping, known = torch.zeros(TOKENS, TOKENS), torch.zeros(TOKENS)
    for column, origin in enumerate(mapper):
        if origin >= 0:
            mapping[origin, column] = known[column] = 1
    found, source, target, value = outputs(edit_of(mapping, known, gate, factors))
    base = explicit_maps.refined(source, target, mapper)
    maps = explicit_maps.gated(explicit_maps.reweighted(base, factors.double()), target, gate.double())
    torch.testing.assert_close(found, maps @ value, atol=1e-5, rtol=1e-5)


def test_further_chunks_of_padding_keep_their_own_attention():
    found, source, target, value = outputs(
        WordEdit(
            alignment=Alignment(mapping=torch.eye(TOKENS - 2), known=torch.ones(TOKENS - 2)),
            gates=torch.ones(STEPS, TOKENS - 2),
            scales=torch.ones(TOKENS - 2),
        )
    )
    maps = torch.cat([source[..., :-2], target[..., -2:]], dim=-1)
    torch.testing.assert_close(found, maps @ value, atol=1e-5, rtol=1e-5)


def test_self_replacement_agrees_with_maps():
    call = random_call(SELF, tokens=PIXELS)
    edit = edit_of(torch.eye(TOKENS), torch.ones(TOKENS), torch.ones(TOKENS))
    state = ForwardState(steps=STEPS, height=3, width=4)
    output = PromptToPrompt(SOURCE, TARGET, edit)._self(state, call, plain_attention)
    maps = explicit_maps.probabilities(call.query[2], call.key[2])
    torch.testing.assert_close(output[3], maps @ call.value[3], atol=1e-5, rtol=1e-5)
    state.step = 3  # after its window
    output = PromptToPrompt(SOURCE, TARGET, edit)._self(state, call, plain_attention)
    assert torch.equal(output, plain_attention(call))


def chain_of(layer, tokens):
    """A call whose rows are a frame, its edit and an edit of that, with their attention maps."""
    torch.manual_seed(1)
    query = torch.randn(3, HEADS, PIXELS, WIDTH, dtype=torch.float64)
    key, value = torch.randn(2, 3, HEADS, tokens, WIDTH, dtype=torch.float64).unbind()
    rows = tuple(Row(lane=lane, conditional=True) for lane in (1, 2, 3))
    call = AttentionCall(layer=layer, rows=rows, query=query, key=key, value=value)
    return call, [explicit_maps.probabilities(query[row], key[row]) for row in range(3)]


def test_an_edit_of_an_edit_starts_from_the_attention_that_drew_that():
    call, maps = chain_of(CROSS, TOKENS)
    mapper, factors = [0, 1, -1, 2, 3, 5], torch.tensor([1, 1, 3.0, 1, 0.2, 1])
    mapping, known = torch.zeros(TOKENS, TOKENS), torch.ones(TOKENS)
    for column, origin in enumerate(mapper):
        known[column] = origin >= 0
        mapping[max(0, origin), column] = known[column]
    gates_of = (random_gate(), 1 - random_gate() * torch.tensor([0, 1, 1, 1, 1, 0]))
    state = ForwardState(steps=STEPS, height=3, width=4)
    first = PromptToPrompt(1, 2, edit_of(mapping, known, gates_of[0], factors))
    swapped = torch.eye(TOKENS)[[0, 1, 3, 2, 4, 5]]
    second = PromptToPrompt(2, 3, edit_of(swapped, torch.ones(TOKENS), gates_of[1]), before=first)
    found = second._cross(state, call, lambda inner: first._cross(state, inner, plain_attention))
    refined = explicit_maps.reweighted(explicit_maps.refined(maps[0], maps[1], mapper), factors.double())
    drawn = explicit_maps.gated(refined, maps[1], gates_of[0].double())
    final = explicit_maps.gated(explicit_maps.replaced(drawn, swapped.double()), maps[2], gates_of[1].double())
    torch.testing.assert_close(found[1], drawn @ call.value[1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[2], final @ call.value[2], atol=1e-5, rtol=1e-5)


def test_the_layout_of_an_edit_of_an_edit_is_the_first_frames():
    call, maps = chain_of(SELF, PIXELS)
    edit = edit_of(torch.eye(TOKENS), torch.ones(TOKENS), torch.ones(TOKENS))
    state = ForwardState(steps=STEPS, height=3, width=4)
    first = PromptToPrompt(1, 2, edit)
    second = PromptToPrompt(2, 3, edit, before=first)
    found = second._self(state, call, lambda inner: first._self(state, inner, plain_attention))
    torch.testing.assert_close(found[2], maps[0] @ call.value[2], atol=1e-5, rtol=1e-5)


# -- on a UNet ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sd1", "sdxl"])
def unet(request):
    return small_unet(request.param)


LANES = {SOURCE: (noise_of(1), text_of(1)), TARGET: (noise_of(1), text_of(1))}
LANES[TARGET][1][1, 3] = torch.randn(24, generator=torch.Generator().manual_seed(9)) * 3


def whole_edit(**changes):
    columns = torch.eye(COLUMNS)
    values = {"alignment": Alignment(mapping=columns, known=torch.ones(COLUMNS)),
              "gates": torch.ones(STEPS, COLUMNS), "scales": torch.ones(COLUMNS)}  # fmt: skip
    return WordEdit(**{**values, **changes})


def blend(columns, **changes):
    """Around some columns of lanes' only texts, as published unless told otherwise."""
    places = {(lane, 0): found for lane, found in columns.items()}
    return LocalBlend(SOURCE, TARGET, places, **{"threshold": 0.3, "first_share": 0.2, "spread": 1, **changes})


def test_the_edit_stays_nearer_to_the_source_than_the_new_prompt_alone(unet):
    free = denoise(unet, LANES)
    edited = denoise(unet, LANES, [PromptToPrompt(SOURCE, TARGET, whole_edit())])
    assert torch.equal(free[SOURCE], edited[SOURCE])
    near, far = ((result[TARGET] - result[SOURCE]).norm() for result in (edited, free))
    assert 0 < near < far


def test_self_attention_is_replaced_on_coarse_levels(unet):
    state = ForwardState(steps=STEPS, height=12, width=20)
    with PromptToPrompt(SOURCE, TARGET, whole_edit()).attach(unet, state):
        down = {name.split(".")[1] for name, part in unet.attn_processors.items()
                if name.startswith("down") and ".attn1." in name and isinstance(part, EditedAttention)}  # fmt: skip
    assert down == {"1"}


def test_the_source_may_run_before_the_target(unet):
    method = PromptToPrompt(SOURCE, TARGET, whole_edit())
    together = denoise(unet, LANES, [method])
    apart = denoise(unet, LANES, [method], batches=[("frames", [SOURCE]), ("frames", [TARGET])])
    torch.testing.assert_close(apart[TARGET], together[TARGET], atol=2e-3, rtol=1e-3)


def test_strength_zero_is_off_and_everything_is_put_back(unet):
    before = fingerprint(unet)
    off = [PromptToPrompt(SOURCE, TARGET, whole_edit(), strength=0.0),
           blend({SOURCE: (3,)}, strength=0.0)]  # fmt: skip
    assert same(denoise(unet, LANES), denoise(unet, LANES, off))
    denoise(unet, LANES, [PromptToPrompt(SOURCE, TARGET, whole_edit()), blend({SOURCE: (3,)})])
    assert fingerprint(unet) == before


def test_everything_is_put_back_after_an_error(unet):
    before = fingerprint(unet)
    wrong = whole_edit(alignment=Alignment(mapping=torch.eye(90), known=torch.ones(90)),
                       gates=torch.ones(STEPS, 90), scales=torch.ones(90))  # fmt: skip
    with pytest.raises(BadInput):
        denoise(unet, LANES, [PromptToPrompt(SOURCE, TARGET, wrong)])
    assert fingerprint(unet) == before


def test_outside_the_region_the_latents_are_the_sources(unet):
    method = blend({SOURCE: (3,), TARGET: (3,)}, threshold=0.8)
    result = denoise(unet, LANES, [PromptToPrompt(SOURCE, TARGET, whole_edit()), method])
    region = method.region(ForwardState(steps=STEPS, height=12, width=20)).expand_as(result[SOURCE])
    assert 0 < region.float().mean() < 1
    assert torch.equal(result[SOURCE][~region], result[TARGET][~region])
    assert not torch.equal(result[SOURCE][region], result[TARGET][region])


# -- alignment ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embed(tiny_models):
    return Conditioner(StableDiffusionPipeline.from_pretrained(tiny_models["sd1"], local_files_only=True)).embed


def test_a_swap_takes_over_the_columns(embed):
    source, target = embed("a cat on a bench"), embed("a dog on a bench")
    alignment = align(source, target)
    assert torch.equal(alignment.mapping, torch.eye(77))
    assert alignment.known.all()


def test_a_swap_of_other_length_shares_the_columns(embed):
    source, target = embed("a cat on a bench"), embed("a giraffe on a bench")
    alignment = align(source, target)
    old, new = columns_of(source, "cat"), columns_of(target, "giraffe")
    assert len(new) > len(old)
    assert torch.allclose(alignment.mapping[list(old)][:, list(new)], torch.tensor(1 / len(new)))
    after_old, after_new = columns_of(source, "bench"), columns_of(target, "bench")
    assert alignment.mapping[after_old[0], after_new[0]] == 1
    assert alignment.known.all()


def test_added_words_are_free(embed):
    source, target = embed("a cat on a bench"), embed("a green cat on a (bench:1.3), red sun")
    alignment = align(source, target)
    assert all(alignment.known[column] == 0 for column in columns_of(target, "green") + columns_of(target, "red sun"))
    for word in ("cat", "on", "bench"):
        assert alignment.mapping[columns_of(source, word)[-1], columns_of(target, word)[-1]] == 1
    assert alignment.mapping[0, 0] == 1


def test_a_removed_words_attention_goes_nowhere_as_in_refinement(embed):
    source, target = embed("a green cat on a bench"), embed("a cat on a bench")
    alignment = align(source, target)
    assert (alignment.mapping[list(columns_of(source, "green"))] == 0).all() and alignment.known.all()
    maps = torch.softmax(torch.randn(HEADS, PIXELS, 77, generator=torch.Generator().manual_seed(3)), dim=-1)
    mapper = alignment.mapping.argmax(dim=0).tolist()
    torch.testing.assert_close(
        explicit_maps.replaced(maps, alignment.mapping), explicit_maps.refined(maps, maps, mapper)
    )


def test_mapped_columns_hold_whole_shares(embed):
    alignment = align(embed("a man in the park BREAK red sun"), embed("a man and a dog in the park BREAK green sun"))
    assert alignment.mapping.shape == (154, 154)
    assert (alignment.mapping[:, alignment.known == 0] == 0).all()
    assert (alignment.mapping[:, alignment.known == 1].sum(dim=0) > 0).all()


def test_gates_open_for_single_words(embed):
    target = embed("a green cat")
    green = columns_of(target, "green")[0]
    found = gates(len(target.pieces), 10, (0.0, 0.8), {(green,): (0.0, 0.3), (): (0.0, 1.0)})
    assert found[:, green].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found[:, 0].tolist() == [1] * 8 + [0] * 2


def test_scales_of_single_words(embed):
    target = embed("a green cat")
    factors = scales(target, {"green cat": 2.0})
    assert (factors == 2).sum() == len(columns_of(target, "green cat"))
