"""Where our own files are, in a checkout and when installed; and where the user's are."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _bundled(name: str) -> Path:
    installed = PACKAGE / "_data" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def prompts_folder() -> Path:
    """The templates and styles: `prompts/` of the checkout or of the wheel."""
    return _bundled("prompts")


def bundled_characters_folder() -> Path:
    """The cast that comes with the program."""
    return _bundled("characters")


def starter_model_folder() -> Path:
    """The bundled model in diffusers layout."""
    return PACKAGE / "starter" / "weights" / "model"


def user_data_folder() -> Path:
    """STORYBOARD_HOME, or the platform's folder for user data."""
    home = os.environ.get("STORYBOARD_HOME")
    if home:
        return Path(home).expanduser()
    from platformdirs import user_data_path

    return user_data_path("storyboard-diffusion", appauthor=False)


def user_characters_folder() -> Path:
    """Where `characters add` puts new ones."""
    return user_data_folder() / "characters"


def training_folder() -> Path:
    """Where trainings keep their checkpoints until they have ended, and class pictures."""
    return user_data_folder() / "training"


def user_adapters_folder() -> Path:
    """Where adapter files lie that prompts may name by `<lora:NAME:0.8>`."""
    return user_data_folder() / "adapters"
