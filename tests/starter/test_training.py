"""The training on a tiny recipe: exact to resume, and its folder loads in plain diffusers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor2_0

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.rendering.diffusion.attention import ForwardState, Latents, Method
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.families import FAMILIES
from storyboard.rendering.diffusion.lanes import Walker, lane_of
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.samples import NO_OTHER_CLOTHES, _request
from storyboard.starter.attribute_supervision import SIZES, load_reader, save_reader, train_reader
from storyboard.starter.drift import DriftTraining
from storyboard.starter.latent_pool import Batch, LatentPool, empty_tokens, encode_shard
from storyboard.starter.model_folder import DEFAULT_GUIDANCE, assemble
from storyboard.starter.own_pictures import OwnPicturesTraining
from storyboard.starter.own_ways import MANNER, OwnWaysTraining, timesteps_of, walk
from storyboard.starter.pictures import draw_shard
from storyboard.starter.probe_training import IGNORED
from storyboard.starter.recipe import (
    CPU,
    DriftRecipe,
    OwnPicturesRecipe,
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
from storyboard.starter.unet_training import UNetTraining, new_scheduler
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
    own=OwnPicturesRecipe(steps=3, batch=4, drawn=2, draw_every=2, kept=4, steps_to_draw=3, warmup=1),
    drift=DriftRecipe(steps=3, batch=4, drawn=2, draw_every=2, kept=4, steps_to_draw=5, places=3, warmup=1),
)


def reader() -> LatentReader:
    """An untrained reader of attributes, ready to supervise."""
    torch.manual_seed(1)
    return LatentReader(TINY.vae.latent_channels, SIZES).requires_grad_(False).eval()


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
    exported = [f"exported at step {trained.steps}" for trained in (TINY.unet, TINY.own, TINY.drift)]
    assert [line for line in lines if line.startswith("exported")] == exported


def test_resume_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    workshop = Workshop(recipe=TINY, folder=tmp_path, report=lambda line: None)
    for stage in STAGES[: STAGES.index("unet")]:
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


class Watched(Method):
    """Keeps the latents of every step."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def before_step(self, state: ForwardState, latents: Latents) -> Latents:
        self.seen.append(torch.cat(list(latents.values())))
        return latents


def own_training(tokenizer: object, steps: int = 3, **changes: float) -> OwnPicturesTraining:
    """A tiny training on own pictures."""
    return OwnPicturesTraining(replace(TINY, own=replace(TINY.own, steps=steps, **changes)), tokenizer, reader())


def test_own_pictures_are_drawn_as_boards_draw_them() -> None:
    prompts = ["a man in a park", "a woman on the beach at night"]
    tokenizer = train_tokenizer(prompts, 700)
    encoded = tokenizer(prompts, padding="max_length", max_length=77, return_tensors="pt")
    training = own_training(tokenizer)
    nothing = torch.zeros(2, 0)
    batch = Batch(
        latents=torch.zeros(2, 4, 8, 8), masks=nothing, parts=nothing, asked=nothing,
        tokens=encoded.input_ids, weights=torch.ones(2, 77),
    )  # fmt: skip
    processors = dict(training.unet.attn_processors)
    own = walk(training.denoiser, batch, torch.Generator().manual_seed(2), first=0, places=4, steps=4)
    assert dict(training.unet.attn_processors) == processors

    noise = torch.randn(batch.latents.shape, generator=torch.Generator().manual_seed(2))
    training.unet.set_attn_processor(AttnProcessor2_0())
    pipe = assemble(new_vae(TINY.vae), training.text_encoder, training.unet, tokenizer)
    conditioner, watched = Conditioner(pipe), Watched()
    requests = [_request(prompt, 0, (64, 64), 4, DEFAULT_GUIDANCE) for prompt in prompts]
    walkers = [
        Walker(
            lane_of(conditioner, NO_OTHER_CLOTHES, number, request),
            unet=pipe.unet, own_scheduler=pipe.scheduler, scale=8, device="cpu", noise=noise[number : number + 1],
        )
        for number, request in enumerate(requests)
    ]  # fmt: skip
    denoiser = Denoiser(
        unet=pipe.unet, family=FAMILIES["sd1"], conditioner=conditioner, manner=MANNER, methods=(watched,)
    )
    assert sum(denoise(denoiser, [], [walkers], ForwardState(steps=4, height=8, width=8))) == 8
    assert torch.allclose(own.noisy.float(), torch.stack(watched.seen, 1), atol=2e-3)
    assert torch.equal(own.noisy[:, 0], noise.half())


