"""`characters try`: pictures of a character by a model with its adapters, on one sheet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from storyboard.casting.crops import contact_sheet
from storyboard.casting.pictures import SUFFIXES
from storyboard.casting.registry import load_cast
from storyboard.casting.training.loading import load_trainee
from storyboard.casting.training.sampling import draw
from storyboard.casting.training.session import SCENES
from storyboard.character import Adapter, Character
from storyboard.errors import BadInput
from storyboard.files import publish_with
from storyboard.prompting.plain import plain_words
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.diffusion.redressing import wardrobe
from storyboard.rendering.resolve_prompt import resolve


def try_out(
    name: str,
    prompts: Sequence[str],
    target: Path,
    *,
    model: str = "starter",
    scale: float = 1.0,
    seed: int = 0,
    folder: Path | None = None,
) -> None:
    """Draw each prompt (in which the character's name becomes its phrase), or six scenes when there are none.

    Where no adapter fits the model, the character's look is put behind its noun instead, as on a board.

    Raises:
        BadInput: `target` is no picture's name.
        UnknownName, CharacterError, ModelError: the character or the model cannot be used.
        BoardError: the picture cannot be written.
    """
    if target.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{target} is no name of a picture.", hint=f"Try -o {target.stem}.png")
    cast = load_cast(folder)
    character = cast[name]
    trainee = load_trainee(model, precision="float32")
    adapters = character.adapters_for(trainee.model.family)
    asked = [with_phrase(prompt, character) for prompt in prompts] or [scene_of(scene, character) for scene in SCENES]
    texts = [resolve(text, (name,), cast, trainee.model.family).prompt for text in asked]
    pipe, uses = trainee.model.pipe, [(each, used(character, each, scale)) for each in adapters]
    with adapters_applied(pipe, uses), wardrobe(pipe, uses, texts) as clothes:
        images = draw(
            trainee.model,
            texts,
            [seed + number for number in range(len(texts))],
            (trainee.model.native_size, trainee.model.native_size),
            guidance=trainee.guidance,
            steps=trainee.steps,
            clothes=clothes,
            looks={character.token: plain_words(character.look)} if adapters else {},
        )
    sheet = contact_sheet(images, texts, columns=3)
    publish_with(target, lambda temporary: sheet.save(temporary))


def with_phrase(prompt: str, character: Character) -> str:
    """The prompt with the character's phrase where it says the name, as a word of its own."""
    names = "|".join(map(re.escape, (character.name, character.display_name)))
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda _: character.phrase, prompt, flags=re.IGNORECASE)


def scene_of(scene: str, character: Character) -> str:
    """One of the scenes with the character in it; for a style, with anybody."""
    if character.kind == "style":
        return f"{scene.format('a person')}, {character.phrase}"
    return scene.format(character.phrase)


def used(character: Character, adapter: Adapter, scale: float) -> AdapterUse:
    """An adapter as a picture uses it, `scale` times its own strength."""
    strength = adapter.scale * scale
    return AdapterUse(
        sha256=adapter.sha256, kind=adapter.kind, token=character.token, text_encoder=strength, unet=strength
    )
