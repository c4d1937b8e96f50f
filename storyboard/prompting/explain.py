"""What a prompt means, spelled out: spans and weights, schedule, AND terms, networks, tokens, chunks, warnings."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from storyboard.prompting.attention import parse_spans
from storyboard.prompting.chunks import CHUNK_LENGTH, Chunk, Tokenize, TokenPiece, chunk_prompt
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.networks import KNOWN_KINDS, Network
from storyboard.prompting.reading import PromptTerm, read_prompt

BAR = re.compile(r"(?<!\\)\|")
USUAL_WEIGHT = 3.0


@dataclass(frozen=True, kw_only=True)
class ExplainedSpan:
    """A run of text of one weight, or a BREAK."""

    text: str
    weight: float
    is_break: bool


@dataclass(frozen=True, kw_only=True)
class ExplainedToken:
    """One token: as written by the tokenizer, the characters it covers in the step's text, its weight."""

    text: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class ExplainedChunk:
    """What is encoded together.

    Attributes:
        tokens: without padding.
        room: how many would fit.
        ended_by: "end", "full", "comma" or "break".
        moved_in: the text that comma backtracking took over from the chunk before.
    """

    tokens: tuple[ExplainedToken, ...]
    room: int
    ended_by: str
    moved_in: str


@dataclass(frozen=True, kw_only=True)
class ExplainedText:
    """What the prompt says from step `first` to step `last`.

    Attributes:
        beyond_first_chunk: the text that a pipeline without chunks would cut off; here it is encoded in full.
    """

    first: int
    last: int
    text: str
    spans: tuple[ExplainedSpan, ...]
    chunks: tuple[ExplainedChunk, ...]
    beyond_first_chunk: str


@dataclass(frozen=True, kw_only=True)
class ExplainedTerm:
    """One prompt of those joined by AND."""

    weight: float
    schedule: tuple[ExplainedText, ...]


