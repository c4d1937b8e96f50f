"""What can be set about a training; `presets` has the values that fit each model family and method."""

from __future__ import annotations

from dataclasses import dataclass

from storyboard.errors import BadInput, UnknownName

METHODS = ("lora", "textual-inversion", "pivotal", "dreambooth")
PRECISIONS = ("auto", "float32", "bfloat16")
SCHEDULES = ("constant", "cosine", "linear")
OPTIMISERS = ("adamw", "adamw8bit")


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Everything that changes a training's outcome.

    Attributes:
        method: one of `METHODS`.
        steps: optimiser updates.
        batch: pictures in a forward pass; `accumulation` of them make an update.
        learning_rate: of the U-Net, or of textual-inversion vectors.
        text_learning_rate: of the text encoder, and of vectors in pivotal tuning.
        schedule, warmup: the learning rate's course after `warmup` rising steps.
        rank, alpha, dropout, dora: LoRA's; the change is scaled by alpha / rank.
        train_text: whether the text encoder learns too (LoRA, DreamBooth).
        text_steps: after so many steps the text encoder stops learning; 0 for never.
        vectors, initial_word: textual inversion's: how many vectors, and the words they start from ("" for the noun);
            0 is one for each token of those words, which then can be told apart when clothes change.
        prior_weight: weight of the class pictures' loss (DreamBooth's prior preservation); 0 turns them off.
        class_pictures: how many pictures of the plain noun are drawn by the untrained model.
        snr_gamma: min-SNR weighting; 0 for none.
        caption_dropout: share of captions left empty.
        ema: decay of the weights' running average, which is what is kept; 0 for none.
        optimiser: "adamw", or "adamw8bit" where bitsandbytes and CUDA are.
        weight_decay: AdamW's.
        precision: "auto" takes bfloat16 where the processor is fast at it.
        gradient_checkpointing: less memory for more time.
        flip: also learn the mirrored pictures; wrong for faces with a parting, letters and scars.
        buckets: keep each picture's shape instead of cutting squares.
        checkpoint_every: steps between checkpoints, each scored and sampled.
        sample_steps: denoising steps of the samples; 0 draws none, unless a probe needs them for scores.
        resolution: side of the training pictures; 0 for the model's native size.
        seed: of noise, order, class pictures and initial values.
    """

    method: str = "lora"
    steps: int = 600
    batch: int = 4
    accumulation: int = 1
    learning_rate: float = 1e-4
    text_learning_rate: float = 5e-6
    schedule: str = "constant"
    warmup: int = 0
    rank: int = 4
    alpha: float = 4.0
    dropout: float = 0.0
    dora: bool = False
    train_text: bool = False
    text_steps: int = 0
    vectors: int = 1
    initial_word: str = ""
    prior_weight: float = 1.0
    class_pictures: int = 100
    snr_gamma: float = 5.0
    caption_dropout: float = 0.05
    ema: float = 0.0
    optimiser: str = "adamw"
    weight_decay: float = 1e-2
    precision: str = "auto"
    gradient_checkpointing: bool = False
    flip: bool = False
    buckets: bool = False
    checkpoint_every: int = 200
    sample_steps: int = 16
    resolution: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in _CHOICES:
            if getattr(self, name) not in known:
                raise UnknownName.among(name, str(getattr(self, name)), known)
        for name, lowest, highest in _RANGES:
            if not lowest <= getattr(self, name) <= highest:
                raise BadInput(f"{name} is {getattr(self, name)}, but must be between {lowest} and {highest}.")
        if self.resolution % 8 or 0 < self.resolution < 64:
            raise BadInput(f"resolution is {self.resolution}, but must be a multiple of 8, and at least 64.")


_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("method", METHODS),
    ("precision", PRECISIONS),
    ("schedule", SCHEDULES),
    ("optimiser", OPTIMISERS),
)
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("steps", 1, 100_000),
    ("batch", 1, 64),
    ("accumulation", 1, 64),
    ("learning_rate", 0, 1),
    ("text_learning_rate", 0, 1),
    ("warmup", 0, 100_000),
    ("rank", 1, 256),
    ("alpha", 0, 1024),
    ("dropout", 0, 0.9),
    ("text_steps", 0, 100_000),
    ("vectors", 0, 32),
    ("prior_weight", 0, 10),
    ("class_pictures", 0, 2000),
    ("snr_gamma", 0, 100),
    ("caption_dropout", 0, 1),
    ("ema", 0, 0.99999),
    ("checkpoint_every", 1, 100_000),
    ("sample_steps", 0, 150),
    ("resolution", 0, 2048),
    ("seed", 0, 2**31 - 1),
)
