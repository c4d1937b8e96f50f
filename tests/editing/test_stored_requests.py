"""Records of frames are read back as what they were, or not at all."""

from __future__ import annotations

import math
from typing import Any

import pytest

from storyboard.editing.stored_requests import shown_request
from storyboard.manifest import Version
from storyboard.render_options import AdapterUse, FrameRequest, PictureGuide, content_key

REQUEST = FrameRequest(
    scene_id="s1", prompt="fljsdhn man and mrvlqa woman", negative="", seed=1, steps=2, guidance=5.0, sampler="model",
    width=64, height=64, dtype="float32", model="", model_sha256="0", anchors=("ab",),
    adapters=(AdapterUse(sha256="cd", kind="lora"),), guides=(PictureGuide(kind="like", sha256="ef"),),
    people=("fljsdhn man", "mrvlqa woman"),
    described_apart=True,
)  # fmt: skip


class Store:
    """Holds one record, named by its content as a real one is."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.key = content_key("frame/v1", data)

    def frame_record(self, key: str) -> dict[str, Any] | None:
        return {"request": {**self.data, "model": ""}} if key == self.key else None

    def read(self) -> FrameRequest | None:
        return shown_request(self, "s1", Version(key=self.key, base_key=self.key))  # type: ignore[arg-type]


def test_a_request_comes_back_whole() -> None:
    assert Store(REQUEST.to_json()).read() == REQUEST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("people", [{"phrase": 5, "noun": "man"}, {"phrase": "mrvlqa woman", "noun": "woman"}]),
        ("people", [{"phrase": "a", "noun": None}]),
        ("people", [7]),
        ("people", 7),
        ("adapters", [{"sha256": 1, "kind": "lora"}]),
        ("adapters", [{"sha256": "a", "kind": "lora", "unet": "strong"}]),
        ("guides", [{"kind": "like", "sha256": "a", "strength": []}]),
        ("prompt", None),
        ("prompt", ["a man"]),
        ("seed", "1"),
        ("seed", True),
        ("steps", 2.5),
        ("guidance", "5"),
        ("edit", {}),
        ("begins_with", 5),
        ("departure", "half"),
    ],
)
def test_what_is_of_another_kind_is_no_record(name: str, value: object) -> None:
    assert Store({**REQUEST.to_json(), name: value}).read() is None


@pytest.mark.parametrize("name", ["guidance", "departure"])
def test_what_is_no_number_is_no_record(name: str) -> None:
    store = Store({**REQUEST.to_json(), "begins_with": "ab" * 32, "departure": 0.5})
    store.data[name] = math.nan
    assert store.read() is None
