"""What `evaluate` says of the model's pictures."""

from __future__ import annotations

from storyboard.starter.commands_training import MODEL
from storyboard.starter.measuring import LEAST_PICTURES, _of_pictures, held_out_scenes
from storyboard.starter.model_folder import load_model


def test_without_pictures_nothing_is_said_of_them() -> None:
    found = _of_pictures(MODEL, load_model(MODEL), 0, 1, 1.0)
    assert vars(found) == {
        "scene_fidelity": None,
        "kernel_distance": None,
        "drawings_kernel_distance": None,
        "fidelity_by_attribute": {},
    }


def test_few_pictures_show_what_is_asked_but_not_how_real_they_are() -> None:
    found = _of_pictures(MODEL, load_model(MODEL), 1, 1, 1.0)
    assert 0 <= found.scene_fidelity <= 1 and found.fidelity_by_attribute
    assert found.kernel_distance is found.drawings_kernel_distance is None


def test_noise_lies_further_from_drawings_than_drawings_do() -> None:
    found = _of_pictures(MODEL, load_model(MODEL), LEAST_PICTURES, 1, 1.0)
    assert found.kernel_distance > found.drawings_kernel_distance


def test_more_scenes_begin_with_the_same() -> None:
    assert held_out_scenes(3)[1] == held_out_scenes(5)[1][:3]
