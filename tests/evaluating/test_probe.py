import random
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from storyboard.errors import ModelError
from storyboard.evaluating.fidelity import character_fidelity, scene_fidelity, seen
from storyboard.evaluating.probe import FOLDER, ProbeNetwork, load_probe, save_probe
from storyboard.starter.cast import FLYNN
from storyboard.starter.illustrator import draw
from storyboard.starter.probe_training import (
    ATTRIBUTES,
    IGNORED,
    SIDE,
    Plan,
    augment,
    draw_examples,
    held_out_accuracy,
    probe_labels,
    to_signed,
    train_probe,
)
from storyboard.starter.spec import SceneSpec, random_spec


def tiny_work(folder: Path) -> Path:
    examples = draw_examples(0, 24, jpeg_share=0.5)
    folder.mkdir()
    save_file({"pictures": examples.pictures.contiguous(), "labels": examples.labels}, folder / "probe-000.safetensors")
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
    assert (
        probe.read([image, image])[1] == pytest.approx(reading)
        or probe.read([image, image])[1].keys() == reading.keys()
    )
    assert probe.read([]) == []


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, parts = tiny_work(tmp_path / "whole"), tiny_work(tmp_path / "parts")
    plan = Plan(steps=4, batch=8, examples=24)
    once, _ = train_probe(plan, whole, minutes=5)
    train_probe(Plan(steps=2, batch=8, examples=24), parts, minutes=5)
    twice, done = train_probe(plan, parts, minutes=5)
    assert done == 4
    assert once.heads.weight.shape == twice.heads.weight.shape
    assert not torch.equal(ProbeNetwork([3]).stem[0].weight, twice.stem[0].weight)


def test_training_lowers_the_loss_on_what_it_saw(tmp_path: Path) -> None:
    work = tiny_work(tmp_path / "work")
    network, _ = train_probe(Plan(steps=25, batch=16, examples=24), work, minutes=5)
    examples = draw_examples(0, 24, jpeg_share=0.0)
    shot = ATTRIBUTES.index("shot")
    sizes = [len(values) for values in probe_labels().values()]
    guesses = torch.split(network(to_signed(examples.pictures)), sizes, 1)[shot].argmax(1)
    assert (guesses == examples.labels[:, shot]).float().mean() > 0.5


def test_augmented_pictures_stay_pictures_and_labels_know_what_is_hidden() -> None:
    examples = draw_examples(3, 16, jpeg_share=0.5)
    flawed = augment(to_signed(examples.pictures), torch.Generator().manual_seed(0))
    assert flawed.shape == (16, 3, SIDE, SIDE)
    assert -1 <= flawed.min() and flawed.max() <= 1
    assert (examples.labels == IGNORED).any()


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


def test_the_bundled_probe_is_small_and_reads_held_out_drawings() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size < 1.6 * 1024**2
    accuracy = held_out_accuracy(load_probe().network, 120)
    for name in ("hair_style", "hair_colour", "top", "top_colour", "bottom", "place", "shot"):
        assert accuracy[name] > 0.85, (name, accuracy)


def test_the_bundled_probe_tells_a_kept_character_from_a_changed_one() -> None:
    rng = random.Random(8)
    frames = [
        random_spec(rng, {"person": FLYNN, "style": "flat", "shot": "full", "companion": "none"}) for _ in range(4)
    ]
    probe = load_probe()
    readings = probe.read([draw(spec).image for spec in frames])
    look = {"hair_colour": "brown", "top": "vest", "top_colour": "green", "bottom_colour": "brown"}
    other = {"hair_colour": "blonde", "top": "dress", "top_colour": "pink", "bottom_colour": "white"}
    assert character_fidelity(readings, look) > 0.7 > 0.3 > character_fidelity(readings, other)
    places = [{"place": spec.place} for spec in frames]
    assert scene_fidelity(readings, places) > 0.7
    assert seen(readings[0], "shot") == "full"


def test_the_probe_reads_pictures_of_any_size_and_mode() -> None:
    pictures = [Image.new("L", (31, 47), 90), Image.new("RGBA", (300, 200))]
    assert len(load_probe().read(pictures)) == 2
