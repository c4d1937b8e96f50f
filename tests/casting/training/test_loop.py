"""The loop on a tiny model: exact resume, stopping, and that each method learns and writes what can be used."""

import itertools
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from PIL import Image, ImageDraw

from storyboard.casting.training import checkpoints
from storyboard.casting.training.checkpoints import (
    Checkpoint,
    checkpoint_steps,
    newest_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from storyboard.casting.training.dataset import Dataset, encode_pictures
from storyboard.casting.training.dreambooth import DreamBooth
from storyboard.casting.training.loop import Run, TrainingStep, schedule_share, train
from storyboard.casting.training.lora import Lora
from storyboard.casting.training.method import Method
from storyboard.casting.training.model import TrainingModel
from storyboard.casting.training.options import TrainingOptions
from storyboard.casting.training.pivotal import Pivotal
from storyboard.casting.training.presets import FAMILIES, preset
from storyboard.casting.training.textual_inversion import TextualInversion
from storyboard.character import Adapter, sha256_of
from storyboard.errors import BadInput, CharacterError, ModelError, UnknownName
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapter_embeddings import BEGUN_WORDS, shared_out
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.safetensors_header import read_header
from tests.tiny.models import tiny_sd1, tiny_sdxl

METHODS: dict[str, type[Method]] = {
    "lora": Lora,
    "textual-inversion": TextualInversion,
    "pivotal": Pivotal,
    "dreambooth": DreamBooth,
}
BASE = TrainingOptions(
    steps=6,
    batch=2,
    learning_rate=1e-2,
    text_learning_rate=1e-2,
    rank=2,
    alpha=2,
    checkpoint_every=3,
    precision="float32",
)
INFO = AdapterInfo(title="Ada", family="sd1", trigger_phrase="zzyx man", resolution=64, prediction="epsilon")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "sd1": tiny_sd1(tmp_path_factory.mktemp("sd1")),
        "sdxl": tiny_sdxl(tmp_path_factory.mktemp("sdxl")),
    }


def pipe(folders: dict[str, Path], family: str = "sd1") -> Any:
    kind = StableDiffusionPipeline if family == "sd1" else StableDiffusionXLPipeline
    return kind.from_pretrained(folders[family])


def pictures(count: int) -> list[Image.Image]:
    images = []
    for number in range(count):
        image = Image.new("RGB", (64, 64), (200, 220, 255))
        ImageDraw.Draw(image).ellipse((8 + number, 8, 48, 50), fill=(30, 160, 60))
        images.append(image)
    return images


def new_run(folders: dict[str, Path], options: TrainingOptions, folder: Path, family: str = "sd1") -> Run:
    model = TrainingModel(pipe(folders, family), family)
    own = encode_pictures(model, pictures(5), [f"zzyx man at tree {n}" for n in range(5)], flip=False)
    others = encode_pictures(model, pictures(2), ["a man", "a man at tree"], flip=False, is_class=True)
    return Run(
        model=model,
        method=METHODS[options.method](options, "zzyx", "man"),
        dataset=Dataset(own, others if options.prior_weight else [], options),
        options=options,
        folder=folder,
    )


def state(run: Run) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in run.parameters.items()} | dict(run.average)


@pytest.mark.parametrize("method", list(METHODS))
def test_a_resumed_training_equals_an_unbroken_one_bit_for_bit(
    folders: dict[str, Path], tmp_path: Path, method: str
) -> None:
    options = replace(
        BASE, method=method, dropout=0.2, train_text=True, ema=0.9, accumulation=2, schedule="cosine", text_steps=4
    )
    whole = train(new_run(folders, options, tmp_path / "whole"))
    train(new_run(folders, options, tmp_path / "parts"), until=2)
    second = new_run(folders, options, tmp_path / "parts")
    second.resume()
    assert second.step == 2
    train(second, until=5)
    third = new_run(folders, options, tmp_path / "parts")
    third.resume()
    train(third)
    expected, found = state(whole), state(third)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert whole.losses == third.losses
    one, other = (whole.method.write(tmp_path, "one", INFO), third.method.write(tmp_path, "other", INFO))
    assert {kind: path.read_bytes() for kind, path in one.items()} == {
        kind: path.read_bytes() for kind, path in other.items()
    }


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_what_is_written_draws_as_the_trained_model_does(
    folders: dict[str, Path], tmp_path: Path, method: str, family: str
) -> None:
    options = replace(BASE, method=method, steps=3, train_text=True, vectors=2, learning_rate=3e-3)
    run = train(new_run(folders, options, tmp_path, family))
    assert run.losses[0] > 0
    files = run.method.write(tmp_path, "ada", replace(INFO, family=family))
    generator = torch.Generator().manual_seed(0)
    noisy, timesteps = torch.randn(1, 4, 8, 8, generator=generator), torch.tensor([500])
    plain = TrainingModel(pipe(folders, family), family)
    uses = []
    for kind, path in files.items():
        digest = sha256_of(path)
        adapter = Adapter(family=family, kind=kind, path=path, sha256=digest)
        uses.append((adapter, AdapterUse(sha256=digest, kind=kind, token="zzyx")))
    with torch.no_grad():
        untrained = plain.predict(noisy, timesteps, plain.encode(["man at tree"]))
        expected = run.model.predict(noisy, timesteps, run.model.encode([run.method.prompt("zzyx man at tree")]))
        with adapters_applied(plain.pipe, uses) as words:
            text = "zzyx man at tree".replace("zzyx", " ".join(words.get("zzyx", ("zzyx",))))
            found = plain.predict(noisy, timesteps, plain.encode([text]))
    assert torch.allclose(found, expected, atol=5e-3)
    assert not torch.allclose(found, untrained, atol=5e-3)


