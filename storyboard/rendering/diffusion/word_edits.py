"""From an edit of a prompt's words to the methods that draw it: prompt-to-prompt, and a blend around the words."""

from __future__ import annotations

from storyboard.editing.edit_settings import EditSettings
from storyboard.editing.word_edit import WordEdit as SpokenEdit
from storyboard.errors import BadInput
from storyboard.rendering.diffusion.attention import Method
from storyboard.rendering.diffusion.changed_words import ChangedWords, changed_words
from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.lanes import Lane
from storyboard.rendering.diffusion.local_blend import LocalBlend
from storyboard.rendering.diffusion.prompt_to_prompt import PromptToPrompt, WordEdit
from storyboard.rendering.diffusion.token_alignment import align, gates, scales
from storyboard.rendering.diffusion.word_columns import columns_of


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
    gone, new = changed_words(before, after)
    words = PromptToPrompt(source.number, target.number, _word_edit(said, before, after, new, target.request.steps))
    how = said.settings
    if how.blend <= 0:
        return (words,)
    columns = {source.number: _places(before, said, gone), target.number: _places(after, said, new)}
    watched = {lane: found for lane, found in columns.items() if lane in _lanes(how, source, target)}
    blend = LocalBlend(
        source.number,
        target.number,
        watched if any(watched.values()) else columns,
        threshold=how.blend,
        first_share=how.blend_from,
        spread=how.spread,
    )
    return words, blend


def _word_edit(said: SpokenEdit, before: Embedding, after: Embedding, new: ChangedWords, steps: int) -> WordEdit:
    how = said.settings
    return WordEdit(
        alignment=align(before, after),
        gates=gates(len(after.pieces), steps, (0.0, how.cross), {new.words: (0.0, how.changed)}),
        scales=scales(after, dict(said.scales)),
        self_window=(0.0, how.self_attention),
        all_levels=how.levels == "all",
    )


def _embedding(lane: Lane) -> Embedding:
    return lane.positive.at(0)[0][1]


def _lanes(how: EditSettings, source: Lane, target: Lane) -> tuple[int, ...]:
    """Whose attention says where the picture may change."""
    lanes = {"original": (source.number,), "edit": (target.number,)}
    return lanes.get(how.seen_in, (source.number, target.number))


def _places(embedding: Embedding, said: SpokenEdit, changed: ChangedWords) -> tuple[int, ...]:
    """The columns around which the picture may change: those asked for, or all changed words."""
    if said.where:
        return columns_of(embedding, said.where)
    own = changed.things if said.settings.around == "things" else changed.words
    scaled = (column for phrase, _ in said.scales for column in columns_of(embedding, phrase))
    return tuple(dict.fromkeys((*own, *scaled)))
