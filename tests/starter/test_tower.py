"""The image tower: it learns, goes on where it stopped, and what is saved is a CLIP model that judges as it did."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from transformers import CLIPTokenizer

from storyboard.evaluating.likeness import TOWER, ClipJudge, ProbeJudge
from storyboard.starter.__main__ import main
from storyboard.starter.commands_training import MODEL
from storyboard.starter.pictures import held_out, to_signed
from storyboard.starter.recipe import CPU
from storyboard.starter.tower_training import (
    CaptionedPictures,
    TowerPlan,
    TowerTraining,
    contrastive_loss,
    embed,
    retrieval,
    save_tower,
    tokenized,
)

PLAN = TowerPlan(steps=24, batch=6, rate=2e-3, warmup=2)
MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(MODEL / "tokenizer")


@pytest.fixture(scope="module")
def data() -> CaptionedPictures:
    return CaptionedPictures.of([held_out(CPU, 6)])


@pytest.fixture(scope="module")
def trained(tokenizer: CLIPTokenizer, data: CaptionedPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    training = TowerTraining(PLAN, tokenizer, tmp_path_factory.mktemp("work"))
    losses = [training.update(data) for _ in range(PLAN.steps)]
    assert sum(losses[-4:]) < sum(losses[:4])
    folder = tmp_path_factory.mktemp("tower")
    save_tower(folder, training.model, tokenizer)
    return folder


def test_the_loss_is_least_when_pairs_agree_and_others_do_not() -> None:
    apart, scale = torch.eye(4), torch.tensor(3.0)
    assert contrastive_loss(apart, apart, scale) < 1e-6
    assert contrastive_loss(apart, apart.roll(1, 0), scale) > 10
    same = torch.ones(4, 4) / 2
    assert contrastive_loss(same, same, scale) == pytest.approx(torch.tensor(4.0).log())


def test_training_goes_on_where_it_stopped(tokenizer: CLIPTokenizer, data: CaptionedPictures, tmp_path: Path) -> None:
    plan = TowerPlan(steps=4, batch=3)
    whole = TowerTraining(plan, tokenizer, tmp_path / "whole")
    whole.train(data, 5, lambda line: None)
    first = TowerTraining(plan, tokenizer, tmp_path / "parts")
    first.update(data)
    first.keep()
    rest = TowerTraining(plan, tokenizer, tmp_path / "parts")
    assert rest.done == 1
    rest.train(data, 5, lambda line: None)
    assert rest.done == whole.done == 4
    found = rest.model.state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in whole.model.state_dict().items())


def test_what_is_saved_is_small_and_judges_as_it_did(
    trained: Path, tokenizer: CLIPTokenizer, data: CaptionedPictures
) -> None:
    assert (trained / "model.safetensors").stat().st_size <= MOST_BYTES
    judge = ClipJudge(trained)
    model, _ = judge._parts
    text = data.captions[0][0]
    with torch.inference_mode():
        seen, read = embed(model, to_signed(data.pictures[:1]), tokenized(tokenizer, [text]))
    picture = Image.fromarray(data.pictures[0].numpy())
    assert judge.clip(picture, text) == pytest.approx(float((seen * read).sum()), abs=1e-4)
    assert -1 <= judge.clip(picture.resize((64, 64)), "a dog") <= 1


def test_retrieval_counts_pairs(trained: Path, tokenizer: CLIPTokenizer, data: CaptionedPictures) -> None:
    model, _ = ClipJudge(trained)._parts
    figures = retrieval(model, tokenizer, data)
    assert figures["scenes"] == 6
    assert figures["caption_first"] > 1 / 3 and figures["picture_first"] > 1 / 3
    assert figures["caption_in_five"] >= figures["caption_first"]


def test_the_command_trains_and_measures(tmp_path: Path) -> None:
    arguments = ["tower", "train", str(tmp_path), "--minutes", "0", "--shards", "1", "-o", str(tmp_path / "out")]
    from storyboard.starter.pictures import save_shard, shard_path

    save_shard(shard_path(tmp_path / "pictures", 0), held_out(CPU, 2))
    done = CliRunner().invoke(main, [*arguments, "--count", "4"])
    assert done.exit_code == 0, done.output
    assert "0 of 4000 steps" in done.output
    again = CliRunner().invoke(main, ["tower", "evaluate", "--count", "4", "--tower", str(tmp_path / "out")])
    assert '"scenes": 4' in again.output


def test_without_a_tower_there_is_no_score(tmp_path: Path) -> None:
    assert ProbeJudge(tower=tmp_path / "none").clip(Image.new("RGB", (8, 8)), "a man") is None


@pytest.mark.skipif(not TOWER.is_dir(), reason="no tower is bundled")
def test_the_bundled_tower_knows_captions_from_one_another() -> None:
    judge = ClipJudge(TOWER)
    data = CaptionedPictures.of([held_out(CPU, 32)])
    model, processor = judge._parts
    figures = retrieval(model, processor.tokenizer, data)
    assert figures["caption_in_five"] > 0.5 and figures["picture_in_five"] > 0.5
