"""How alike two pictures are: the same person, the same scene; read by the attribute probe or by CLIP."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from storyboard.errors import ModelError
from storyboard.evaluating.fidelity import countable, hidden_in, scene_fidelity, seen
from storyboard.evaluating.probe import Probe, Reading, load_probe
from storyboard.evaluating.scores import cosine
from storyboard.evaluating.shared_frames import Shared, columns_of
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.starter.spec import PERSON_FIELDS

TOWER = Path(__file__).parent.parent / "starter" / "weights" / "tower"
LAYOUT_FIELDS = ("pose", "shot", "place", "prop", "time", "weather", "angle", "expression")


class ProbeJudge:
    """Judges pictures of the starter model by their attributes."""

    name = "attribute probe"

    def __init__(self, probe: Probe | None = None, tower: Path = TOWER) -> None:
        self.probe = probe or load_probe()
        self._read: dict[tuple[tuple[int, int], bytes], Reading] = {}
        self.tower = ClipJudge(tower) if tower.is_dir() else None

    def prompt(self, picture: Image.Image, prompt: str) -> float:
        """The share of the attributes the prompt plainly asks for that are seen."""
        return scene_fidelity([self.read(picture)], [wanted_attributes(prompt)])

    def missing(self, picture: Image.Image, prompt: str) -> frozenset[str]:
        """What the prompt plainly asks for, the picture could show, and the probe does not see."""
        return _unseen(self.read(picture), wanted_attributes(prompt))

    def shared(self, picture: Image.Image, texts: Sequence[str]) -> Shared:
        """Who is there by their own parts of the picture; all else, poses too, by the whole of it."""
        asked = [wanted_attributes(text) for text in texts]
        scene = {name: value for name, value in asked[0].items() if name not in PERSON_FIELDS}
        people = [{name: value for name, value in each.items() if name in PERSON_FIELDS} for each in asked]
        readings = [self.read(each) for each in (picture, *columns_of(picture, len(texts)))]
        pairs = list(zip(readings, (scene, *people), strict=True))
        missing, *of_people = (_unseen(reading, wanted) for reading, wanted in pairs)
        return Shared(prompt=scene_fidelity(readings, [scene, *people]), missing=missing, people=tuple(of_people))

    def alike(self, first: Image.Image, second: Image.Image) -> float:
        """See `same_person`."""
        return same_person(self.read(first), self.read(second))

    def clip(self, picture: Image.Image, prompt: str) -> float | None:
        """By the small CLIP model that was trained on the illustrator's drawings."""
        return None if self.tower is None else self.tower.clip(picture, prompt)

    def read(self, picture: Image.Image) -> Reading:
        """What the probe sees; a picture that was seen before is remembered."""
        key = picture.size, picture.tobytes()
        if key not in self._read:
            self._read[key] = self.probe.read([picture])[0]
        return self._read[key]


def _unseen(reading: Reading, wanted: Mapping[str, str]) -> frozenset[str]:
    asked = countable(reading, wanted)
    return frozenset(name for name, value in asked.items() if seen(reading, name) != value)


def same_person(first: Reading, second: Reading) -> float:
    """Agreement about a person's own attributes, as far as both pictures show them."""
    hidden = hidden_in(first, {}) | hidden_in(second, {})
    return agreement(first, second, [name for name in PERSON_FIELDS if name not in hidden])


def same_scene(first: Reading, second: Reading) -> float:
    """Agreement about everything but the person: pose, shot, place, prop, light."""
    return agreement(first, second, LAYOUT_FIELDS)


def agreement(first: Reading, second: Reading, names: Collection[str]) -> float:
    """The mean over attributes of the Bhattacharyya coefficient, the sum of sqrt(p q) over values; 1.0 for none."""
    overlaps = [
        sum(math.sqrt(share * second[name].get(value, 0.0)) for value, share in first[name].items())
        for name in names
        if name in first and name in second
    ]
    return sum(overlaps) / len(overlaps) if overlaps else 1.0


class ClipJudge:
    """Judges pictures of any model with CLIP (arXiv 2103.00020): raw cosines, those below zero counting as zero.

    Args:
        folder: a CLIP model in transformers' layout with safetensors weights; nothing is fetched.
    """

    name = "CLIP, raw cosine"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        from storyboard.rendering.diffusion.pipes import quiet_libraries

        try:
            with quiet_libraries():
                from transformers import CLIPModel, CLIPProcessor

                model = CLIPModel.from_pretrained(self.folder, local_files_only=True, use_safetensors=True)
                processor = CLIPProcessor.from_pretrained(self.folder, local_files_only=True)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise ModelError(
                f"The CLIP model in {self.folder} cannot be used: {reason}", hint="Name a folder with --clip."
            ) from None
        return model.float().eval(), processor

    def prompt(self, picture: Image.Image, prompt: str) -> float:
        """Cosine of the embeddings of picture and prompt."""
        return max(0.0, cosine(self._picture(picture), self._text(prompt)))

    def missing(self, picture: Image.Image, prompt: str) -> frozenset[str]:
        """Nothing: a cosine does not say what is wrong."""
        return frozenset()

    def shared(self, picture: Image.Image, texts: Sequence[str]) -> None:
        """Nothing: it learned from whole pictures."""

    def alike(self, first: Image.Image, second: Image.Image) -> float:
        """Cosine of the pictures' embeddings."""
        return max(0.0, cosine(self._picture(first), self._picture(second)))

    def clip(self, picture: Image.Image, prompt: str) -> float:
        """As `prompt`, but below zero too."""
        return cosine(self._picture(picture), self._text(prompt))

    @torch.inference_mode()
    def _picture(self, picture: Image.Image) -> Sequence[float]:
        model, processor = self._parts
        inputs = processor(images=picture.convert("RGB"), return_tensors="pt")
        return _vector(model.visual_projection(model.vision_model(**inputs).pooler_output))

    @torch.inference_mode()
    def _text(self, text: str) -> Sequence[float]:
        model, processor = self._parts
        inputs = processor(text=[text], return_tensors="pt", truncation=True, padding=True)
        return _vector(model.text_projection(model.text_model(**inputs).pooler_output))


def _vector(tensor: torch.Tensor) -> list[float]:
    values: list[float] = tensor[0].float().tolist()
    return values