@dataclass(frozen=True, kw_only=True)
class ExplainedCharacter:
    """A character's token that the prompt names, and the pieces the tokenizer cuts it into."""

    token: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All of it; `dataclasses.asdict` makes it JSON."""

    prompt: str
    steps: int
    terms: tuple[ExplainedTerm, ...]
    networks: tuple[Network, ...]
    characters: tuple[ExplainedCharacter, ...]
    warnings: tuple[str, ...]


def explain(
    prompt: str,
    tokenize: Tokenize,
    *,
    steps: int,
    negative: bool = False,
    character_tokens: Iterable[str] = (),
    embeddings: Mapping[str, Sequence[Hashable]] | None = None,
    length: int = CHUNK_LENGTH,
) -> Explanation:
    """What a prompt means to a model with that tokenizer.

    Args:
        prompt: as the director wrote it.
        tokenize: the model's tokenizer.
        steps: of the picture.
        negative: whether it is a negative prompt, which is not split at AND.
        character_tokens: tokens of registered characters to look for.
        embeddings: textual-inversion embeddings, see `chunk_prompt`.
        length: tokens in a chunk.
    """
    read = read_prompt(prompt, steps, negative=negative)
    terms = tuple(_term(term, tokenize, embeddings, length) for term in read.terms)
    characters = tuple(_characters(terms, tokenize, character_tokens, embeddings or {}))
    return Explanation(
        prompt=prompt,
        steps=steps,
        terms=terms,
        networks=read.networks,
        characters=characters,
        warnings=(*_warnings(characters, read.networks, negative), *_surprises(prompt, terms), *_term_warnings(terms)),
    )


def _term(
    term: PromptTerm, tokenize: Tokenize, embeddings: Mapping[str, Sequence[Hashable]] | None, length: int
) -> ExplainedTerm:
    firsts = [1, *(last + 1 for last, _ in term.schedule)]
    explained: dict[str, tuple[tuple[Chunk, ...], tuple[ExplainedSpan, ...]]] = {}
    schedule = []
    for first, (last, text) in zip(firsts, term.schedule, strict=False):
        if text not in explained:
            chunks = chunk_prompt(text, tokenize, embeddings=embeddings, length=length)
            explained[text] = (chunks, tuple(_spans(text)))
        schedule.append(_text(first, last, text, *explained[text], length))
    return ExplainedTerm(weight=term.weight, schedule=tuple(schedule))


def _spans(text: str) -> Iterator[ExplainedSpan]:
    for span in parse_spans(text):
        yield ExplainedSpan(text=span.text, weight=span.weight, is_break=span.is_break)


def _text(
    first: int, last: int, text: str, chunks: tuple[Chunk, ...], spans: tuple[ExplainedSpan, ...], length: int
) -> ExplainedText:
    later = [piece for chunk in chunks[1:] for piece in chunk.pieces]
    return ExplainedText(
        first=first,
        last=last,
        text=text,
        spans=spans,
        chunks=tuple(_chunk(chunk, text, length) for chunk in chunks),
        beyond_first_chunk=_covered(text, later),
    )


def _chunk(chunk: Chunk, text: str, length: int) -> ExplainedChunk:
    return ExplainedChunk(
        tokens=tuple(
            ExplainedToken(text=piece.text, start=piece.start, end=piece.end, weight=piece.weight)
            for piece in chunk.pieces
        ),
        room=length,
        ended_by=chunk.ended_by,
        moved_in=_covered(text, chunk.pieces[: chunk.moved_in]),
    )


def _covered(text: str, pieces: Sequence[TokenPiece]) -> str:
    return text[pieces[0].start : pieces[-1].end] if pieces else ""


def _characters(
    terms: Sequence[ExplainedTerm],
    tokenize: Tokenize,
    character_tokens: Iterable[str],
    embeddings: Mapping[str, Sequence[Hashable]],
) -> Iterator[ExplainedCharacter]:
    texts = " \n ".join(text.text for term in terms for text in term.schedule)
    for token in sorted(set(character_tokens)):
        if re.search(rf"(?<!\w){re.escape(token)}(?!\w)", texts, re.IGNORECASE):
            whole = token in embeddings
            yield ExplainedCharacter(
                token=token, pieces=(token,) if whole else tuple(piece.text for piece in tokenize(token))
            )


def _warnings(characters: Sequence[ExplainedCharacter], networks: Sequence[Network], negative: bool) -> Iterator[str]:
    for character in characters:
        if len(character.pieces) > 1:
            pieces = " | ".join(character.pieces)
            yield (
                f"The token {character.token!r} is {len(character.pieces)} pieces to this model ({pieces}), each with "
                "its own meaning; a rare single token or a textual-inversion token is learnt more cleanly."
            )
    for network in networks:
        if negative:
            yield f"<{network.kind}:{network.name}> is taken out of a negative prompt and does nothing there."
            continue
        for mistake in network.mistakes:
            yield f"<{network.kind}:{network.name}>: {mistake!r} is not a number; its default is used."
        if network.rank is not None:
            yield f"<{network.kind}:{network.name}>: all ranks of the adapter are used; `dyn` has no effect here."
        if network.kind not in KNOWN_KINDS:
            yield f"<{network.kind}:{network.name}> is taken out of the prompt, but no network is of that kind."


def _surprises(prompt: str, terms: Sequence[ExplainedTerm]) -> Iterator[str]:
    """What the grammar makes of a prompt that its writer may not have meant."""
    if "#" in prompt:
        yield f"'#' begins a comment; what is read: {strip_comments(prompt).strip()!r}."
    texts = {text.text: text.spans for term in terms for text in term.schedule}
    if any("[" in text and BAR.search(text) for text in texts):
        yield "A bar outside [a|b] switches scheduling off: [from:to:when] stays as it is written."
    spans = {(span.text, span.weight) for spans in texts.values() for span in spans if span.text and not span.is_break}
    for text, weight in sorted(span for span in spans if abs(span[1]) > USUAL_WEIGHT):
        yield f"{text!r} weighs {weight:g}; beyond {USUAL_WEIGHT:g} pictures fall apart."


def _term_warnings(terms: Sequence[ExplainedTerm]) -> Iterator[str]:
    for term in terms:
        if len(terms) == 1 and term.weight != 1.0:
            yield f"The number after the last colon weighs the whole prompt: {term.weight:g}."
        longest = max(term.schedule, key=lambda text: len(text.chunks))
        if longest.beyond_first_chunk:
            yield (
                f"{len(longest.chunks)} chunks; pipelines without chunks would cut off {longest.beyond_first_chunk!r}."
            )