def test_lora_learns_a_picture(folders: dict[str, Path], tmp_path: Path) -> None:
    options = replace(BASE, steps=60, prior_weight=0.0, checkpoint_every=60, caption_dropout=0.0)
    run = train(new_run(folders, options, tmp_path))
    assert sum(run.losses[-15:]) < 0.9 * sum(run.losses[:15])


def test_textual_inversion_moves_nothing_but_its_rows_and_keeps_their_length(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    run = new_run(folders, replace(BASE, method="textual-inversion", vectors=2), tmp_path)
    table = run.model.encoders[0].get_input_embeddings()
    frozen = {name: each.clone() for name, each in run.model.unet.state_dict().items()}
    vocabulary, rows = table.weight.detach().clone(), table.rows.detach().clone()
    train(run)
    assert torch.equal(table.weight, vocabulary)
    assert all(torch.equal(each, frozen[name]) for name, each in run.model.unet.state_dict().items())
    assert not torch.equal(table.rows, rows)
    assert torch.allclose(table.rows.norm(dim=1), rows.norm(dim=1), rtol=1e-5)


def test_samples_of_sdxl_pool_where_training_does(folders: dict[str, Path]) -> None:
    """Published configurations say 2, by which transformers pools at the highest id: that of the new word."""
    model = TrainingModel(pipe(folders, "sdxl"), "sdxl")
    model.pipe.text_encoder_2.text_model.eos_token_id = 2
    method = TextualInversion(replace(BASE, method="textual-inversion"), "zzyx", "man")
    method.attach(model)
    with torch.no_grad():
        _, _, drawn, _ = model.pipe.encode_prompt("zzyx man at tree", do_classifier_free_guidance=False)
        learned = model.encode([method.prompt("zzyx man at tree")]).pooled
    assert torch.equal(drawn, learned)


def test_new_words_start_from_the_initial_words_in_order() -> None:
    rows = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    assert shared_out(rows, 4).equal(rows)
    assert shared_out(rows, 1).flatten().tolist() == [1.5]
    assert shared_out(rows, 2).flatten().tolist() == [0.5, 2.5]
    assert shared_out(rows, 8).flatten().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert shared_out(rows[:1], 3).flatten().tolist() == [0, 0, 0]


def test_with_as_many_vectors_as_words_the_token_is_the_look_itself(folders: dict[str, Path], tmp_path: Path) -> None:
    run = new_run(folders, replace(BASE, method="pivotal", vectors=0, initial_word="man, on tree"), tmp_path)
    with torch.no_grad():
        look = run.model.encode(["man on tree"]).tokens
        assert torch.equal(run.model.encode([run.method.prompt("zzyx")]).tokens, look)
    train(run)
    file = run.method.write(tmp_path, "zzyx", INFO)["textual-inversion"]
    words = json.loads(read_header(file).metadata[BEGUN_WORDS])
    assert list(dict.fromkeys(words)) == ["man,", "on", "tree,"]
    assert [len(words), 32] == list(read_header(file).shapes["zzyx"])


def test_the_words_begin_at_the_look(folders: dict[str, Path], tmp_path: Path) -> None:
    options = replace(BASE, method="pivotal", vectors=2, initial_word="man tree")
    run = new_run(folders, options, tmp_path)
    with torch.no_grad():
        noun = run.model.encode(["man tree"]).tokens
        first = run.model.encode([run.method.prompt("zzyx")]).tokens
        other = run.model.encode(["at at"]).tokens
    assert (first - noun).norm() < 0.5 * (first - other).norm()


def test_a_token_the_model_has_is_refused_for_new_vectors(folders: dict[str, Path]) -> None:
    model = TrainingModel(pipe(folders), "sd1")
    token = next(word for word in model.tokenizers[0].get_vocab() if word.isalpha() and len(word) == 1)
    with pytest.raises(CharacterError, match="already has a token"):
        TextualInversion(replace(BASE, method="textual-inversion"), token, "man").attach(model)


def test_an_unreadable_checkpoint_is_passed_over(folders: dict[str, Path], tmp_path: Path) -> None:
    run = train(new_run(folders, BASE, tmp_path))
    assert checkpoint_steps(tmp_path) == [3, 6]
    newest = tmp_path / "checkpoint-000006.safetensors"
    newest.write_bytes(newest.read_bytes()[:200])
    assert newest_checkpoint(tmp_path) is None
    again = new_run(folders, BASE, tmp_path)
    again.resume()
    train(again)
    assert all(torch.equal(one, other) for one, other in zip(state(run).values(), state(again).values(), strict=True))


def test_only_the_newest_checkpoint_can_be_trained_on(folders: dict[str, Path], tmp_path: Path) -> None:
    run = train(new_run(folders, replace(BASE, ema=0.9), tmp_path))
    assert [path.name for path in sorted(tmp_path.glob("state-*"))] == ["state-000006.safetensors"]
    older = read_checkpoint(tmp_path, 3)
    assert older is not None
    assert older.weights.keys() == run.parameters.keys()


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(3))
def test_killed_at_any_moment_a_whole_checkpoint_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    def checkpoint(step: int) -> Checkpoint:
        value = torch.full((2,), float(step))
        return Checkpoint(step=step, weights={"a": value}, numbers={"n": step}, state={"optimiser.0.m": value})

    def dying(function: Any) -> Any:
        def call(*arguments: Any) -> None:
            if next(calls) == moment:
                raise Killed
            function(*arguments)

        return call

    write_checkpoint(tmp_path, checkpoint(1))
    calls = itertools.count()
    for name in ("write_tensors", "discard"):
        monkeypatch.setattr(checkpoints, name, dying(getattr(checkpoints, name)))
    with pytest.raises(Killed):
        write_checkpoint(tmp_path, checkpoint(2))
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == found.numbers["n"] == int(found.weights["a"][0]) == int(found.state["optimiser.0.m"][0])
    assert found.step == (2 if moment == 2 else 1)


