"""The reader of latents and its loss: what a caption does not ask for teaches nothing, and the rest does."""

import torch

from storyboard.evaluating.wanted import wanted_attributes
from storyboard.starter.attribute_supervision import SIZES, attribute_loss, attribute_tensors, smudged, train_reader
from storyboard.starter.pictures import draw_shard
from storyboard.starter.probe_training import ATTRIBUTES, IGNORED, probe_labels
from storyboard.starter.recipe import CPU, ReaderRecipe
from storyboard.starter.spec import attributes, from_json

STARTS = [sum(SIZES[:index]) for index in range(len(SIZES))]


def test_a_wording_asks_for_what_it_says_and_the_drawing_shows() -> None:
    shard = draw_shard(CPU, 11, 4)
    tensors = attribute_tensors(shard)
    known = probe_labels()
    for row, text in enumerate(shard.specs):
        shown = attributes(from_json(text))
        for column, name in enumerate(ATTRIBUTES):
            label = int(tensors["labels"][row, column])
            assert label == IGNORED or known[name][label] == shown[name]
            for wording, caption in enumerate(shard.captions[row]):
                says = wanted_attributes(caption["text"]).get(name) == shown[name]
                assert bool(tensors["asked"][row, wording, column]) == says
    assert 0 < int(tensors["asked"].sum()) < tensors["asked"].numel()


def test_only_what_is_asked_for_has_a_gradient() -> None:
    logits = torch.randn(2, sum(SIZES), generator=torch.Generator().manual_seed(3), requires_grad=True)
    asked = torch.full((2, len(SIZES)), IGNORED)
    asked[0, 2] = 1
    torch.autograd.backward(attribute_loss(logits, asked, torch.full((2, 1, 1, 1), 0.5)))
    assert logits.grad is not None
    moved = logits.grad.abs() > 0
    assert moved[0, STARTS[2] : STARTS[3]].all() and int(moved.sum()) == SIZES[2]
    assert float(logits.grad[0, STARTS[2] + 1]) < 0


def test_nothing_asked_and_pure_noise_cost_nothing() -> None:
    logits = torch.randn(2, sum(SIZES), generator=torch.Generator().manual_seed(4))
    nothing, all_first = torch.full((2, len(SIZES)), IGNORED), torch.zeros(2, len(SIZES), dtype=torch.long)
    assert float(attribute_loss(logits, nothing, torch.ones(2, 1, 1, 1))) == 0
    assert float(attribute_loss(logits, all_first, torch.zeros(2, 1, 1, 1))) == 0
    assert float(attribute_loss(logits, all_first, torch.ones(2, 1, 1, 1))) > 0


def test_smudging_depends_on_its_generator_alone() -> None:
    latents = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    first, again = (smudged(latents, torch.Generator().manual_seed(6)) for _ in range(2))
    assert torch.equal(first, again) and not torch.equal(first, latents)


def test_the_reader_learns_to_read() -> None:
    generator = torch.Generator().manual_seed(7)
    labels = torch.full((80, len(SIZES)), IGNORED)
    labels[:, 0] = torch.arange(80) % 2
    latents = torch.randn(80, 4, 8, 8, generator=generator) + 2.0 * labels[:, 0, None, None, None]
    losses: list[float] = []
    plan = ReaderRecipe(steps=40, batch=16)
    reader, accuracy = train_reader(latents, labels, plan, lambda step, loss: losses.append(loss))
    assert sum(losses[-8:]) < 0.7 * sum(losses[:8])
    assert accuracy > 0.8 and not reader.training
