"""Frames are led towards what their texts ask for, and by nothing else."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from storyboard.casting.registry import load_cast
from storyboard.editing.word_edit import read_edit
from storyboard.errors import ModelError
from storyboard.evaluating.latent_reader import LatentReader, Reader, load_latent_reader, save_latent_reader
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.attribute_guidance import AttributeGuidance, Said
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.model_files import READER, GuidanceManner, find_model
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.starter.illustrator import draw
from storyboard.starter.latent_pool import encoded
from storyboard.starter.model_folder import load_model
from storyboard.starter.pictures import HELD_OUT_SEED
from storyboard.starter.probe_training import IGNORED, label_indices, probe_labels
from storyboard.starter.spec import attributes, random_spec
from storyboard.story import Story
from tests.rendering.test_lockstep import asked, finish, model, walker  # noqa: F401

STARTER = Path("storyboard/starter/weights/model")
LABELS = {
    "hat": ("none", "cap"),
    "bottom": ("trousers", "skirt"),
    "shot": ("full", "close-up"),
    "pose": ("standing", "waving"),
    "style": ("flat", "noir"),
    "place": ("park", "cave"),
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    torch.manual_seed(3)
    network = LatentReader(4, [len(values) for values in LABELS.values()]).requires_grad_(False).eval()
    return Reader(network=network, labels=LABELS)


@pytest.fixture
def manner(reader, tmp_path) -> GuidanceManner:
    save_latent_reader(tmp_path / READER, reader)
    return GuidanceManner(towards_attributes=0.5, reader=tmp_path / READER)


def latents(seed: int = 1, height: int = 8, width: int = 8) -> torch.Tensor:
    return torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(seed))


def shortfall(reader: Reader, clean: torch.Tensor, name: str, value: str) -> float:
    """How surely the reader does not see it."""
    sizes = [len(values) for values in reader.labels.values()]
    part = torch.split(reader.network(clean), sizes, 1)[list(reader.labels).index(name)]
    return float(cross_entropy(part, torch.tensor([reader.labels[name].index(value)])))


def moved(some: AttributeGuidance, text: str) -> torch.Tensor:
    return some.shift(latents(), [Said(text=text)])


def length(shift: torch.Tensor) -> float:
    return float(shift.square().mean().sqrt())


@pytest.mark.parametrize(
    ("text", "name", "value"), [("a man in a cap", "hat", "cap"), ("in the cave", "place", "cave")]
)
def test_a_small_step_brings_what_is_asked_nearer(reader, text, name, value):
    clean = latents()
    shift = AttributeGuidance(reader, 0.05).shift(clean, [Said(text=text)])
    assert 0 < length(shift) <= 0.05
    assert shortfall(reader, clean + shift, name, value) < shortfall(reader, clean, name, value)


def test_nothing_moves_where_nothing_is_asked_or_nothing_may_move(reader):
    clean, some = latents(), AttributeGuidance(reader, 0.3)
    for text in ("", "xyzzy", "a man with a (cap:0.7)"):
        assert not some.shift(clean, [Said(text=text)]).any()
    assert not AttributeGuidance(reader, 0.0).shift(clean, [Said(text="a man in a cap")]).any()


def test_what_a_shot_cannot_show_is_not_asked_for(reader):
    some = AttributeGuidance(reader, 0.3)
    near, nothing_else = (moved(some, text) for text in ("close-up, in a skirt", "close-up"))
    assert torch.equal(near, nothing_else)
    assert not torch.equal(moved(some, "full shot, in a skirt"), moved(some, "full shot"))


def test_heavier_words_lead_further(reader):
    some = AttributeGuidance(reader, 0.3)
    steps = [length(moved(some, f"a man with a (cap:{weight})")) for weight in (0.75, 0.8, 1.0, 1.3)]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


@pytest.mark.parametrize("weight", [0.6, 0.4, 0.0, -2])
def test_words_of_little_weight_lead_away(reader, weight):
    clean, some = latents(), AttributeGuidance(reader, 0.05)
    shift = moved(some, f"a man with a (cap:{weight})")
    assert shortfall(reader, clean + shift, "hat", "cap") > shortfall(reader, clean, "hat", "cap")
    assert length(shift) <= length(moved(some, "a man with a (cap:0.4)"))


def test_an_edit_keeps_what_the_other_frame_shows(reader):
    some, clean = AttributeGuidance(reader, 0.05), latents()
    shown = int(reader.network(latents(7))[0, :2].argmax())
    source = Said(text="a man in the park", key="a")
    edit = Said(text="a man in the cave", key="b", edit_of="a")
    _, shift = some.shift(torch.cat([latents(7), clean]), [source, edit]).split(1)
    hat = LABELS["hat"][shown]
    assert shortfall(reader, clean + shift, "place", "cave") < shortfall(reader, clean, "place", "cave")
    assert shortfall(reader, clean + shift, "hat", hat) < shortfall(reader, clean, "hat", hat)
    torch.testing.assert_close(some.shift(clean, [edit]), shift)
    assert not torch.equal(some.shift(clean, [replace(edit, edit_of="")]), shift)


def test_an_edit_that_changes_no_attribute_is_led_as_its_words_say(reader):
    some, source = AttributeGuidance(reader, 0.05), Said(text="a man in the park", key="a")
    plain = some.shift(latents(), [source])
    for text in ("a man in the park", "a man in the park with a xyzzy"):
        assert torch.equal(some.shift(latents(), [Said(text=text, key="b", edit_of="a")]), plain)


def test_an_edit_that_only_weakens_a_word_leads_away_from_it_and_keeps_the_rest(reader):
    some, clean = AttributeGuidance(reader, 0.05), latents()
    source = Said(text="a man in a cap in the cave", key="a")
    edit = Said(text="a man in a (cap:0.4) in the cave", key="b", edit_of="a")
    _, shift = some.shift(torch.cat([clean, clean]), [source, edit]).split(1)
    assert shortfall(reader, clean + shift, "hat", "cap") > shortfall(reader, clean, "hat", "cap")
    assert not torch.equal(some.shift(clean, [replace(edit, edit_of="")]), shift)


def test_an_edit_of_an_edit_keeps_its_weights_until_it_is_written_otherwise(reader):
    some, clean = AttributeGuidance(reader, 0.05), latents()
    first = Said(text="a man in a (cap:0.4) in the cave", written="a man in a cap in the cave", key="a")
    again = Said(text="a man in a cap in the park", key="b", edit_of="a")
    third = Said(text="a man in a cap in the cave", key="c", edit_of="b")
    for shift in some.shift(torch.cat([clean] * 3), [first, again, third]).split(1):
        assert shortfall(reader, clean + shift, "hat", "cap") > shortfall(reader, clean, "hat", "cap")
    written_out = replace(first, written="", key="d")
    lifted = Said(text="a man in a cap in the park", key="e", edit_of="d")
    for last in (replace(again, text="a man in a (cap:2) in the park"), lifted):
        shift = some.shift(torch.cat([clean] * 2), [written_out, last])[1:]
        assert shortfall(reader, clean + shift, "hat", "cap") < shortfall(reader, clean, "hat", "cap")


def test_less_of_a_thing_leads_the_edit_away_from_it(model, reader, manner):  # noqa: F811
    request = asked(prompt="a man in a cap in the cave")
    less = replace(request, edit=read_edit(request.prompt, "less cap").to_json())
    plain, weaker = (finish(model, [walker(model, each)], manner=manner)[0] for each in (request, less))
    assert shortfall(reader, weaker, "hat", "cap") > shortfall(reader, plain, "hat", "cap")


def test_pictures_of_a_batch_are_each_their_own_and_of_any_size(reader):
    some = AttributeGuidance(reader, 0.3)
    texts = [Said(text=text) for text in ("a man in a cap", "", "in the cave")]
    together = some.shift(torch.cat([latents(seed, 7, 10) for seed in range(3)]), texts)
    assert together.shape == (3, 4, 7, 10)
    for seed, text in enumerate(texts):
        torch.testing.assert_close(together[seed : seed + 1], some.shift(latents(seed, 7, 10), [text]))


def test_sampling_ends_nearer_to_what_is_asked(model, reader, manner):  # noqa: F811
    request = asked(prompt="a man in a cap in the cave")
    plain = finish(model, [walker(model, request)])[0]
    led = finish(model, [walker(model, request)], manner=manner)[0]
    for name, value in (("hat", "cap"), ("place", "cave")):
        assert shortfall(reader, led, name, value) < shortfall(reader, plain, name, value)
    assert torch.equal(led, finish(model, [walker(model, request)], manner=manner)[0])


def test_a_look_leads_like_words_and_prompts_overrule_it(model, manner):  # noqa: F811
    def drawn(**changes) -> torch.Tensor:
        return finish(model, [walker(model, asked(prompt="on a bench", **changes))], manner=manner)[0]

    assert not torch.equal(drawn(), drawn(look="a man in a cap"))
    said = asked(prompt="in the cave")
    both = [
        finish(model, [walker(model, each)], manner=manner)[0] for each in (said, replace(said, look="in the park"))
    ]
    assert torch.equal(*both)


def test_frames_that_share_a_text_are_led_by_their_own(model, manner):  # noqa: F811
    def drawn(prompt: str, consistency: str) -> torch.Tensor:
        told = walker(model, asked(prompt="in the cave, in the park"))
        told.lane = replace(told.lane, request=replace(told.lane.request, prompt=prompt, consistency=consistency))
        return finish(model, [told], manner=manner)[0]

    assert torch.equal(drawn("in the cave", "anchor"), drawn("in the park", "anchor"))
    assert not torch.equal(drawn("in the cave", "prompt"), drawn("in the park", "prompt"))


def test_without_strength_or_guidance_it_is_as_if_there_were_none(model, manner):  # noqa: F811
    request = asked(prompt="a man in a cap")
    off = replace(manner, towards_attributes=0.0)
    assert torch.equal(
        finish(model, [walker(model, request)])[0], finish(model, [walker(model, request)], manner=off)[0]
    )
    alone = replace(request, guidance=1.0)
    torch.testing.assert_close(
        finish(model, [walker(model, alone)])[0], finish(model, [walker(model, alone)], manner=manner)[0]
    )


def test_a_reader_comes_back_as_it_was_saved(reader, tmp_path):
    save_latent_reader(tmp_path, reader)
    again = load_latent_reader(tmp_path, 4)
    assert again.labels == LABELS
    torch.testing.assert_close(again.network(latents()), reader.network(latents()), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("damage", ["missing", "truncated", "other labels", "no json", "no labels", "other channels"])
def test_a_damaged_reader_is_refused(reader, tmp_path, damage):
    save_latent_reader(tmp_path, reader)
    config = tmp_path / "config.json"
    if damage == "missing":
        (tmp_path / "model.safetensors").unlink()
    elif damage == "truncated":
        (tmp_path / "model.safetensors").write_bytes(b"\x00" * 20)
    elif damage in ("other labels", "no labels"):
        config.write_text(json.dumps({"labels": {"hat": ["none"]} if damage == "other labels" else [1]}))
    elif damage == "no json":
        config.write_text("{")
    with pytest.raises(ModelError, match="cannot be used"):
        load_latent_reader(tmp_path, 12 if damage == "other channels" else 4)


def test_a_model_that_is_led_needs_its_reader(reader, tiny_models, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_models["sd1"], folder)
    (folder / "storyboard.json").write_text('{"guidance_towards_attributes": 0.2}')
    with pytest.raises(ModelError, match="reader"):
        find_model(str(folder))
    save_latent_reader(folder / READER, reader)
    found = find_model(str(folder))
    assert found.manner == GuidanceManner(towards_attributes=0.2, reader=folder / READER)
    (folder / READER / "model.safetensors").write_bytes(b"other")
    assert find_model(str(folder)).sha256 != found.sha256


def test_frames_of_a_model_that_is_led_know_what_a_token_stands_for(tiny_models):
    cast = load_cast()
    flynn = cast["flynn"]
    scenes = [
        Scene(id=f"s{number}", number=number + 1, prompt=prompt, caption=prompt, cast=("flynn",))
        for number, prompt in enumerate((f"{flynn.phrase} in the park", "an empty park"))
    ]
    plan = ScenePlan(story=Story(logline="Flynn"), title="Flynn", scenes=tuple(scenes), planner="scripted")
    led, empty = DiffusionRenderer(RenderOptions(model="starter", device="cpu")).requests(plan, cast)
    assert (led.look, empty.look) == (flynn.look, "")
    assert led.key != replace(led, look="").key
    assert "look" not in empty.to_json()
    others = DiffusionRenderer(RenderOptions(model=str(tiny_models["sd1"]), device="cpu")).requests(plan, cast)
    assert {each.look for each in others} == {""}


def test_the_bundled_reader_reads_drawings_it_never_saw():
    specs = [random_spec(random.Random(HELD_OUT_SEED + number)) for number in range(40)]
    pictures = torch.from_numpy(np.stack([np.array(draw(spec, 128).image) for spec in specs]))
    read = load_latent_reader(STARTER / READER, 12)
    assert read.labels == {name: tuple(values) for name, values in probe_labels().items()}
    logits = read.network(encoded(pictures, load_model(STARTER).vae).float())
    parts = torch.split(logits, [len(values) for values in read.labels.values()], 1)
    right = torch.stack([part.argmax(1) for part in parts], 1)
    shown = torch.tensor([label_indices(attributes(spec)) for spec in specs])
    assert float((right == shown)[shown != IGNORED].float().mean()) > 0.9
