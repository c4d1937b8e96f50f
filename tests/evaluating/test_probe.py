import random
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file, save_file

from storyboard.errors import ModelError
from storyboard.evaluating.fidelity import character_fidelity, scene_fidelity
from storyboard.evaluating.probe import FOLDER, ProbeNetwork, load_probe, save_probe
from storyboard.starter import probe_training
from storyboard.starter.cast import FLYNN
from storyboard.starter.commands_probe import probe
from storyboard.starter.illustrator import draw
from storyboard.starter.probe_training import (
    ATTRIBUTES,
    IGNORED,
    SIDE,
    Plan,
    augment,
    draw_examples,
    held_out_accuracy,
    held_out_examples,
    loss_of,
    probe_labels,
    roughened,
    to_signed,
    train_probe,
    undecidable,
)
from storyboard.starter.spec import SceneSpec, random_spec


def tiny_work(folder: Path) -> Path:
    examples = draw_examples(0, 24, jpeg_share=0.5)
    folder.mkdir()
    save_file(
        {"pictures": examples.pictures.contiguous(), "labels": examples.labels}, folder / "probe-0-000.safetensors"
    )
    return folder


def test_a_saved_probe_reads_as_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ProbeNetwork([len(values) for values in probe_labels().values()]).eval()
    save_probe(tmp_path, network, probe_labels(), {"accuracy": {"place": 0.5}})
    probe = load_probe(tmp_path)
    assert probe.accuracy == {"place": 0.5}
    image = draw(SceneSpec(), 200).image
    (reading,) = probe.read([image])
    assert tuple(reading) == ATTRIBUTES
    assert all(sum(shares.values()) == pytest.approx(1, abs=1e-4) for shares in reading.values())
    assert probe.read([]) == []


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, parts = tiny_work(tmp_path / "whole"), tiny_work(tmp_path / "parts")
    plan = Plan(steps=2, batch=8, examples=24)
    once, _ = train_probe(plan, whole, minutes=5)
    _, none_done = train_probe(plan, parts, minutes=0)
    twice, all_done = train_probe(plan, parts, minutes=5)
    assert (none_done, all_done) == (0, 2)
    third, _ = train_probe(plan, parts, minutes=5)
    assert all(torch.equal(a, b) for a, b in zip(twice.parameters(), third.parameters(), strict=True))
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(once.parameters(), twice.parameters(), strict=True))


def test_probes_of_two_seeds_see_other_drawings_and_begin_otherwise(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(probe_training, "SHARD", 4)
    first, second = (
        train_probe(Plan(steps=1, batch=2, examples=4, seed=seed), tmp_path, minutes=5)[0] for seed in (0, 1)
    )
    assert not torch.equal(first.stem[1].weight, second.stem[1].weight)
    shards = [load_file(tmp_path / f"probe-{seed}-000.safetensors")["pictures"] for seed in (0, 1)]
    assert not torch.equal(*shards)


def test_a_probe_of_another_seed_does_not_replace_the_bundled_one(tmp_path: Path) -> None:
    before = (FOLDER / "model.safetensors").read_bytes()
    result = CliRunner().invoke(probe, ["train", str(tmp_path / "work"), "--seed", "1", "--steps", "1"])
    assert result.exit_code == 2 and "-o" in result.output
    assert not (tmp_path / "work").exists() and (FOLDER / "model.safetensors").read_bytes() == before


def test_training_lowers_the_loss_on_what_it_saw(tmp_path: Path) -> None:
    sizes = [len(values) for values in probe_labels().values()]
    examples = draw_examples(0, 24, jpeg_share=0.0)

    def loss(network: ProbeNetwork) -> float:
        with torch.no_grad():
            return float(loss_of(network.train()(to_signed(examples.pictures)), examples.labels, sizes))

    trained, _ = train_probe(Plan(steps=12, batch=8, examples=24), tiny_work(tmp_path / "work"), minutes=5)
    assert loss(trained) < 0.9 * loss(ProbeNetwork(sizes))


def test_augmented_pictures_stay_pictures_and_labels_know_what_is_hidden() -> None:
    examples = draw_examples(3, 16, jpeg_share=0.5)
    flawed = augment(to_signed(examples.pictures), torch.Generator().manual_seed(0))
    assert flawed.shape == (16, 3, SIDE, SIDE)
    assert -1 <= flawed.min() and flawed.max() <= 1
    assert (examples.labels == IGNORED).any()


def test_a_share_of_the_drawings_is_degraded() -> None:
    pictures = draw_examples(3, 9, jpeg_share=0.0).pictures
    rough = roughened(pictures, lambda signed: signed * 0)
    grey = (rough == 127).flatten(1).all(1)
    assert grey.tolist() == [index % 3 == 0 for index in range(9)]
    assert torch.equal(rough[1::3], pictures[1::3])


@pytest.mark.parametrize(("shot", "hidden"), [("full", []), ("close-up", ["bottom"])])
def test_garments_that_leave_no_trace_in_the_drawing_are_undecidable(shot: str, hidden: list[str]) -> None:
    spec = SceneSpec(shot=shot)
    picture = torch.from_numpy(np.array(draw(spec, SIDE).image)).permute(2, 0, 1)
    assert undecidable(spec, picture) == hidden


@pytest.mark.parametrize("damage", ["missing", "truncated", "other labels", "no json"])
def test_a_damaged_probe_is_refused_with_a_hint(tmp_path: Path, damage: str) -> None:
    network = ProbeNetwork([2, 2])
    save_probe(tmp_path, network, {"a": ("x", "y"), "b": ("x", "y")}, {})
    if damage == "missing":
        (tmp_path / "model.safetensors").unlink()
    elif damage == "truncated":
        (tmp_path / "model.safetensors").write_bytes(b"\x00" * 20)
    elif damage == "other labels":
        (tmp_path / "config.json").write_text('{"labels": {"a": ["x"]}}', encoding="utf-8")
    else:
        (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_probe(tmp_path)
    assert "probe train" in caught.value.hint


def test_the_bundled_probe_is_small_and_as_good_as_it_says() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size < 1.6 * 1024**2
    probe = load_probe()
    measured = held_out_accuracy(probe.network, held_out_examples(80))
    assert set(probe.accuracy) == set(measured) == set(probe.labels)
    worse = {
        name: (stated, measured[name]) for name, stated in probe.accuracy.items() if measured[name] < stated - 0.12
    }
    assert not worse


def test_the_bundled_probe_tells_a_kept_character_from_a_changed_one() -> None:
    fixed = {"person": FLYNN, "style": "flat", "shot": "full", "companion": "none", "time": "noon"}
    rng = random.Random(8)
    frames = [random_spec(rng, fixed) for _ in range(4)]
    readings = load_probe().read([draw(spec).image for spec in frames])
    look = {"hair_colour": "brown", "top_colour": "green", "bottom_colour": "brown"}
    other = {"hair_colour": "blonde", "top_colour": "pink", "bottom_colour": "white"}
    assert character_fidelity(readings, look) > character_fidelity(readings, other)
    right = [{"place": spec.place, "shot": "full", "time": "noon"} for spec in frames]
    wrong = [{"place": "cave", "shot": "close-up", "time": "night"} for _ in frames]
    assert scene_fidelity(readings, right) > scene_fidelity(readings, wrong)


def test_the_probe_reads_pictures_of_any_size_and_mode() -> None:
    pictures = [Image.new("L", (31, 47), 90), Image.new("RGBA", (300, 200))]
    assert len(load_probe().read(pictures)) == 2
