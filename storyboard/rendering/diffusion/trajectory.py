"""Trajectories: an anchor's latents of every step, kept with the board.

A frame drawn later needs the keys and values its neighbours saw. Those follow from the anchor's noisy latents, which
are a few megabytes where the keys and values of all steps would be gigabytes (StoryDiffusion, arXiv 2405.01434, stores
the latter). While recording, the latents are rounded to half precision before they are used, so that a replay sees the
very same numbers.
"""

from __future__ import annotations

import contextlib
import math
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from storyboard.errors import BoardError
from storyboard.rendering.diffusion.attention import ForwardState, Latents, Method
from storyboard.rendering.diffusion.lanes import Lane

FILE_NAME = "trajectory.safetensors"
LARGEST_FILE = 256 * 2**20


class RecordTrajectory(Method):
    """Keeps the latents one lane has before each evaluation (some samplers take several in a step)."""

    name = "record-trajectory"

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self._latents: list[Tensor] = []
        self._timesteps: list[float] = []

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Nothing is edited; a new run begins a new recording."""
        self._latents.clear()
        self._timesteps.clear()
        return nullcontext()

    def before_step(self, state: ForwardState, latents: Latents) -> Latents:
        """Rounds the lane's latents to what the file can hold, and keeps them."""
        rounded = latents[self.lane].to(torch.float16)
        self._latents.append(rounded[0].cpu())
        self._timesteps.append(state.timestep)
        return {**latents, self.lane: rounded.to(latents[self.lane].dtype)}

    def to_bytes(self) -> bytes:
        """A safetensors file: `latents` (evaluations, channels, height, width) in half precision, `timesteps`."""
        times = torch.tensor(self._timesteps, dtype=torch.float64)
        return bytes(save({"latents": torch.stack(self._latents), "timesteps": times}))


class ReplayTrajectory(Method):
    """Puts a recorded lane where it was at every evaluation, whatever the scheduler made of it.

    Args:
        data: what `RecordTrajectory.to_bytes` gave.

    Raises:
        BoardError: the data is not such a file.
    """

    name = "replay-trajectory"

    def __init__(self, lane: int, data: bytes) -> None:
        self.lane = lane
        self._latents, self._timesteps = _read(data)
        self._next = 0

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Nothing is edited; a new run begins at the first latents."""
        self._next = 0
        return nullcontext()

    def before_step(self, state: ForwardState, latents: Latents) -> Latents:
        """The lane's latents as recorded. Raises BoardError when the run does not match the recording."""
        here = latents[self.lane]
        stored = self._latents[self._next : self._next + 1]
        if stored.shape != here.shape:
            raise BoardError(
                f"The stored anchor has {len(self._latents)} steps of {tuple(self._latents.shape[1:])} latents, "
                f"not {state.steps} of {tuple(here.shape[1:])}.",
                hint="Draw the board again with --fresh.",
            )
        if not math.isclose(float(self._timesteps[self._next]), state.timestep, rel_tol=1e-4, abs_tol=1e-3):
            raise BoardError("The stored anchor was drawn with other timesteps.", hint="Use the board's own sampler.")
        self._next += 1
        return {**latents, self.lane: stored.to(device=here.device, dtype=here.dtype)}


def trajectory_of(lane: Lane, folder: Path | None) -> RecordTrajectory | ReplayTrajectory:
    """Replays what the board's folder holds of a hidden lane; records where that is nothing whole."""
    path = None if folder is None else folder / "anchors" / f"{lane.request.key}.{FILE_NAME}"
    if path is not None and path.is_file() and path.stat().st_size <= LARGEST_FILE:
        with contextlib.suppress(BoardError):
            return ReplayTrajectory(lane.number, path.read_bytes())
    return RecordTrajectory(lane.number)


def _read(data: bytes) -> tuple[Tensor, Tensor]:
    broken = BoardError("The stored anchor is damaged.", hint="Draw the board again with --fresh.")
    if len(data) > LARGEST_FILE:
        raise broken
    try:
        tensors = load(data)
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise broken from None
    latents, timesteps = tensors.get("latents"), tensors.get("timesteps")
    if latents is None or timesteps is None or latents.ndim != 4 or timesteps.shape != latents.shape[:1]:
        raise broken
    if not (latents.is_floating_point() and timesteps.is_floating_point() and latents.isfinite().all()):
        raise broken
    return latents, timesteps
