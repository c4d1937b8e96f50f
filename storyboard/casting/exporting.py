"""`characters export --format kohya`: a character's LoRA alone, as web UIs and other trainers read it."""

from __future__ import annotations

from pathlib import Path

from storyboard.casting.registry import load_cast
from storyboard.character import Adapter
from storyboard.errors import BadInput, CharacterError
from storyboard.rendering.adapter_header import resolution_of
from storyboard.rendering.diffusion.adapter_files import adapter_config, read_tensors
from storyboard.rendering.diffusion.adapter_lora import parse_lora
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_lora


def export_lora(name: str, path: Path, family: str = "") -> tuple[Adapter, ...]:
    """Write the LoRA in kohya's layout; the embeddings that it was trained with, which prompts need too.

    Args:
        path: ends in .safetensors.
        family: "" where the character has a LoRA for one family only.

    Raises:
        UnknownName: no such character.
        BadInput: another suffix.
        CharacterError: it has no LoRA of that family, or several, or its file cannot be used.
        BoardError: `path` cannot be written.
    """
    if path.suffix != ".safetensors":
        raise BadInput(f"{path} must end in .safetensors.", hint=f"Try -o {name}.safetensors")
    character = load_cast()[name]
    adapter = _only_lora(name, character.adapters, family)
    adapter.check_file()
    tensors, metadata = read_tensors(adapter.path)
    about = AdapterInfo(
        title=character.display_name,
        family=adapter.family,
        trigger_phrase=character.phrase,
        resolution=resolution_of(metadata),
        prediction=metadata.get("modelspec.prediction_type", "epsilon"),
        base_model=adapter.base_model,
        licence=adapter.licence,
    )
    write_lora(path, parse_lora(tensors, metadata, adapter_config(adapter.path)), about, "kohya")
    return tuple(each for each in character.adapters_for(adapter.family) if each.kind == "textual-inversion")


def _only_lora(name: str, adapters: tuple[Adapter, ...], family: str) -> Adapter:
    found = [each for each in adapters if each.kind == "lora" and family in ("", each.family)]
    if not found:
        raise CharacterError(
            f"{name} has no LoRA{f' for {family}' if family else ''}.", hint=f"See: characters show {name}"
        )
    if len(found) > 1:
        known = ", ".join(sorted({each.family for each in found}))
        raise CharacterError(
            f"{name} has a LoRA for each of {known}.", hint=f"Choose one with --family {found[0].family}"
        )
    return found[0]