def drift_training(tokenizer: object, steps: int = 3, **changes: float) -> DriftTraining:
    """A tiny training of finding back."""
    return DriftTraining(replace(TINY, drift=replace(TINY.drift, steps=steps, **changes)), tokenizer, reader())


@pytest.mark.parametrize("training", [own_training, drift_training])
def test_resuming_with_own_ways_is_exact(
    training: Callable[..., OwnWaysTraining], tmp_path: Path, pool_and_tokenizer: tuple[LatentPool, object]
) -> None:
    pool, tokenizer = pool_and_tokenizer
    whole, first, second = (training(tokenizer, steps=4) for _ in range(3))
    for _ in range(4):
        whole.update(pool)
    for _ in range(3):
        first.update(pool)
    first.save(tmp_path / "own.safetensors")
    second.resume(tmp_path / "own.safetensors")
    second.update(pool)
    assert whole.own is not None and len(whole.own) == TINY.own.kept
    expected, found = whole.trainee.tensors(), second.trainee.tensors()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def reader_of_brightness() -> LatentReader:
    """Reads the first attribute as 1 where latents are high, as 0 where they are low."""
    generator = torch.Generator().manual_seed(7)
    labels = torch.full((80, len(SIZES)), IGNORED)
    labels[:, 0] = torch.arange(80) % 2
    latents = torch.randn(80, 4, 8, 8, generator=generator) + 2.0 * labels[:, 0, None, None, None] - 1.0
    trained, _ = train_reader(latents, labels, ReaderRecipe(steps=40, batch=16), lambda step, loss: None)
    return trained.requires_grad_(False)


def test_own_pictures_come_to_please_the_reader(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    asked, labels = torch.zeros_like(pool.tensors["asked"]), torch.ones_like(pool.tensors["labels"])
    asked[..., 0] = 1
    bright = LatentPool({**pool.tensors, "asked": asked, "labels": labels}, pool.empty)
    supervising = reader_of_brightness()

    def missed(weight: float) -> float:
        own = replace(TINY.own, steps=30, weight=weight, learning_rate=5e-3, kept=2, draw_every=1)
        training = OwnPicturesTraining(replace(TINY, own=own), tokenizer, supervising)
        for _ in range(15):
            training.update(bright)
        with torch.no_grad():
            return taught(training)

    assert missed(1.0) < 0.8 * missed(0.0)


def taught(training: OwnWaysTraining) -> float:
    """What the training still has to teach at 32 places of its own ways."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(8)]
    return sum(float(training.own_loss(training.places(4, each), each)) for each in generators)


def test_ways_begin_at_drawings_with_noise(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    training = drift_training(tokenizer)
    ways = training.walked(pool, 2, torch.Generator().manual_seed(0))
    first = int(ways.steps[0, 0])
    assert ways.steps.tolist() == [[first, first + 1, first + 2]] * 2
    signal = new_scheduler().alphas_cumprod[timesteps_of(5)[first]]
    noise = (ways.noisy[:, 0].float() - signal.sqrt() * ways.latents.float()) / (1 - signal).sqrt()
    assert abs(float(noise.mean())) < 0.2 and abs(float(noise.std()) - 1) < 0.2


def test_who_foresees_the_drawing_is_taught_nothing(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer
    training = drift_training(tokenizer, attribute_weight=0.0)
    training.update(pool)
    generator = torch.Generator().manual_seed(0)
    places = training.places(4, generator)
    drawings = places.ways.latents[places.which].float()
    right = (places.signal.sqrt() * places.noisy - drawings) / (1 - places.signal).sqrt()
    assert torch.allclose(places.clean(right), drawings, atol=1e-4)
    assert float(training.own_loss(replace(places, made=right), generator).detach()) < 1e-6
    assert float(training.own_loss(places, generator).detach()) > 0.1


def test_drifting_comes_to_find_back(pool_and_tokenizer: tuple[LatentPool, object]) -> None:
    pool, tokenizer = pool_and_tokenizer

    def away(weight: float) -> float:
        training = drift_training(tokenizer, 40, weight=weight, learning_rate=5e-3, attribute_weight=0.0)
        for _ in range(20):
            training.update(pool)
        with torch.no_grad():
            return taught(training)

    assert away(1.0) < 0.95 * away(0.0)
