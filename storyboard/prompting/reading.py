"""A whole prompt, read in the web UI's order: comments, networks, AND, schedule (emphasis is read per step's text)."""

from __future__ import annotations

from dataclasses import dataclass

from storyboard.prompting.comments import strip_comments
from storyboard.prompting.composable import split_composable
from storyboard.prompting.networks import Network, split_networks
from storyboard.prompting.schedule import parse_schedule


@dataclass(frozen=True, kw_only=True)
class PromptTerm:
    """One prompt of those joined by AND.

    Attributes:
        weight: multiplies the guidance.
        schedule: (last step, text) pairs; steps count from 1, each text holds up to and including its last step.
    """

    weight: float
    schedule: tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class ReadPrompt:
    """What a prompt asks for: terms to draw and networks to load."""

    terms: tuple[PromptTerm, ...]
    networks: tuple[Network, ...]


def read_prompt(text: str, steps: int, *, negative: bool = False) -> ReadPrompt:
    """Terms and networks of a prompt for a picture of so many steps. A negative prompt is never split at AND."""
    without_tags, networks = split_networks(strip_comments(text))
    terms = [(without_tags, 1.0)] if negative else split_composable(without_tags)
    return ReadPrompt(
        terms=tuple(PromptTerm(weight=weight, schedule=tuple(parse_schedule(term, steps))) for term, weight in terms),
        networks=tuple(networks),
    )
