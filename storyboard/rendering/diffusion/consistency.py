"""From `--consistency` to the methods of a run: what the renderer asks before it denoises a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from storyboard.rendering.diffusion.attention import Method
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.lanes import Lane
from storyboard.rendering.diffusion.query_blending import QueryBlending
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.diffusion.story_prompt import IdentityKeys, consolidated_conditionings, identity_rows
from storyboard.rendering.diffusion.style_aligned import StyleAligned
from storyboard.rendering.diffusion.subject_masks import SubjectMasks, Words
from storyboard.rendering.diffusion.word_columns import columns_of


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What the frames of a run agree about, and how.

    Attributes:
        consistency: resolved, see `anchors.resolve_consistency`.
        strength: 0 = off, 1 = the method's own default.
        seeds: lane of a hidden anchor -> its seed.
        anchors: lane of a hidden anchor -> name of what it shows.
        shown: lane of a frame -> names of the anchors it uses.
        words: name -> how prompts name it.
        places: names of those anchors that show a place.
        identities: lane of a frame -> description of who appears in it, for consistency by prompt.
    """

    consistency: str
    strength: float = 1.0
    seeds: Mapping[int, int]
    anchors: Mapping[int, str]
    shown: Mapping[int, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]
    identities: Mapping[int, str]
    places: frozenset[str] = frozenset()


def agree(
    agreement: Agreement, lanes: Sequence[Lane], conditioner: Conditioner
) -> tuple[tuple[Lane, ...], tuple[Method, ...]]:
    """The lanes as they shall be drawn (their text may change) and the methods to draw them with."""
    if agreement.strength <= 0 or agreement.consistency == "off":
        return tuple(lanes), ()
    if agreement.consistency == "prompt":
        return _by_prompt(agreement, lanes, conditioner)
    lane_of = {name: lane for lane, name in agreement.anchors.items()}
    used = {lane: tuple(lane_of[name] for name in names) for lane, names in agreement.shown.items() if names}
    if agreement.consistency == "style":
        references = {lane: anchors[0] for lane, anchors in used.items()}
        return tuple(lanes), (StyleAligned(references, strength=agreement.strength),)
    masks = _masks(agreement, lanes) if "mask" in agreement.consistency else None
    sharing = SharedAttention(used, seeds=agreement.seeds, strength=agreement.strength, masks=masks)
    if masks is None:
        return tuple(lanes), (sharing,)
    return tuple(lanes), (masks, sharing, QueryBlending(used))


def _masks(agreement: Agreement, lanes: Sequence[Lane]) -> SubjectMasks:
    words: dict[tuple[int, str], Words] = {}
    terms: dict[tuple[int, str], int] = {}
    for lane in lanes:
        names = (agreement.anchors[lane.number],) if lane.is_anchor else agreement.shown.get(lane.number, ())
        for name in names if lane.is_anchor or len(names) > 1 else ():
            place = (lane.number, name)
            terms[place], words[place] = _columns(lane, agreement.words.get(name, ()))
    found = {place: columns for place, columns in words.items() if columns}
    return SubjectMasks(found, agreement.anchors, terms=terms, backgrounds=agreement.places)


def _columns(lane: Lane, names: Sequence[str]) -> tuple[int, Words]:
    """The first of the lane's texts that has any of the names, and the columns of their tokens there."""
    for term, (_, embedding) in enumerate(lane.positive.at(0)):
        if found := tuple(columns for columns in (columns_of(embedding, name) for name in names) if columns):
            return term, found
    return 0, ()


def _by_prompt(
    agreement: Agreement, lanes: Sequence[Lane], conditioner: Conditioner
) -> tuple[tuple[Lane, ...], tuple[Method, ...]]:
    changed, rows = {}, {}
    for identity in dict.fromkeys(agreement.identities.values()):
        mine = {lane.number: lane.request.prompt for lane in lanes if agreement.identities.get(lane.number) == identity}
        if identity and len(mine) > 1:
            changed.update(consolidated_conditionings(conditioner, mine, identity, agreement.strength))
            rows.update(dict.fromkeys(mine, identity_rows(conditioner, identity)))
    spoken = [replace(lane, positive=changed.get(lane.number, lane.positive)) for lane in lanes]
    return tuple(spoken), (IdentityKeys({lane: row for lane, row in rows.items() if lane in changed}),)
