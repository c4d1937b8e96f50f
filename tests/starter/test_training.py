"""The training on a tiny recipe: exact to resume, and its folder loads in plain diffusers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline

from storyboard.starter.attribute_supervision import LatentReader, load_reader, save_reader
from storyboard.starter.latent_pool import LatentPool, empty_tokens, encode_shard
from storyboard.starter.pictures import draw_shard
from storyboard.starter.recipe import (
    CPU,
    PoolRecipe,
    ReaderRecipe,
    Recipe,
    TextRecipe,
    TokenizerRecipe,
    UNetRecipe,
    VaeRecipe,
)
from storyboard.starter.stages import STAGES, Workshop
from storyboard.starter.tokenizer_training import train_tokenizer
from storyboard.starter.trainee import stable_then_decay
from storyboard.starter.unet_training import UNetTraining
from storyboard.starter.vae_training import VaeTraining, new_vae, peak_signal_to_noise, polish

TINY = Recipe(
    size=64,
    precision="float32",
    compiled=False,
    tokenizer=TokenizerRecipe(vocabulary=700, captions=8),
    pool=PoolRecipe(shards=2, shard_size=6, captions=2, held_out=2),
    vae=VaeRecipe(width=8, latent_channels=4, crop=32, batch=4, steps=30, polish_steps=3, polish_batch=2),
    reader=ReaderRecipe(steps=2, batch=2),
    text=TextRecipe(width=16, layers=1, heads=2),
    unet=UNetRecipe(channels=(16, 32), batch=4, steps=8, warmup=2),
)


def reader() -> LatentReader:
    """An untrained reader of attributes, ready to supervise."""
    torch.manual_seed(1)
    return LatentReader(TINY.vae.latent_channels).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def pool_and_tokenizer() -> tuple[LatentPool, object]:
    shard = draw_shard(TINY, 5, 8)
    tokenizer = train_tokenizer([wording["text"] for each in shard.captions for wording in each], 700)
    torch.manual_seed(0)
    tensors = encode_shard(shard, new_vae(TINY.vae), tokenizer)
    return LatentPool(tensors, empty_tokens(tokenizer)), tokenizer


def test_resuming_is_exact(tmp_path: Path, pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    whole = UNetTraining(TINY, tokenizer, reader())
    for _ in range(4):
        whole.update(pool)
    first = UNetTraining(TINY, tokenizer, reader())
    for _ in range(2):
        first.update(pool)
    first.save(tmp_path / "state.safetensors")
    second = UNetTraining(replace(TINY, seed=0), tokenizer, reader())
    second.resume(tmp_path / "state.safetensors")
    assert second.step == 2
    for _ in range(2):
        second.update(pool)
    expected, found = whole.trainee.tensors(), second.trainee.tensors()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_loss_falls_and_every_parameter_learns(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    training = UNetTraining(replace(TINY, unet=replace(TINY.unet, steps=60, learning_rate=5e-3)), tokenizer, reader())
    before = {name: value.clone() for name, value in training.trainee.masters.items()}
    losses = [training.update(pool).loss for _ in range(40)]
    assert sum(losses[-8:]) < 0.9 * sum(losses[:8])
    still = [name for name, value in training.trainee.masters.items() if torch.equal(value, before[name])]
    assert still == []


def test_the_average_is_what_is_exported(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    training = UNetTraining(TINY, tokenizer, reader())
    training.update(pool)
    text_encoder, unet = training.averaged()
    exported = {f"unet.{name}": value for name, value in unet.state_dict().items()}
    exported |= {f"text_encoder.{name}": value for name, value in text_encoder.state_dict().items()}
    assert all(torch.equal(exported[name], value) for name, value in training.trainee.average.items())
    average, newest = training.trainee.average["unet.conv_in.weight"], training.trainee.masters["unet.conv_in.weight"]
    assert not torch.equal(average, newest)


def test_finished_latents_are_standard_without_a_scaling_factor() -> None:
    shard = draw_shard(TINY, 9, 6)
    training = VaeTraining(TINY)
    training.train([shard], 60, lambda step, loss: None)
    vae = training.finished(shard.pictures)
    assert vae.config.scaling_factor == 1.0
    pictures = shard.pictures.permute(0, 3, 1, 2).float().div(127.5).sub(1)
    with torch.no_grad():
        deviation = vae.encode(pictures).latents.std(dim=(0, 2, 3))
    assert float(deviation.min()) > 0.4 and float(deviation.max()) < 2.5


def test_polishing_holds_the_latents_as_hard_as_its_anchor() -> None:
    shard = draw_shard(TINY, 9, 4)
    vae, pictures = new_vae(TINY.vae), shard.pictures.permute(0, 3, 1, 2).float().div(127.5).sub(1)

    def polished(anchor: float) -> tuple[float, float]:
        recipe = replace(TINY, vae=replace(TINY.vae, anchor=anchor, polish_learning_rate=5e-3))
        made = polish(recipe, vae, [shard], 40, lambda step, loss: None)
        with torch.no_grad():
            drift = (made.encode(pictures).latents - vae.encode(pictures).latents).square().mean()
        return float(drift), peak_signal_to_noise(made, shard.pictures)

    (free, better), (held, _) = polished(0.0), polished(1000.0)
    assert 0 < held < 0.2 * free
    assert better > peak_signal_to_noise(vae, shard.pictures) + 1


def test_vae_training_raises_the_signal_to_noise_ratio() -> None:
    shard = draw_shard(TINY, 9, 6)
    training = VaeTraining(replace(TINY, vae=replace(TINY.vae, learning_rate=5e-3, batch=2)))
    untrained = peak_signal_to_noise(training.finished(shard.pictures), shard.pictures)
    training.train([shard], 200, lambda step, loss: None)
    assert peak_signal_to_noise(training.finished(shard.pictures), shard.pictures) > untrained + 2


def test_all_stages_leave_a_folder_that_plain_diffusers_draws_with(tmp_path: Path) -> None:
    lines: list[str] = []
    workshop = Workshop(recipe=TINY, folder=tmp_path, report=lines.append)
    for stage in STAGES:
        workshop.run(stage)
    settings = json.loads((tmp_path / "export" / "storyboard.json").read_text())
    assert not [path for path in (tmp_path / "export").glob("*/config.json") if str(tmp_path) in path.read_text()]
    assert settings["family"] == "sd1" and settings["size"] == [64, 64]
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "export", safety_checker=None, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)

    def picture() -> bytes:
        generator = torch.Generator().manual_seed(3)
        made = pipeline("a man in a park", num_inference_steps=2, guidance_scale=3.0, generator=generator).images[0]
        assert made.size == (64, 64)
        return made.tobytes()

    assert picture() == picture()
    assert any(line.startswith("exported at step 8") for line in lines)


def test_resume_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    workshop = Workshop(recipe=TINY, folder=tmp_path, report=lambda line: None)
    for stage in STAGES[:-1]:
        workshop.run(stage)
    workshop.run("unet", minutes=0.0)
    lines: list[str] = []
    longer = replace(TINY, unet=replace(TINY.unet, steps=3))
    Workshop(recipe=longer, folder=tmp_path, report=lines.append).run("unet", resume=True)
    assert lines[-1] == "exported at step 3"


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (9, 1.0), (50, 1.0), (80, 1.0), (90, 0.5), (100, 0.0)])
def test_the_learning_rate_rises_stays_and_falls(step: int, share: float) -> None:
    assert stable_then_decay(step, 100, 10, 0.2) == pytest.approx(share)


def test_the_bundled_recipe_fits_the_size_budget() -> None:
    from storyboard.starter.unet_training import new_text_encoder, new_unet

    tokenizer = train_tokenizer(["a man"], CPU.tokenizer.vocabulary)
    parts = (new_vae(CPU.vae), new_unet(CPU), new_text_encoder(CPU.text, tokenizer))
    assert sum(parameter.numel() for part in parts for parameter in part.parameters()) * 2 < 30_000_000


def test_unpadded_texts_end_as_the_empty_one_does(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    denoiser = UNetTraining(TINY, tokenizer, reader()).denoiser
    tokens = pool.tensors["tokens"][:2, 0].long()
    ends = [int((row == pool.empty[-1]).nonzero()[0]) for row in tokens]
    with torch.no_grad():
        plain = denoiser.words(tokens, torch.tensor([False, False]))
        mixed = denoiser.words(tokens, torch.tensor([True, False]))
        empty = denoiser.words(pool.empty[None], torch.tensor([False]))[0]
        alone = denoiser.text_encoder(tokens)[0]
    assert torch.allclose(plain, alone, atol=1e-6)
    assert torch.equal(mixed[1], plain[1]) and torch.equal(mixed[0, : ends[0]], plain[0, : ends[0]])
    assert torch.allclose(mixed[0, ends[0] :], empty[ends[0] :], atol=1e-6)
    assert not torch.allclose(mixed[0, ends[0] :], plain[0, ends[0] :], atol=1e-3)


def test_the_reader_is_left_as_it_is(tmp_path: Path, pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    supervising = reader()
    save_reader(tmp_path / "reader.safetensors", supervising)
    training = UNetTraining(TINY, tokenizer, supervising)
    assert training.update(pool).attributes > 0
    before = load_reader(tmp_path / "reader.safetensors", TINY.vae.latent_channels).state_dict()
    assert all(torch.equal(before[name], value) for name, value in training.reader.state_dict().items())
