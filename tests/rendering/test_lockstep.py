"""One lane and no methods is diffusers' own pipeline; many lanes are each their own."""

from __future__ import annotations

import pytest
import torch

from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion import pictures
from storyboard.rendering.diffusion.attention import ForwardState
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.lanes import Lane, Walker
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.pipes import load
from storyboard.rendering.diffusion.schedulers import new_scheduler
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import find_model

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
CPU = Machine(device="cpu", dtype="float32")
PROMPT, NEGATIVE = "a man on a bench in the park", "red hat"
ANCESTRAL = ("euler-a", "ddpm", "dpm++2m-sde", "lcm", "tcd")


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def model(request, tiny_models, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORYBOARD_HOME", str(tmp_path_factory.mktemp("home")))
        return load(find_model(str(tiny_models[request.param])), CPU)


def asked(**changes) -> FrameRequest:
    values = {"scene_id": "s1", "prompt": PROMPT, "negative": NEGATIVE, "seed": 5, "steps": 5, "guidance": 6.0,
              "sampler": "ddim", "width": 64, "height": 64, "dtype": "float32", "model": "tiny",
              "model_sha256": ""}  # fmt: skip
    return FrameRequest(**{**values, **changes})


def walker(model, request, number=0, start=None) -> Walker:
    conditioner = Conditioner(model.pipe)
    lane = Lane(
        number=number,
        request=request,
        positive=conditioner.encode(request.prompt, steps=request.steps),
        negative=conditioner.encode(request.negative, steps=request.steps, negative=True),
        start=start,
    )
    return Walker(lane, unet=model.pipe.unet, own_scheduler=model.pipe.scheduler, scale=8, device="cpu")


def denoiser(model, rescale=0.0) -> Denoiser:
    return Denoiser(
        unet=model.pipe.unet, family=model.family, conditioner=Conditioner(model.pipe), guidance_rescale=rescale
    )


def finish(model, *batches, rescale=0.0) -> list[torch.Tensor]:
    state = ForwardState(steps=5, height=8, width=8)
    assert sum(denoise(denoiser(model, rescale), [], batches, state)) > 0
    return [each.latents for batch in batches for each in batch]


def theirs(model, request, rescale=0.0) -> torch.Tensor:
    """The pipeline's own latents for the same noise, prompt and sampler."""
    pipe = type(model.pipe)(**model.pipe.components)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = new_scheduler(model.pipe.scheduler, request.sampler)
    generator = torch.Generator("cpu").manual_seed(request.seed)
    result = pipe(
        request.prompt,
        negative_prompt=request.negative,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        guidance_rescale=rescale,
        eta=0.3 if request.sampler == "tcd" else 0.0,
        width=request.width,
        height=request.height,
        generator=generator,
        output_type="latent",
    )
    return result.images


@pytest.mark.parametrize(
    "sampler",
    ["ddim", "ddpm", "pndm", "euler", "euler-karras", "euler-a", "heun", "dpm2", "dpm2-a", "dpm++2m", "dpm++2m-karras",
     "dpm++2m-sde", "dpm++2s", "dpm++sde", "deis", "unipc", "lms", "lcm", "tcd"],
)  # fmt: skip
def test_one_lane_equals_the_pipeline(model, sampler):
    request = asked(sampler=sampler)
    torch.testing.assert_close(finish(model, [walker(model, request)])[0], theirs(model, request), atol=1e-4, rtol=1e-4)


def test_the_picture_equals_the_pipeline_too(model):
    request = asked(sampler="euler")
    latents = finish(model, [walker(model, request)])[0]
    pipe = type(model.pipe)(**model.pipe.components)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = new_scheduler(model.pipe.scheduler, "euler")
    generator = torch.Generator("cpu").manual_seed(request.seed)
    picture = pipe(PROMPT, negative_prompt=NEGATIVE, num_inference_steps=5, guidance_scale=6.0, width=64, height=64,
                   generator=generator, output_type="pt").images[0]  # fmt: skip
    torch.testing.assert_close(pictures.decode_values(model.pipe.vae, latents), picture, atol=1e-4, rtol=0)
