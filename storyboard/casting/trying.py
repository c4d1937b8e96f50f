"""`characters try`: pictures of a character by a model with its adapters, on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storyboard.casting.crops import contact_sheet
from storyboard.casting.registry import load_cast
from storyboard.casting.training.loading import load_trainee
from storyboard.casting.training.sampling import draw
from storyboard.casting.training.session import SCENES
from storyboard.character import Adapter, Character
from storyboard.files import publish_with
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapters import adapters_applied


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

    Where no adapter fits the model, the character's look is put behind its noun instead.

    Raises:
        UnknownName, CharacterError, ModelError: the character or the model cannot be used.
        BoardError: the picture cannot be written.
    """
    character = load_cast(folder)[name]
    trainee = load_trainee(model, precision="float32")
    adapters = character.adapters_for(trainee.model.family)
    phrase = character.phrase if adapters else f"a {character.noun}, {character.look}"
    texts = [prompt.replace(character.display_name, phrase).replace(name, phrase) for prompt in prompts]
    texts = texts or [scene.format(phrase) for scene in SCENES]
    with adapters_applied(trainee.model.pipe, [(each, used(character, each, scale)) for each in adapters]):
        images = draw(
            trainee.model,
            texts,
            [seed + number for number in range(len(texts))],
            trainee.model.native_size,
            guidance=trainee.guidance,
            steps=trainee.steps,
        )
    sheet = contact_sheet(images, texts, columns=3)
    publish_with(target, lambda temporary: sheet.save(temporary))


def used(character: Character, adapter: Adapter, scale: float) -> AdapterUse:
    """An adapter as a picture uses it, `scale` times its own strength."""
    strength = adapter.scale * scale
    return AdapterUse(
        sha256=adapter.sha256, kind=adapter.kind, token=character.token, text_encoder=strength, unet=strength
    )
