"""Low-rank changes read from files that nobody checked before."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from storyboard.errors import CharacterError
from storyboard.rendering.diffusion.adapter_files import adapter_config, read_tensors
from storyboard.rendering.diffusion.adapter_lora import LowRank, parse_lora

LAYER = "unet.a.to_q"
ONE = {f"{LAYER}.lora_A.weight": torch.ones(1, 6), f"{LAYER}.lora_B.weight": torch.ones(5, 1)}


def written(path: Path, tensors: dict[str, Tensor], **about: object) -> Path:
    save_file(tensors, path, metadata={"lora_adapter_metadata": json.dumps(about)})
    return path


def layer(path: Path) -> LowRank:
    (found,) = parse_lora(*read_tensors(path), adapter_config(path))
    return found


@pytest.mark.parametrize(
    ("tensors", "about", "expected"),
    [
        ({"lora_A": torch.tensor(1.0), "lora_B": torch.tensor(1.0)}, {}, "do not fit"),
        ({"lora_A": torch.ones(2), "lora_B": torch.ones(5)}, {}, "do not fit"),
        ({"lora_A": torch.zeros(0, 6), "lora_B": torch.zeros(5, 0)}, {}, "do not fit"),
        ({"lora_A": torch.ones(2, 6), "lora_B": torch.ones(5, 3)}, {}, "do not fit"),
        ({"lora_mid": torch.ones(2, 7)}, {}, "do not fit"),
        ({"alpha": torch.ones(3)}, {}, "3 alphas"),
        ({"dora_scale": torch.ones(3)}, {}, "3 lengths for 5 rows"),
        ({}, {"unet.lora_alpha": "abc"}, "no number"),
        ({}, {"unet.lora_alpha": float("nan")}, "no finite number"),
        ({}, {"unet.lora_alpha": 1, "unet.alpha_pattern": {"a.to_q": []}}, "no number"),
    ],
)
def test_factors_that_cannot_be_multiplied_are_refused_in_words(
    tmp_path: Path, tensors: dict[str, Tensor], about: dict[str, object], expected: str
) -> None:
    plain = ("alpha", "dora_scale")
    own = {f"{LAYER}.{name}{'' if name in plain else '.weight'}": value for name, value in tensors.items()}
    path = written(tmp_path / "x.safetensors", ONE | own, **about)
    with pytest.raises(CharacterError, match=expected):
        layer(path).change(torch.zeros(5, 6))


def test_endless_nesting_is_no_configuration(tmp_path: Path) -> None:
    path = written(tmp_path / "x.safetensors", ONE)
    (tmp_path / "adapter_config.json").write_text("[" * 100_000)
    with pytest.raises(CharacterError, match="not JSON"):
        layer(path)


def test_eight_bit_numbers_are_read(tmp_path: Path) -> None:
    eight = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in ONE.items()}
    assert torch.equal(layer(written(tmp_path / "x.safetensors", eight)).change(torch.zeros(5, 6)), torch.ones(5, 6))


@pytest.mark.parametrize("shape", [(5, 1, 1, 1), (1, 6, 1, 1)])
def test_lengths_of_convolutions_are_those_given(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """LyCORIS keeps one for each output, or one for each input."""
    factors = {
        f"{LAYER}.lora_down.weight": torch.ones(1, 6, 3, 3),
        f"{LAYER}.lora_up.weight": torch.ones(5, 1, 1, 1),
        f"{LAYER}.dora_scale": torch.full(shape, 7.0),
    }
    weight = torch.randn(5, 6, 3, 3, generator=torch.Generator().manual_seed(1))
    moved = weight + layer(written(tmp_path / "x.safetensors", factors)).change(weight)
    lengths = moved.flatten(1).norm(dim=1) if shape[0] == 5 else moved.transpose(0, 1).flatten(1).norm(dim=1)
    assert torch.allclose(lengths, torch.full_like(lengths, 7.0), atol=1e-5)
