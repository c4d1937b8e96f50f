"""Every error a person can meet, each with one sentence and the next command to type.

    StoryboardError                 exit 1
    ├── BadInput                    exit 2   the command line or a file says something we cannot use
    │   ├── UnknownName             exit 2   a name that is not in a list; did you mean …?
    │   └── BadPlan                 exit 2   a plan breaks one of its own rules
    ├── CharacterError              exit 3   a character folder, adapter or picture is wrong
    │   └── ChecksumMismatch        exit 3   a file is not the one its record names
    ├── ModelError                  exit 4   weights are missing, of the wrong kind, or unsafe
    ├── PlannerError                exit 5   the language model could not be asked, or did not answer usefully
    │   ├── PlannerUnreachable      exit 5   no connection, time-out, rate limit
    │   └── PlanRefused             exit 5   refusal or content filter
    ├── BoardError                  exit 6   a board folder cannot be read or written
    │   └── BoardBusy               exit 6   another process is writing there
    ├── FramesFailed                exit 7   the board is there, but some frames are placeholders
    ├── ChecksFailed                exit 8   `check` found something below the line
    └── BackendMissing              exit 9   an optional package is not installed

Interrupted by Ctrl-C: exit 130.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StoryboardError(Exception):
    """One sentence about what went wrong, and a hint: the next command to type."""

    exit_code = 1
    hint = "See `storyboard --help`."
    reported = False
    """Whether the command has printed its findings as JSON already."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class BadInput(StoryboardError):
    exit_code = 2
    hint = "See `storyboard --help`."


class UnknownName(BadInput):
    """A name that is not in a list; the hint proposes the nearest ones."""

    hint = "See `storyboard --help`."

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> UnknownName:
        """`kind` is the singular noun ("planner"); `known` the names that would have worked."""
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(choices) or 'none'}."
        return cls(f"There is no {kind} called {name!r}.", hint=hint)


class BadPlan(BadInput):
    hint = "Correct the plan file, or make a new one with `storyboard plan`."


class CharacterError(StoryboardError):
    exit_code = 3
    hint = "See `storyboard characters list`."


class ChecksumMismatch(CharacterError):
    hint = "Get the file again, or register it anew with `storyboard characters import`."


class ModelError(StoryboardError):
    exit_code = 4
    hint = "See `storyboard models list`, or leave out --model to use the bundled starter model."


class PlannerError(StoryboardError):
    exit_code = 5
    hint = "Try again, or plan without a language model: add `--planner offline`."


class PlannerUnreachable(PlannerError):
    hint = "Check OPENAI_BASE_URL and your connection, or add `--planner offline`."


class PlanRefused(PlannerError):
    hint = "Reword the story, or plan without a language model: add `--planner offline`."


class BoardError(StoryboardError):
    exit_code = 6
    hint = "Name another folder with -o."


class BoardBusy(BoardError):
    hint = "Wait until the other storyboard has finished, or name another folder with -o."


class FramesFailed(StoryboardError):
    """Its `board` attribute holds the board with its placeholders."""

    exit_code = 7
    board: object = None
    hint = "Give the same command again to retry the frames that failed."


class ChecksFailed(StoryboardError):
    exit_code = 8
    reported = True
    hint = "Redo a frame with `storyboard redo BOARD NUMBER`."


class BackendMissing(StoryboardError):
    exit_code = 9
    hint = "Install the missing package with pip."
