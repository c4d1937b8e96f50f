"""The training's stages in order, each leaving files for the next: tokenizer, pictures, vae, polish, latents, reader,
unet, own, drift.

Folder layout: tokenizer/, pictures/, vae/, latents/, reader.safetensors, unet.safetensors, own.safetensors and
drift.safetensors (checkpoints) and export/ (the model folder).
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTokenizer

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.starter.attribute_supervision import load_reader, save_reader, train_reader
from storyboard.starter.drift import DriftTraining
from storyboard.starter.latent_pool import LatentPool, empty_tokens, encode_pool
from storyboard.starter.model_folder import assemble, load_model, save_model
from storyboard.starter.own_pictures import OwnPicturesTraining
from storyboard.starter.own_ways import OwnWaysTraining
from storyboard.starter.pictures import Shard, draw_pool, load_shard, shard_path
from storyboard.starter.recipe import Recipe
from storyboard.starter.tokenizer_training import save_tokenizer, train_tokenizer
from storyboard.starter.unet_training import UNetTraining, place_among_processes
from storyboard.starter.vae_training import VaeTraining, polish

Report = Callable[[str], None]
STAGES = ("tokenizer", "pictures", "vae", "polish", "latents", "reader", "unet", "own", "drift")
USUAL_STAGES = tuple(stage for stage in STAGES if stage != "own")
"""All but `own`, whose weights are wanted as half of a mean (decision 0014)."""
VAE_SHARDS = 12
REPORT_EVERY = 25
POOL_REFRESH = 200
EXPORT_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where a training keeps its files, and whom it tells how it goes."""

    recipe: Recipe
    folder: Path
    report: Report

    def run(self, stage: str, *, minutes: float | None = None, resume: bool = False) -> None:
        """Run one of `STAGES`; `minutes` stops the UNet early, at a checkpoint, and `resume` goes on from it."""
        steps: dict[str, Callable[[], None]] = {
            "tokenizer": self.train_tokenizer,
            "pictures": lambda: draw_pool(self.recipe, self.folder / "pictures"),
            "vae": self.train_vae,
            "polish": self.polish,
            "latents": self.encode,
            "reader": self.train_reader,
            "unet": lambda: self.train_unet(minutes, resume),
            "own": lambda: self.train_on_own_ways("own", OwnPicturesTraining, minutes, resume),
            "drift": lambda: self.train_on_own_ways("drift", DriftTraining, minutes, resume),
        }
        steps[stage]()

    def train_tokenizer(self) -> None:
        """Learn the vocabulary from the captions of the first shards."""
        settings, captions = self.recipe.tokenizer, list[str]()
        shards = -(-settings.captions // (self.recipe.pool.shard_size * self.recipe.pool.captions))
        draw_pool(self.recipe, self.folder / "pictures", shards)
        for shard in self._shards(shards):
            captions += [str(wording["text"]) for wordings in shard.captions for wording in wordings]
        save_tokenizer(train_tokenizer(captions, settings.vocabulary), self.folder / "tokenizer")

    def train_vae(self) -> None:
        """Learn the autoencoder on crops."""
        training = VaeTraining(self.recipe)
        shards = self._shards(VAE_SHARDS)
        training.train(shards, self.recipe.vae.steps, self._progress("vae"))
        training.finished(shards[0].pictures).save_pretrained(self.folder / "vae")

    def polish(self) -> None:
        """Polish the autoencoder; the latents stay near what they were."""
        shards = self._shards(VAE_SHARDS)
        vae = polish(self.recipe, self.vae(), shards, self.recipe.vae.polish_steps, self._progress("polish"))
        vae.save_pretrained(self.folder / "vae")

    def encode(self) -> None:
        """Encode every drawn shard that is not encoded yet."""
        vae = self.vae().to(self.recipe.device, getattr(torch, self.recipe.precision))
        vae.to(memory_format=torch.channels_last)
        encode_pool(self.folder / "pictures", self.folder / "latents", vae, self.tokenizer(), self.recipe.pool.shards)

    def train_reader(self) -> None:
        """Learn to read attributes from latents, which supervises the UNet."""
        latents, labels = self._pool(self.tokenizer()).labelled()
        reader, accuracy = train_reader(latents, labels, self.recipe.reader, self._progress("reader"))
        save_reader(self.folder / "reader.safetensors", reader)
        self.report(f"reader reads {accuracy:.1%} of the attributes of scenes it has not seen")

    def train_unet(self, minutes: float | None = None, resume: bool = False) -> None:
        """Train UNet and text encoder to the recipe's last step, or for `minutes`; exports every ten minutes."""
        tokenizer = self.tokenizer()
        self._train("unet", UNetTraining(self.recipe, tokenizer, self._reader()), tokenizer, minutes, resume)

    def train_on_own_ways(
        self,
        stage: str,
        training_of: Callable[[Recipe, CLIPTokenizer, LatentReader], OwnWaysTraining],
        minutes: float | None = None,
        resume: bool = False,
    ) -> None:
        """Go on with what was exported last, where its own steps lead it; as `train_unet`."""
        tokenizer = self.tokenizer()
        training = training_of(self.recipe, tokenizer, self._reader())
        trained = load_model(self.folder / "export")
        training.start_from(trained.text_encoder, trained.unet)
        self._train(stage, training, tokenizer, minutes, resume)

    def _train(
        self, stage: str, training: UNetTraining, tokenizer: CLIPTokenizer, minutes: float | None, resume: bool
    ) -> None:
        checkpoint, pool = self.folder / f"{stage}.safetensors", self._pool(tokenizer)
        if resume and checkpoint.exists():
            training.resume(checkpoint)
        started = exported = time.monotonic()
        window: list[tuple[float, float, float]] = []
        while training.step < training.recipe.unet.steps and not _over(started, minutes):
            result = training.update(pool)
            window.append((result.loss, result.attention, result.attributes))
            if training.step % REPORT_EVERY == 0:
                figures = (f"{sum(values) / len(window):.4f}" for values in zip(*window, strict=True))
                named = zip(("loss", "attention", "attributes"), figures, strict=True)
                told = " ".join(f"{name} {figure}" for name, figure in named)
                self.report(f"{stage} {training.step} {told} after {time.monotonic() - started:.0f} s")
                window.clear()
            if training.step % POOL_REFRESH == 0:
                pool.refresh(self.folder / "latents")
            if time.monotonic() - exported > EXPORT_SECONDS:
                self.keep(training, checkpoint)
                exported = time.monotonic()
        self.keep(training, checkpoint)

    def keep(self, training: UNetTraining, checkpoint: Path) -> None:
        """Write checkpoint and model folder, in the first process of several."""
        if place_among_processes()[0] == 0:
            training.save(checkpoint)
            self.export(training)

    def export(self, training: UNetTraining) -> None:
        """Write the model folder with the averaged weights of `training`."""
        text_encoder, unet = training.averaged()
        pipeline = assemble(self.vae(), text_encoder, unet, self.tokenizer())
        fresh = self.folder / "export.new"
        shutil.rmtree(fresh, ignore_errors=True)
        save_model(pipeline, fresh, self.recipe, self._reader())
        shutil.rmtree(self.folder / "export", ignore_errors=True)
        fresh.rename(self.folder / "export")
        self.report(f"exported at step {training.step}")

    def tokenizer(self) -> CLIPTokenizer:
        """The trained tokenizer."""
        return CLIPTokenizer.from_pretrained(self.folder / "tokenizer")

    def vae(self) -> AutoencoderTiny:
        """The trained autoencoder, in float32."""
        return AutoencoderTiny.from_pretrained(self.folder / "vae").eval()

    def _reader(self) -> LatentReader:
        return load_reader(self.folder / "reader.safetensors", self.recipe.vae.latent_channels)

    def _pool(self, tokenizer: CLIPTokenizer) -> LatentPool:
        return LatentPool.from_folder(self.folder / "latents", empty_tokens(tokenizer))

    def _shards(self, count: int) -> list[Shard]:
        paths = [shard_path(self.folder / "pictures", index) for index in range(count)]
        return [load_shard(path) for path in paths if path.exists()]

    def _progress(self, what: str) -> Callable[[int, float], None]:
        def tell(step: int, loss: float) -> None:
            if step % REPORT_EVERY == 0:
                self.report(f"{what} {step} loss {loss:.4f}")

        return tell


def _over(started: float, minutes: float | None) -> bool:
    return minutes is not None and time.monotonic() - started > minutes * 60
