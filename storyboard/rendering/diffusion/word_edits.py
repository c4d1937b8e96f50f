"""From an edit of a prompt's words to the methods that draw it: prompt-to-prompt, and a blend around the words."""

from __future__ import annotations

from collections.abc import Sequence

from storyboard.editing.word_edit import WordEdit as SpokenEdit
from storyboard.errors import BadInput
from storyboard.rendering.diffusion.attention import Method
from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.lanes import Lane
from storyboard.rendering.diffusion.local_blend import LocalBlend
from storyboard.rendering.diffusion.prompt_to_prompt import PromptToPrompt, WordEdit
from storyboard.rendering.diffusion.token_alignment import align, gates, scales
from storyboard.rendering.diffusion.word_columns import columns_of

CROSS_WINDOW = (0.0, 0.8)
NEW_WORD_WINDOW = (0.0, 0.2)
SELF_WINDOW = (0.0, 0.2)


def edit_methods(source: Lane, target: Lane) -> tuple[Method, ...]:
    """What draws `target`, whose request is an edit, beside `source`, the frame it is an edit of.

    Raises:
        BadInput: the record of the edit is damaged, or the frame's text is shared with others.
    """
    if target.request.consistency == "prompt":
        raise BadInput(
            "This board was drawn with --consistency prompt, where all frames share one text; single words cannot "
            "be edited.",
            hint="Redo the frame with another seed, or draw the board with --consistency anchor+mask.",
        )
    said = SpokenEdit.from_json(target.request.edit)
    before, after = _embedding(source), _embedding(target)
    edit = WordEdit(
        alignment=align(before, after),
        gates=gates(after, target.request.steps, CROSS_WINDOW, dict.fromkeys(said.new, NEW_WORD_WINDOW)),
        scales=scales(after, dict(said.scales)),
        self_window=SELF_WINDOW,
    )
    columns = {source.number: _changed(before, said, said.gone), target.number: _changed(after, said, said.new)}
    return (
        PromptToPrompt(source.number, target.number, edit),
        LocalBlend(source.number, target.number, columns),
    )


def _embedding(lane: Lane) -> Embedding:
    return lane.positive.at(0)[0][1]


def _changed(embedding: Embedding, said: SpokenEdit, words: Sequence[str]) -> tuple[int, ...]:
    """The columns around which the picture may change: those asked for, or all changed words."""
    phrases = [said.where] if said.where else [*words, *(phrase for phrase, _ in said.scales)]
    return tuple(dict.fromkeys(column for phrase in phrases for column in columns_of(embedding, phrase)))
