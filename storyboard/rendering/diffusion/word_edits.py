"""From an edit of a prompt's words to the methods that draw it: prompt-to-prompt, and a blend around the words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

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


def edit_methods(chain: Sequence[Lane]) -> tuple[Method, ...]:
    """What draws every lane of `chain` but the first, each of which is an edit of the one before it.

    Raises:
        BadInput: the record of an edit is damaged, or the frame's text is shared with others.
    """
    found: list[Method] = []
    before: dict[int, PromptToPrompt] = {}
    for source, target in itertools.pairwise(chain):
        said = _said(target)
        ours, theirs = _texts(target), _texts(source)
        texts = enumerate(zip(theirs, ours, strict=True)) if len(theirs) == len(ours) else ()  # else views differ
        before = {
            term: PromptToPrompt(
                source.number, target.number, _word_edit(said, *pair, target), term=term, before=before.get(term)
            )
            for term, pair in texts
        }
        found += [*before.values(), *_blends(said, source, target)]
    return tuple(found)


def weighed(text: str, edit: str) -> str:
    """A text of a frame with the weights that its edit, as in its request, gives single phrases: "less smiling" makes
    "smiling" into "(smiling:0.4)". The same where there is no edit. Raises BadInput for a damaged record."""
    for phrase, factor in SpokenEdit.from_json(edit).scales if edit else ():
        text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", rf"(\g<0>:{factor})", text)
    return text


def _said(target: Lane) -> SpokenEdit:
    if target.request.consistency == "prompt":
        raise BadInput(
            "This board was drawn with --consistency prompt, where all frames share one text; single words cannot "
            "be edited.",
            hint="Redo the frame with another seed, or draw the board with --consistency anchor+mask.",
        )
    return SpokenEdit.from_json(target.request.edit)


def _word_edit(said: SpokenEdit, before: Embedding, after: Embedding, target: Lane) -> WordEdit:
    how = said.settings
    _, new = changed_words(before, after)
    return WordEdit(
        alignment=align(before, after),
        gates=gates(len(after.pieces), target.request.steps, (0.0, how.cross), {new.words: (0.0, how.changed)}),
        scales=scales(after, dict(said.scales)),
        self_window=(0.0, how.self_attention),
    )


def _blends(said: SpokenEdit, source: Lane, target: Lane) -> list[LocalBlend]:
    """What keeps the rest of the picture; nothing where all of it may change."""
    how, columns = said.settings, dict[tuple[int, int], tuple[int, ...]]()
    if how.blend <= 0:
        return []
    for term, (before, after) in enumerate(zip(_texts(source), _texts(target), strict=False)):
        gone, new = changed_words(before, after)
        columns[source.number, term] = _places(before, said, gone)
        columns[target.number, term] = _places(after, said, new)
    return [
        LocalBlend(
            source.number,
            target.number,
            columns,
            threshold=how.blend,
            first_share=how.blend_from,
            spread=how.spread,
        )
    ]


def _texts(lane: Lane) -> list[Embedding]:
    """What the lane's texts say at first: one for each of the people who stand side by side, else the first of all."""
    texts = [embedding for _, embedding in lane.positive.at(0)]
    return texts if lane.positive.side_by_side else texts[:1]


def _places(embedding: Embedding, said: SpokenEdit, changed: ChangedWords) -> tuple[int, ...]:
    """The columns around which the picture may change: those asked for, or all changed words."""
    if said.where:
        return columns_of(embedding, said.where)
    own = changed.things if said.settings.around == "things" else changed.words
    scaled = (column for phrase, _ in said.scales for column in columns_of(embedding, phrase))
    return tuple(dict.fromkeys((*own, *scaled)))