def test_interrupting_saves_and_goes_on(folders: dict[str, Path], tmp_path: Path) -> None:
    def interrupt(step: TrainingStep) -> None:
        if step.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(new_run(folders, BASE, tmp_path / "a"), listen=interrupt)
    assert checkpoint_steps(tmp_path / "a") == [2]
    assert signal.getsignal(signal.SIGINT) is before
    rest = new_run(folders, BASE, tmp_path / "a")
    rest.resume()
    train(rest)
    whole = train(new_run(folders, BASE, tmp_path / "b"))
    assert rest.losses == whole.losses


def test_a_loss_that_explodes_is_told(folders: dict[str, Path], tmp_path: Path) -> None:
    run = new_run(folders, BASE, tmp_path)
    with torch.no_grad():
        next(iter(run.parameters.values())).fill_(float("nan"))
    with pytest.raises(ModelError, match="not a number"):
        train(run)


def test_averages_stand_in_and_go(folders: dict[str, Path], tmp_path: Path) -> None:
    run = train(new_run(folders, replace(BASE, ema=0.9), tmp_path))
    name = next(name for name in run.parameters if "lora_B" in name)
    trained = run.parameters[name].detach().clone()
    with run.averaged():
        assert torch.equal(run.parameters[name], run.average[name])
        assert not torch.equal(run.parameters[name], trained)
    assert torch.equal(run.parameters[name], trained)


def test_progress_and_learning_rates(folders: dict[str, Path], tmp_path: Path) -> None:
    steps: list[TrainingStep] = []
    train(new_run(folders, BASE, tmp_path), listen=steps.append)
    assert [each.step for each in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[-1].seconds_left == 0
    options = replace(BASE, steps=10, warmup=4, schedule="cosine")
    shares = [schedule_share(step, options) for step in range(11)]
    assert shares[:4] == [0.25, 0.5, 0.75, 1.0]
    assert shares[4] == 1.0
    assert shares[10] == pytest.approx(0)
    assert schedule_share(9, replace(options, schedule="constant")) == 1.0


@pytest.mark.parametrize("resolution", [100, 8, -8])
def test_sides_that_cannot_be_drawn_are_refused(resolution: int) -> None:
    with pytest.raises(BadInput, match="resolution"):
        replace(BASE, resolution=resolution)


def test_initial_words_that_are_none(folders: dict[str, Path], tmp_path: Path) -> None:
    blank = replace(BASE, method="textual-inversion", initial_word="  ")
    assert all(row.isfinite().all() for row in state(new_run(folders, blank, tmp_path)).values())


def test_every_preset_is_valid_and_can_be_overridden() -> None:
    for family in FAMILIES:
        for method in METHODS:
            options = preset(family, method, pictures=18)
            assert options.method == method
            assert 1 <= options.steps <= 4000
    assert preset("sd1", "dreambooth", 18).learning_rate == 2e-6
    assert preset("sd1", "dreambooth", 18).text_steps == 350
    assert preset("sdxl", "lora", 18).steps == 1800
    assert preset("sdxl", "lora", 18, {"steps": 5, "rank": None}).steps == 5
    with pytest.raises(UnknownName):
        preset("sd1", "magic", 18)
    with pytest.raises(BadInput):
        preset("sd1", "lora", 18, {"rank": 0})
    with pytest.raises(BadInput):
        preset("sd1", "lora", 18, {"colour": 3})
