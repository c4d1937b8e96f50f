"""The settings each method is known to work with, for each model family; anything can be overridden.

DreamBooth on Stable Diffusion 1: 2e-6, the text encoder for 350 steps. LoRA on SDXL: 1e-4, 100 steps a picture, text
encoders 5e-6, rank 8. Textual inversion: 5e-4. min-SNR 5. (The example scripts of diffusers and their readers' notes.)
The starter model is small and learns at higher rates. It was trained without min-SNR weights, which for v-prediction
all but leave out the noisiest levels, where clothes get their colours, so these presets leave them off too.
`python benchmarks/characters.py --retrain pivotal` measures a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storyboard.casting.training.options import TrainingOptions
from storyboard.errors import BadInput

FAMILIES = ("starter", "sd1", "sdxl")
STEPS_A_PICTURE: Mapping[str, int] = {"lora": 100, "textual-inversion": 150, "pivotal": 100, "dreambooth": 80}
MOST_STEPS = 4000

PRESETS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("starter", "lora"): {
        "steps": 400,
        "batch": 4,
        "learning_rate": 5e-3,
        "text_learning_rate": 5e-3,
        "schedule": "cosine",
        "warmup": 20,
        "rank": 8,
        "alpha": 8.0,
        "train_text": True,
        "class_pictures": 24,
        "snr_gamma": 0.0,
        "ema": 0.97,
        "checkpoint_every": 80,
    },
    ("starter", "textual-inversion"): {
        "steps": 240,
        "batch": 4,
        "learning_rate": 1e-2,
        "schedule": "cosine",
        "vectors": 6,
        "prior_weight": 0.0,
        "snr_gamma": 0.0,
        "weight_decay": 0.0,
        "checkpoint_every": 60,
    },
    ("starter", "pivotal"): {
        "steps": 480,
        "batch": 4,
        "learning_rate": 1e-3,
        "text_learning_rate": 2e-3,
        "schedule": "cosine",
        "rank": 8,
        "alpha": 8.0,
        "vectors": 0,
        "class_pictures": 24,
        "prior_weight": 0.0,
        "snr_gamma": 0.0,
        "ema": 0.95,
        "checkpoint_every": 120,
    },
    ("starter", "dreambooth"): {
        "steps": 300,
        "batch": 8,
        "learning_rate": 1e-4,
        "text_learning_rate": 1e-4,
        "train_text": True,
        "class_pictures": 24,
        "snr_gamma": 0.0,
        "ema": 0.98,
        "checkpoint_every": 100,
    },
    ("sd1", "lora"): {"learning_rate": 1e-4, "batch": 1, "rank": 8, "alpha": 8.0, "train_text": True},
    ("sd1", "textual-inversion"): {"learning_rate": 5e-4, "batch": 4, "vectors": 2, "prior_weight": 0.0},
    ("sd1", "pivotal"): {"learning_rate": 1e-4, "text_learning_rate": 5e-4, "batch": 1, "rank": 8, "alpha": 8.0},
    ("sd1", "dreambooth"): {
        "learning_rate": 2e-6,
        "text_learning_rate": 2e-6,
        "batch": 1,
        "train_text": True,
        "text_steps": 350,
        "class_pictures": 200,
        "gradient_checkpointing": True,
    },
    ("sdxl", "lora"): {"learning_rate": 1e-4, "batch": 1, "rank": 8, "alpha": 8.0, "gradient_checkpointing": True},
    ("sdxl", "textual-inversion"): {"learning_rate": 5e-4, "batch": 1, "vectors": 2, "prior_weight": 0.0},
    ("sdxl", "pivotal"): {
        "learning_rate": 1e-4,
        "text_learning_rate": 5e-4,
        "batch": 1,
        "rank": 8,
        "alpha": 8.0,
        "gradient_checkpointing": True,
    },
    ("sdxl", "dreambooth"): {"learning_rate": 2e-6, "batch": 1, "class_pictures": 200, "gradient_checkpointing": True},
}


def preset(family: str, method: str, pictures: int, overrides: Mapping[str, Any] | None = None) -> TrainingOptions:
    """The options for a family, a method and a number of pictures; `overrides` that are None count as not given.

    Raises:
        BadInput: a value out of range, or no such option.
        UnknownName: no such method, schedule, …
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    chosen = dict(PRESETS.get((family, method), {}))
    chosen.setdefault("steps", min(MOST_STEPS, STEPS_A_PICTURE.get(method, 100) * pictures))
    if family in ("sd1", "sdxl"):
        chosen.setdefault("checkpoint_every", max(50, chosen["steps"] // 8))
    try:
        return TrainingOptions(**{**chosen, **given, "method": method})
    except TypeError as error:
        raise BadInput(f"There is no such training option: {error}.") from None
