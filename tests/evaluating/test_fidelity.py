import pytest

from storyboard.evaluating.fidelity import character_fidelity, fidelity_by_attribute, scene_fidelity
from storyboard.evaluating.probe import Reading
from storyboard.starter.probe_training import probe_labels

LOOK = {"hair_colour": "brown", "top": "vest", "bottom": "trousers"}


def reading(**values: str) -> Reading:
    """A sure reading: `values`, and each other attribute's first value."""
    chosen = {name: values.get(name, known[0]) for name, known in probe_labels().items()}
    return {
        name: {value: 0.9 if value == chosen[name] else 0.1 / len(known) for value in known}
        for name, known in probe_labels().items()
    }


FULL = reading(
    shot="full", style="flat", place="park", hair_colour="brown", top="vest", bottom="trousers", pose="sitting"
)


def test_scene_fidelity_is_the_share_that_is_seen() -> None:
    wanted = {"place": "park", "pose": "sitting", "top": "coat", "shot": "full"}
    assert scene_fidelity([FULL], [wanted]) == pytest.approx(0.75)
    assert scene_fidelity([FULL, FULL], [wanted, {"place": "beach"}]) == pytest.approx(3 / 5)


def test_fidelity_by_attribute_names_the_best_first() -> None:
    wanted = [{"place": "park", "pose": "running"}, {"place": "park", "pose": "sitting", "top": "coat"}]
    assert fidelity_by_attribute([FULL, FULL], wanted) == {"place": 1.0, "pose": 0.5, "top": 0.0}
    assert list(fidelity_by_attribute([FULL, FULL], wanted)) == ["place", "pose", "top"]


def test_what_a_shot_hides_does_not_count() -> None:
    wanted = {"place": "park", "bottom": "skirt", "pose": "running", "shot": "close-up"}
    assert scene_fidelity([reading(shot="close-up", place="park")], [wanted]) == 1.0


def test_asking_nothing_is_fulfilled() -> None:
    assert scene_fidelity([FULL], [{}]) == 1.0
    assert scene_fidelity([FULL], [{"place": "a place no probe knows"}]) == 1.0


def test_a_character_is_kept_only_where_every_frame_shows_it() -> None:
    changed = reading(shot="full", style="flat", hair_colour="brown", top="coat", bottom="trousers")
    assert character_fidelity([FULL, FULL], LOOK) == 1.0
    assert character_fidelity([FULL, changed], LOOK) == pytest.approx(2 / 3)


def test_a_close_up_does_not_count_against_the_trousers() -> None:
    near = reading(shot="close-up", style="flat", hair_colour="brown", top="vest", bottom="skirt")
    assert character_fidelity([FULL, near], LOOK) == 1.0
    assert character_fidelity([near], LOOK, [{"shot": "full"}]) == pytest.approx(2 / 3)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError):
        scene_fidelity([FULL], [])
