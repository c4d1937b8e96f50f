"""`storyboard prompt "…"`: what a prompt means to a model, as a table or JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from storyboard.casting.registry import load_cast
from storyboard.errors import BadInput
from storyboard.prompting.chunks import Tokenize
from storyboard.prompting.clip import load_tokenizer, tokenize_with
from storyboard.prompting.explain import ExplainedChunk, ExplainedSpan, ExplainedTerm, Explanation, explain
from storyboard.protocols import Cast
from storyboard.rendering.adapter_names import AdapterFiles, adapter_files
from storyboard.rendering.model_files import steps_of
from storyboard.rendering.model_names import HUB_MODELS, locate
from storyboard.rendering.tag_meanings import TagMeaning, embedding_words, given_as, left_out, tag_meaning, unlearned


@click.command()
@click.argument("text")
@click.option("--steps", type=click.IntRange(1, 150), help="Denoising steps; the model's own by default.")
@click.option("--model", default="starter", show_default=True, help="Whose tokenizer: a name, a folder or a file.")
@click.option("--negative", is_flag=True, help="Read it as a negative prompt (never split at AND).")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@click.option("--adapters", default="", metavar="DIR", help="A further folder of adapter files.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def prompt(
    text: str, steps: int | None, model: str, negative: bool, characters: Path | None, adapters: str, as_json: bool
) -> None:
    """Show what a prompt says: weights, schedule, AND terms, networks, characters, tokens and chunks.

    \b
    storyboard prompt "fljsdhn man, (smile:1.3), [hat|cap], a [park:beach:0.5]" --steps 10
    """
    check_text(text)
    cast, files = load_cast(characters), adapter_files(adapters)
    explanation = _explained(text, cast, files, model, steps=steps, negative=negative)
    meanings = [tag_meaning(tag, cast, files, model, negative=negative) for tag in explanation.networks]
    if as_json:
        click.echo(json.dumps(_data(explanation, meanings), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(_lines(explanation, meanings)))


def check_text(text: str) -> None:
    """Raise BadInput where bytes of the command line were no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput("The prompt is not text: it has bytes that are not UTF-8.", hint="Type it again.") from None


def tokenizer_of(model: str) -> Tokenize:
    """The model's tokenizer: CLIP's for single files, which carry none, and for `sd15` and `sdxl`, here or not."""
    if model in HUB_MODELS or locate(model).root.is_file():
        from storyboard.rendering.diffusion.clip_tokenizer import clip_tokenizer

        return tokenize_with(clip_tokenizer().backend_tokenizer)
    return tokenize_with(load_tokenizer(locate(model).root))


def _explained(
    text: str, cast: Cast, files: AdapterFiles, model: str, *, steps: int | None, negative: bool
) -> Explanation:
    """What the prompt means to the model of that name, with notes about characters and words it has not learned."""
    words = embedding_words(text, cast, files, model)
    explanation = explain(
        text,
        tokenizer_of(model),
        steps=steps or steps_of(model),
        negative=negative,
        character_tokens=[character.token for character in cast.values()],
        embeddings=words,
    )
    if negative:
        notes = left_out(text, model, words)
    else:
        notes = (*unlearned(text, cast, model), *given_as(text, cast, files, model))
    return dataclasses.replace(explanation, warnings=(*explanation.warnings, *notes))


def _data(explanation: Explanation, meanings: Sequence[TagMeaning]) -> dict[str, Any]:
    """Everything, with what each tag stands for under "resolved"."""
    data = dataclasses.asdict(explanation)
    for tag, meaning in zip(data["networks"], meanings, strict=True):
        tag["resolved"] = dataclasses.asdict(meaning)
    return data


def _lines(explanation: Explanation, meanings: Sequence[TagMeaning]) -> Iterator[str]:
    for number, term in enumerate(explanation.terms, 1):
        if len(explanation.terms) > 1 or term.weight != 1.0:
            yield f"AND term {number}, weight {term.weight:g}"
        yield from _term_lines(term)
    for network, meaning in zip(explanation.networks, meanings, strict=True):
        yield f"{network.kind:<10} {network.name}   text encoder {network.text_encoder:g}, U-Net {network.unet:g}"
        if meaning.description:
            yield f"{'':<10} is {meaning.description}"
        for found in meaning.files:
            yield f"{'':<10} {found.kind} for {found.family or 'any'} models, {found.file}, sha256 {found.sha256[:12]}"
        if meaning.problem:
            yield f"{'':<10} cannot be drawn: {meaning.problem}"
    for character in explanation.characters:
        yield f"character  {character.token}   {' | '.join(character.pieces)}"
    for warning in explanation.warnings:
        yield f"note       {warning}"


def _term_lines(term: ExplainedTerm) -> Iterator[str]:
    """Every step's text once: alternations come back to texts that were already shown."""
    shown: dict[str, int] = {}
    for part in term.schedule:
        steps = f"step {part.last}" if part.first == part.last else f"steps {part.first} to {part.last}"
        if part.text in shown:
            yield f"{steps:<14} as step {shown[part.text]}"
            continue
        shown[part.text] = part.last
        yield f"{steps:<14} {part.text}"
        yield from _span_lines(part.spans)
        for number, chunk in enumerate(part.chunks, 1):
            yield _chunk_line(number, chunk)
        yield ""


def _span_lines(spans: tuple[ExplainedSpan, ...]) -> Iterator[str]:
    for span in spans:
        yield "     BREAK" if span.is_break else f"{span.weight:10.3f}   {span.text}"


def _chunk_line(number: int, chunk: ExplainedChunk) -> str:
    tokens = " | ".join(token.text.replace("</w>", "") for token in chunk.tokens)
    moved = f", moved here to keep words after a comma together: {chunk.moved_in!r}" if chunk.moved_in else ""
    return f"     chunk {number}   {len(chunk.tokens)} of {chunk.room} tokens{moved}: {tokens}"
