from collections import Counter

import pytest
import torch

from storyboard.casting.training.dataset import Dataset, Example, character_caption, class_caption, stratified
from storyboard.casting.training.model import Latents
from storyboard.casting.training.options import TrainingOptions


def example(number: int, width: int = 8, is_class: bool = False) -> Example:
    mean = torch.full((4, 8, width), float(number))
    return Example(
        latents=Latents(mean=mean, spread=torch.zeros_like(mean)), caption=f"caption {number}", is_class=is_class
    )


def test_every_picture_comes_equally_often_and_batches_have_one_shape() -> None:
    options = TrainingOptions(batch=4, caption_dropout=0)
    data = Dataset([example(n) for n in range(5)] + [example(9, 16), example(10, 16)], [], options)
    counts: Counter[str] = Counter()
    for number in range(3 * 20):
        counts.update(data.batch(number, 1000).captions)
    square = [counts[f"caption {n}"] for n in range(5)]
    assert max(square) - min(square) <= 4
    assert counts["caption 9"] == counts["caption 10"] > 0


def test_batches_depend_on_their_number_alone() -> None:
    options = TrainingOptions(batch=3)
    data = Dataset([example(n) for n in range(7)], [example(20, is_class=True)], options)
    again = Dataset([example(n) for n in range(7)], [example(20, is_class=True)], options)
    data.batch(0, 1000)
    one, other = data.batch(11, 1000), again.batch(11, 1000)
    assert torch.equal(one.latents, other.latents)
    assert torch.equal(one.noise, other.noise)
    assert one.captions == other.captions
    assert one.is_class.tolist() == [False] * 3 + [True] * 2
    assert not torch.equal(one.noise, data.batch(12, 1000).noise)


def test_captions_are_dropped_at_their_rate() -> None:
    data = Dataset([example(n) for n in range(4)], [], TrainingOptions(batch=4, caption_dropout=0.25))
    empty = sum(data.batch(number, 10).captions.count("") for number in range(200))
    assert 0.18 < empty / 800 < 0.32
    assert "" in data.captions


def test_timesteps_cover_the_range() -> None:
    times = stratified(10, 1000, torch.Generator().manual_seed(1)).sort().values
    assert [int(time) // 100 for time in times] == list(range(10))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("", "zzyx man"),
        ("a man in the park", "zzyx man in the park"),
        ("in the park", "zzyx man, in the park"),
        ("a woman and a mango", "zzyx man, a woman and a mango"),
        ("zzyx man reads", "zzyx man reads"),
    ],
)
def test_token_stands_in_every_caption_once(caption: str, expected: str) -> None:
    found = character_caption(caption, "zzyx", "man")
    assert found == expected
    assert found.count("zzyx") == 1


def test_class_captions_have_no_token() -> None:
    assert class_caption("zzyx man in the park", "zzyx", "man") == "a man in the park"
    assert class_caption("zzyx man", "zzyx", "man") == "a man"
    assert character_caption("a park", "<style-x>", "") == "a park, <style-x>"
