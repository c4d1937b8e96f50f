"""Makes the bundled cast: the illustrator draws a character, `characters add` trains it, the folder goes to the cast.

    storyboard characters bundle flynn mira inkline

Flynn and Mira learn from 18 pictures each with a fixed outfit; their captions leave the outfit out, so that the token
means it. The style learns from pictures of anybody in one of the illustrator's styles, whose captions leave the style
out.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storyboard.casting.adding import TrainingWish, options_for, tell, train_pictures, with_adapters, write_references
from storyboard.casting.character_file import FILE_NAME, read_record
from storyboard.casting.pictures import read_pictures
from storyboard.casting.shelf import Draft
from storyboard.casting.training.loading import load_trainee
from storyboard.evaluating import lexicon
from storyboard.starter.captions import scene_caption
from storyboard.starter.cast import CAST
from storyboard.starter.illustrator import draw
from storyboard.starter.spec import PersonSpec, SceneSpec, random_spec

COUNT = 18
SIZE = 128
SHOTS = ("full", "medium", "close-up", "wide", "medium", "full")
STYLES: Mapping[str, str] = {"inkline": "ink"}
"""Name of a bundled style -> the illustrator's style that it learns from."""
FIXED: Mapping[str, Any] = {"second": None, "style": "flat"}


def scenes(count: int, seed: int, person: PersonSpec | None, style: str = "flat") -> list[SceneSpec]:
    """Varied scenes: shots in turn, no place twice in a row, nobody else in the picture."""
    rng = random.Random(seed)
    chosen: list[SceneSpec] = []
    while len(chosen) < count:
        fixed = {**FIXED, "style": style, "shot": SHOTS[len(chosen) % len(SHOTS)]}
        spec = random_spec(rng, fixed | ({"person": person} if person else {}))
        if spec.place not in {each.place for each in chosen[-20:]}:
            chosen.append(spec)
    return chosen


def draw_training_pictures(folder: Path, specs: Sequence[SceneSpec], subject: str | None, size: int = SIZE) -> None:
    """NN.png and NN.txt in `folder`; `subject` is "man", or None for whoever each scene shows."""
    for number, spec in enumerate(specs):
        path = folder / f"{number:02}.png"
        draw(spec, size).image.save(path)
        noun = lexicon.SUBJECTS[f"{spec.person.gender} {spec.person.age}"][0]
        path.with_suffix(".txt").write_text(scene_caption(spec, f"a {subject or noun}") + "\n", "utf-8")


def method_of(folder: Path) -> str:
    """How a bundled character is trained: pivotal tuning; a style, by textual inversion."""
    return "textual-inversion" if read_record(folder / FILE_NAME).kind == "style" else "pivotal"


def make(name: str, wish: TrainingWish, seed: int, target: Path) -> None:
    """Draw and train; the folder `target`, which holds a character.toml, gets pictures, adapter and record.

    Raises:
        CharacterError, ModelError: as `add_character`.
    """
    words = read_record(target / FILE_NAME)
    is_style = words.kind == "style"
    trainee = load_trainee(wish.model)
    with tempfile.TemporaryDirectory() as scratch:
        drawn, draft = Path(scratch) / "pictures", Draft(folder=Path(scratch) / name)
        drawn.mkdir()
        specs = scenes(COUNT, seed, None if is_style else CAST[name], STYLES.get(name, "flat"))
        draw_training_pictures(drawn, specs, None if is_style else words.noun)
        pictures, report = read_pictures(drawn, SIZE)
        tell(report, wish.say)
        options = options_for(trainee, wish, len(pictures), words.look)
        noun = "" if is_style else words.noun
        trained = train_pictures(name, words.token, noun, pictures, trainee, options, wish, look=words.look)
        shutil.copytree(target, draft.folder, ignore=shutil.ignore_patterns("references", "training"))
        record = words.model_copy(update={"references": write_references(draft, pictures)})
        draft.write_record(with_adapters(draft, record, trained, wish))
        shutil.rmtree(target)
        shutil.copytree(draft.folder, target)
        shutil.rmtree(trained.work)
