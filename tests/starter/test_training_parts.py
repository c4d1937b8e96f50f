"""Muon, attention supervision and the pool, each by its invariants."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from storyboard.starter.attention_supervision import ExplicitAttention, attention_loss
from storyboard.starter.latent_pool import LatentPool, tokenise
from storyboard.starter.muon import Muon, orthogonalise
from storyboard.starter.pictures import PARTS, draw_shard, small_masks
from storyboard.starter.recipe import CPU
from storyboard.starter.tokenizer_training import train_tokenizer


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (32, 32)])
def test_orthogonalise_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalise(matrix[None])[0])
    assert float(values.max()) < 1.4
    assert float(values.median()) > 0.6


def test_muon_finds_a_linear_map() -> None:
    generator = torch.Generator().manual_seed(2)
    wanted, weight = torch.randn(8, 12, generator=generator), torch.zeros(8, 12)
    bias = torch.zeros(8)
    optimiser = Muon([("weight", weight), ("bias", bias)], 0.02)
    inputs = torch.randn(64, 12, generator=generator)
    for step in range(300):
        error = inputs @ (weight - wanted).T + bias
        weight.grad, bias.grad = error.T @ inputs / 64, error.mean(dim=0)
        for group in optimiser.param_groups:
            group["lr"] = 0.05 * (1 - step / 300)
        optimiser.step()
    assert float((weight - wanted).norm()) < 0.1 * float(wanted.norm())


def test_explicit_attention_equals_the_fused_kernel() -> None:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=8,
    ).eval()
    noisy, words = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 16)
    maps: list[torch.Tensor] = []
    with torch.no_grad():
        fused = unet(noisy, 5, words).sample
        unet.set_attn_processor(ExplicitAttention(maps))
        explicit = unet(noisy, 5, words).sample
    assert torch.allclose(fused, explicit, atol=1e-5)
    assert {map_.shape[1] for map_ in maps} == {64, 16}
    assert all(torch.allclose(map_.sum(dim=2), torch.ones(2, map_.shape[1]), atol=1e-5) for map_ in maps)


def attention_case(share_inside: float) -> float:
    """The loss of one word with `share_inside` of its attention on a mask of 4 of 16 cells."""
    masks = torch.zeros(1, len(PARTS), 4, 4)
    masks[0, 3, :2, :2] = 1
    on = masks[0, 3].flatten()
    map_ = torch.full((1, 16, 77), 1.0 / 77)
    map_[0, :, 5] = on * share_inside / 4 + (1 - on) * (1 - share_inside) / 12
    parts = torch.full((1, 77), -1)
    parts[0, 5] = 3
    return float(attention_loss([map_], masks, parts, torch.ones(1)))


def test_attention_loss_is_minus_log_of_the_share_inside() -> None:
    assert attention_case(1.0) == pytest.approx(0.0, abs=1e-4)
    assert attention_case(0.5) == pytest.approx(0.6931, abs=1e-3)


def test_words_without_a_mask_cost_nothing() -> None:
    parts = torch.full((1, 77), 2)
    loss = attention_loss([torch.rand(1, 16, 77)], torch.zeros(1, len(PARTS), 4, 4), parts, torch.ones(1))
    assert float(loss) == 0.0


def test_parts_of_captions_land_on_their_tokens() -> None:
    text = "a man with a red cap"
    tokenizer = train_tokenizer([text] * 20, 700)
    caption = {"text": text, "spans": [[2, 5, "figure"], [13, 20, "hat"], [0, 1, "no such part"]]}
    tokens, parts = tokenise(tokenizer, [caption])
    words = tokenizer.convert_ids_to_tokens(tokens[0].tolist())
    named = {word: PARTS[part] for word, part in zip(words, parts[0].tolist(), strict=True) if part >= 0}
    assert named == {"man</w>": "figure", "red</w>": "hat", "cap</w>": "hat"}


def test_a_shard_depends_on_its_seeds_alone() -> None:
    first, again = draw_shard(CPU, 40, 3), draw_shard(CPU, 41, 1)
    assert torch.equal(first.pictures[1:2], again.pictures)
    assert first.captions[1] == again.captions[0]


def test_small_masks_hold_the_covered_share() -> None:
    import numpy as np
    from PIL import Image

    from storyboard.starter.illustrator import Drawing

    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[:8, :4] = 255
    small = small_masks(Drawing(image=Image.new("RGB", (16, 16)), masks={"hat": mask}), 2)
    assert small[PARTS.index("hat")].tolist() == [[127, 0], [0, 0]]
    assert int(small.sum()) == 127


def test_empty_captions_name_nothing() -> None:
    tensors = {
        "latents": torch.zeros(3, 4, 2, 2),
        "masks": torch.zeros(3, len(PARTS), 2, 2, dtype=torch.uint8),
        "emphasis": torch.ones(3),
        "tokens": torch.ones(3, 2, 77, dtype=torch.int16),
        "parts": torch.zeros(3, 2, 77, dtype=torch.int8),
        "labels": torch.full((3, 5), 2, dtype=torch.int8),
        "asked": torch.tensor([1, 0, 1, 0, 0], dtype=torch.uint8).expand(3, 2, 5).contiguous(),
        "phrases": torch.zeros(3, 2, 77, dtype=torch.int8),
        "heads": torch.zeros(3, 2, 77, dtype=torch.bool),
        "poorer": torch.ones(3, 4, 2, 2),
        "changed": torch.zeros(3, dtype=torch.int8),
        "poorer_labels": torch.full((3, 5), 4, dtype=torch.int8),
    }
    pool = LatentPool(tensors, torch.full((77,), 9))
    batch = pool.draw(20, torch.Generator().manual_seed(0), empty=0.5, emphasised=0.0, full_only=False)
    empty = (batch.tokens == 9).all(dim=1)
    assert 0 < int(empty.sum()) < 20
    assert bool((batch.parts[empty] == -1).all()) and bool((batch.parts[~empty] == 0).all())
    assert bool((batch.asked[empty] == -100).all()) and batch.asked[~empty][0].tolist() == [2, -100, 2, -100, -100]
    assert bool((batch.weights == 1).all()) and not bool(batch.latents.any())
    weighed = pool.draw(200, torch.Generator().manual_seed(1), empty=0.5, emphasised=1.0, full_only=False)
    poorer, empty = weighed.latents.flatten(1).any(dim=1), (weighed.tokens == 9).all(dim=1)
    assert bool((weighed.weights[empty] == 1).all()) and not bool(poorer[empty].any()) and bool(poorer.any())
    assert bool((weighed.asked[poorer, 0] == 4).all()) and bool((weighed.weights[poorer] < 1).any())
