"""Every number of the starter model's training, in one place. What was run of it, the model card says."""

from dataclasses import dataclass, field, replace
from typing import Literal

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class TokenizerRecipe:
    """Byte-level BPE in CLIP's format; `captions` are counted before merging."""

    vocabulary: int = 3072
    captions: int = 24000


@dataclass(frozen=True, kw_only=True)
class PoolRecipe:
    """The drawings that training reads: `shards` files of `shard_size` scenes with `captions` wordings each."""

    shards: int = 48
    shard_size: int = 1000
    captions: int = 4
    held_out: int = 256
    seed: int = 20


@dataclass(frozen=True, kw_only=True)
class VaeRecipe:
    """An `AutoencoderTiny` trained on crops, then polished on whole pictures; `anchor` holds the latents then.

    `decoder_blocks` counts the blocks at 1/8, 1/4, 1/2 and the whole size; the first ones cost little time.
    """

    width: int = 48
    latent_channels: int = 12
    crop: int = 64
    batch: int = 8
    steps: int = 7500
    learning_rate: float = 2e-3
    latent_noise: float = 0.1
    decoder_blocks: tuple[int, int, int, int] = (6, 6, 3, 1)
    polish_steps: int = 7500
    polish_batch: int = 4
    polish_learning_rate: float = 1e-3
    anchor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ReaderRecipe:
    """A small network that reads attributes from latents."""

    steps: int = 2400
    batch: int = 64
    rate: float = 3e-3


@dataclass(frozen=True, kw_only=True)
class TextRecipe:
    """A `CLIPTextModel` that learns together with the UNet."""

    width: int = 192
    layers: int = 3
    heads: int = 4


@dataclass(frozen=True, kw_only=True)
class UNetRecipe:
    """A `UNet2DConditionModel` trained with v-prediction; `attention` says which levels attend to the words.

    In the first `full_captions_share` of the updates captions are complete.
    """

    channels: tuple[int, ...] = (128, 192)
    layers: int = 1
    attention: tuple[bool, ...] = (True, True)
    heads: int = 2
    batch: int = 24
    steps: int = 17500
    warmup: int = 100
    decay_share: float = 0.4
    learning_rate: float = 2e-3
    ema: float = 0.997
    empty_captions: float = 0.1
    full_captions_share: float = 0.4
    figure_weight: float = 2.0
    detail_weight: float = 2.0
    attention_weight: float = 0.03
    attention_share: float = 1.0
    attribute_weight: float = 0.08
    unpadded_share: float = 0.5
    emphasised_share: float = 0.35


@dataclass(frozen=True, kw_only=True)
class OwnWaysRecipe:
    """The UNet goes on with places it came to itself, on `drawn` ways more every `draw_every` updates; the last `kept`
    are used.

    An update reads `batch` places, of pictures drawn in `steps_to_draw`; `weight` is of what it learns there, beside
    the drawings.
    """

    steps: int
    weight: float
    steps_to_draw: int
    detail_weight: float
    batch: int = 48
    drawn: int = 24
    draw_every: int = 4
    kept: int = 384
    warmup: int = 20
    decay_share: float = 0.5
    learning_rate: float = 4e-4
    ema: float = 0.99

    def unet_recipe(self, recipe: UNetRecipe) -> UNetRecipe:
        """How to go on training on drawings meanwhile."""
        return replace(
            recipe,
            steps=self.steps,
            full_captions_share=0.0,
            warmup=self.warmup,
            decay_share=self.decay_share,
            learning_rate=self.learning_rate,
            ema=self.ema,
            detail_weight=self.detail_weight,
        )


@dataclass(frozen=True, kw_only=True)
class OwnPicturesRecipe(OwnWaysRecipe):
    """Ways from noise to pictures."""

    steps: int = 620
    weight: float = 0.15
    steps_to_draw: int = 12
    detail_weight: float = 2.0


@dataclass(frozen=True, kw_only=True)
class DriftRecipe(OwnWaysRecipe):
    """Ways of `places` steps from drawings with noise on them."""

    steps: int = 500
    weight: float = 1.0
    steps_to_draw: int = 20
    detail_weight: float = 4.0
    places: int = 5
    attribute_weight: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training; `size` is the picture's side in pixels."""

    name: str = "cpu"
    size: int = 128
    device: str = "cpu"
    precision: Precision = "bfloat16"
    compiled: bool = True
    seed: int = 0
    tokenizer: TokenizerRecipe = field(default_factory=TokenizerRecipe)
    pool: PoolRecipe = field(default_factory=PoolRecipe)
    vae: VaeRecipe = field(default_factory=VaeRecipe)
    reader: ReaderRecipe = field(default_factory=ReaderRecipe)
    text: TextRecipe = field(default_factory=TextRecipe)
    unet: UNetRecipe = field(default_factory=UNetRecipe)
    own: OwnPicturesRecipe = field(default_factory=OwnPicturesRecipe)
    drift: DriftRecipe = field(default_factory=DriftRecipe)

    @property
    def latent_size(self) -> int:
        """Side of the latents: the VAE halves three times."""
        return self.size // 8


CPU = Recipe()
GPU = Recipe(
    name="gpu",
    size=256,
    device="cuda",
    vae=VaeRecipe(width=64, crop=128, batch=32, steps=20000, polish_steps=3000, polish_batch=32),
    unet=UNetRecipe(
        channels=(128, 160, 192),
        attention=(True, True, False),
        batch=256,
        steps=16000,
        learning_rate=1.5e-3,
        ema=0.9995,
    ),
    pool=PoolRecipe(shards=96),
)
RECIPES = {recipe.name: recipe for recipe in (CPU, GPU)}
