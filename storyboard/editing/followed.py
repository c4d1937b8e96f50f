"""Control pictures that somebody gave one version of a frame (ControlNet, arXiv 2302.05543).

They are kept with the board and noted in its manifest, so that whatever is made of that version follows them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.errors import BadInput
from storyboard.files import publish
from storyboard.manifest import PICTURE_FILE, WORDS, Followed
from storyboard.render_options import CONTROLS, RenderOptions
from storyboard.rendering.guides import control_folders, picture_digest
from storyboard.rendering.stick_figure import pose_in

if TYPE_CHECKING:
    from storyboard.rendering.diffusion.renderer import DiffusionRenderer

FOLDER = "guides"


def asked_guides(
    pictures: Mapping[str, str], models: Sequence[str], own: RenderOptions, prompt: str
) -> tuple[Followed, ...]:
    """What is asked for a frame: kind -> picture file or "words" (the pose that the plan's prompt names), and
    ControlNets as `--control-model` names them; without any, those of the board's `own` options.

    Raises:
        BadInput: pictures without a ControlNet, or one without pictures; a prompt that names no pose.
    """
    if WORDS in pictures.values() and not pose_in(prompt):
        raise BadInput("The frame's prompt names no pose for a stick figure.", hint="Draw one: --pose PICTURE")
    named = models or [f"{kind}={folder}" for kind, folder in control_folders(own).items() if kind in pictures]
    folders = control_folders(_following(own, {kind: (path,) for kind, path in pictures.items()}, named))
    return tuple(
        Followed(kind=kind, picture=path if path == WORDS else _absolute(path), model=_absolute(folders[kind]))
        for kind, path in pictures.items()
    )


def steered(renderer: DiffusionRenderer, number: int, guides: Sequence[Followed], board: Path) -> DiffusionRenderer:
    """The renderer with frame `number` of the board following `guides` alone; as it is where there are none."""
    if not guides:
        return renderer
    pictures = {each.kind: (f"{number}={_picture(each, board)}",) for each in guides}
    models = [f"{each.kind}={each.model}" for each in guides]
    return type(renderer)(_following(renderer.options, pictures, models))


def kept(guides: Sequence[Followed], board: Path) -> tuple[Followed, ...]:
    """The same, with their pictures copied into the board's folder. Raises BadInput, BoardError."""
    return tuple(each if each.picture == WORDS else replace(each, picture=_copied(each, board)) for each in guides)


def _following(options: RenderOptions, pictures: Mapping[str, tuple[str, ...]], models: Sequence[str]) -> RenderOptions:
    changes: dict[str, Any] = {**dict.fromkeys(CONTROLS, ()), **pictures, "control_model": tuple(models)}
    return replace(options, **changes)


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def _picture(guide: Followed, board: Path) -> str:
    """Its file: in the board's folder, or where it was given; "words" stays."""
    return WORDS if guide.picture == WORDS else str(board / FOLDER / guide.picture)


def _copied(guide: Followed, board: Path) -> str:
    """The name of its copy, by its content."""
    path = Path(_picture(guide, board))
    digest = picture_digest(path)
    name = f"{digest}{path.suffix.lower()}"
    name = name if PICTURE_FILE.fullmatch(name) else digest
    if not (board / FOLDER / name).is_file():
        publish(board / FOLDER / name, path.read_bytes())
    return name
