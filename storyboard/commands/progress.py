"""The command line as a listener: one progress bar and a few lines on stderr."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

import click

from storyboard.events import Event, Exported, FrameDone, FrameFailed, Note, Planned, Step


class Progress:
    """Shows events on stderr (the bar only on a terminal) and counts what was made."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.drawn = 0
        self.reused = 0
        self.exported: list[str] = []
        self.planner = ""
        self._bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, event: Event) -> None:
        match event:
            case Note():
                self._say(event.text)
            case Planned():
                self.planner = event.plan.planner
                if not event.reused:
                    self._say(f"Planned {len(event.plan.scenes)} scenes ({event.plan.planner}).")
            case Step():
                self._step(event)
            case FrameDone():
                self.drawn += not event.reused
                self.reused += event.reused
            case FrameFailed():
                self._say(f"Scene {event.scene_id} could not be drawn: {event.reason}")
            case Exported():
                self._close()
                self.exported.append(str(event.path))

    def _say(self, text: str) -> None:
        if not self.quiet:
            self._close()
            click.echo(text, err=True)

    def _step(self, event: Step) -> None:
        if self.quiet or not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=event.total, desc="Drawing", unit="step", file=sys.stderr, leave=False)
        self._bar.total = event.total
        self._bar.update(event.done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
