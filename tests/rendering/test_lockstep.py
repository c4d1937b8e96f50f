"""One lane and no methods is diffusers' own pipeline; many lanes are each their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion import pictures
from storyboard.rendering.diffusion.attention import ForwardState
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.lanes import Lane, Start, Walker
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.pipes import load
from storyboard.rendering.diffusion.schedulers import new_scheduler
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.diffusion.style_aligned import StyleAligned
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import USUAL_MANNER, GuidanceManner, find_model

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


def denoiser(model, manner=USUAL_MANNER) -> Denoiser:
    return Denoiser(unet=model.pipe.unet, family=model.family, conditioner=Conditioner(model.pipe), manner=manner)


def finish(model, *batches, manner=USUAL_MANNER) -> list[torch.Tensor]:
    state = ForwardState(steps=5, height=8, width=8)
    assert sum(denoise(denoiser(model, manner), [], batches, state)) > 0
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


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "lcm", "tcd"])
def test_latents_are_not_clipped_like_pixels(model, sampler):
    """These samplers clip unless told not to, and a model that names another sampler need not tell."""
    assert new_scheduler(model.pipe.scheduler, sampler).config.clip_sample is False


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


def test_perturbed_guidance_goes_with_frames_that_see_anchors(model):
    """The perturbation must lie outside what other methods add to keys and values."""
    state = ForwardState(steps=5, height=8, width=8)
    latents = []
    for level in (None, 0):
        anchor, frame = walker(model, asked(seed=1), 0), walker(model, asked(), 1)
        asker = replace(
            denoiser(model, GuidanceManner(perturbed_from=level)), methods=(SharedAttention({1: (0,)}, seeds={0: 1}),)
        )
        assert sum(denoise(asker, [[anchor]], [[frame]], state)) > 0
        latents.append(frame.latents)
    assert not torch.allclose(*latents, atol=1e-3)


def test_guidance_can_be_rescaled_or_left_out(model):
    for changes, rescale in (({}, 0.7), ({"guidance": 1.0}, 0.0)):
        request = asked(**changes)
        torch.testing.assert_close(
            finish(model, [walker(model, request)], manner=GuidanceManner(rescale=rescale))[0],
            theirs(model, request, rescale),
            atol=1e-4,
            rtol=1e-4,
        )


def test_guidance_may_end_early_as_in_the_pipeline(model):
    """diffusers lets a callback change the scale on the way, and drop the rows that are needed no more."""
    request, names = asked(), ["prompt_embeds"]
    pipe = type(model.pipe)(**model.pipe.components)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = new_scheduler(model.pipe.scheduler, request.sampler)
    names += ["add_text_embeds", "add_time_ids"] if hasattr(pipe, "text_encoder_2") else []

    def after(pipe, step, timestep, tensors):
        if step == 2:  # the third of five: guided to 0.6
            pipe._guidance_scale = 1.0
            return {name: tensor.chunk(2)[1] for name, tensor in tensors.items()}
        return {}

    wanted = pipe(PROMPT, negative_prompt=NEGATIVE, num_inference_steps=5, guidance_scale=6.0, width=64, height=64,
                  generator=torch.Generator("cpu").manual_seed(5), output_type="latent", callback_on_step_end=after,
                  callback_on_step_end_tensor_inputs=names).images  # fmt: skip
    found = finish(model, [walker(model, request)], manner=GuidanceManner(interval=(0.0, 0.6)))[0]
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_outside_its_interval_nothing_is_guided(model):
    never = finish(model, [walker(model, asked())], manner=GuidanceManner(interval=(0.0, 0.0)))[0]
    assert torch.equal(never, finish(model, [walker(model, asked(guidance=1.0))])[0])
    late = finish(model, [walker(model, asked())], manner=GuidanceManner(interval=(0.2, 1.0)))[0]
    assert not torch.allclose(late, never, atol=1e-3)
    assert not torch.allclose(late, finish(model, [walker(model, asked())])[0], atol=1e-3)


def test_guidance_falls_where_the_manner_says_so_and_never_rises(model):
    falls = GuidanceManner(falling=(0.5, 3.0), interval=(0.0, 0.9))
    strong, weak = (walker(model, asked(guidance=scale)) for scale in (6.0, 2.0))
    assert [strong.guidance(evaluation, falls) for evaluation in range(strong.evaluations)] == [6, 6, 6, 3, 3]
    assert [weak.guidance(evaluation, falls) for evaluation in range(weak.evaluations)] == [2] * 5
    ended = GuidanceManner(falling=(0.5, 3.0), interval=(0.0, 0.7))
    assert [strong.guidance(evaluation, ended) for evaluation in range(strong.evaluations)] == [6, 6, 6, 3, 1]
    as_it_is, falling = (finish(model, [walker(model, asked())], manner=each)[0] for each in (GuidanceManner(), falls))
    assert not torch.allclose(falling, as_it_is, atol=1e-3)


def test_terms_joined_by_and_count_outside_the_interval_too(model):
    manner = GuidanceManner(interval=(0.2, 0.6))
    plain, halves, other = (
        finish(model, [walker(model, asked(prompt=prompt))], manner=manner)[0]
        for prompt in ("a cat", "a cat :0.5 AND a cat :0.5", "a cat :0.5 AND a dog :0.5")
    )
    torch.testing.assert_close(halves, plain, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(other, plain, atol=1e-3)


@pytest.mark.parametrize("method", [SharedAttention({1: (0,)}, seeds={0: 1}), StyleAligned({1: 0})])
def test_frames_see_no_negative_rows_of_earlier_steps(model, method):
    """An anchor that is guided no more has none, while a frame that begins with a picture still has."""
    state, late = ForwardState(steps=5, height=8, width=8), Start(latents=torch.zeros(1, 4, 8, 8), strength=0.6)
    lanes = [walker(model, asked(), 0)], [walker(model, asked(seed=2), 1, start=late)]
    asker = replace(denoiser(model, GuidanceManner(interval=(0.0, 0.6))), methods=(method,))
    steps, remembered = [], []
    for _ in denoise(asker, lanes[:1], lanes[1:], state):
        steps.append((state.step, state.phase))
        remembered.append(any(not conditional for _, _, conditional in method._bank))
    assert steps[-1] == (4, "frames")
    assert remembered[steps.index((2, "anchors"))]
    assert not any(seen for (step, _), seen in zip(steps, remembered, strict=True) if step > 2)


@pytest.mark.parametrize("sampler", ["euler-a", "heun", "dpm++2m", "unipc", "pndm"])
def test_lanes_of_a_batch_are_each_their_own(model, sampler):
    prompts = [PROMPT, "a cat", "a dog " * 50]
    requests = [asked(prompt=prompt, seed=seed, sampler=sampler) for seed, prompt in enumerate(prompts)]
    together = finish(model, [walker(model, request, number) for number, request in enumerate(requests)])
    for lane, request in enumerate(requests):
        torch.testing.assert_close(together[lane], finish(model, [walker(model, request)])[0], atol=1e-4, rtol=1e-4)


def test_terms_joined_by_and_add_their_directions(model):
    """A prompt twice at half its weight is the prompt; a term of weight 0 says nothing."""
    plain = finish(model, [walker(model, asked(prompt="a cat"))])[0]
    halves = finish(model, [walker(model, asked(prompt="a cat :0.5 AND a cat :0.5"))])[0]
    silent = finish(model, [walker(model, asked(prompt="a cat AND a dog :0"))])[0]
    torch.testing.assert_close(halves, plain, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(silent, plain, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(finish(model, [walker(model, asked(prompt="a cat AND a dog"))])[0], plain, atol=1e-2)


@pytest.mark.parametrize("sampler", ["ddim", "heun"])
def test_a_prompt_changes_at_its_step(model, sampler):
    """Until the change the latents are those of the first prompt; samplers of second order count whole steps."""
    seen = {}
    for prompt in ("a [cat:dog:3]", "a cat", "a dog"):
        one = walker(model, asked(prompt=prompt, sampler=sampler))
        advance, seen[prompt] = one.advance, []

        def remembered(prediction, evaluation, advance=advance, log=seen[prompt], one=one):
            log.append((one.schedule.step_of(evaluation), advance(prediction, evaluation)))
            return log[-1][1]

        one.advance = remembered
        finish(model, [one])
    for (step, latents), (_, cat) in zip(seen["a [cat:dog:3]"], seen["a cat"], strict=True):
        assert torch.equal(latents, cat) == (step < 3)
    assert not torch.equal(seen["a [cat:dog:3]"][-1][1], seen["a dog"][-1][1])


@pytest.mark.parametrize("sampler", ["ddim", "euler", "heun", "dpm++2m", "unipc", "pndm"])
def test_starting_from_a_picture_equals_the_image_pipeline(model, sampler):
    from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline

    kind = StableDiffusionImg2ImgPipeline if model.family.name == "sd1" else StableDiffusionXLImg2ImgPipeline
    request = asked(sampler=sampler)
    clean = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(9))
    pipe = kind(**model.pipe.components)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = new_scheduler(model.pipe.scheduler, sampler)
    expected = pipe(
        PROMPT,
        image=clean,
        strength=0.6,
        negative_prompt=NEGATIVE,
        num_inference_steps=5,
        guidance_scale=6.0,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        output_type="latent",
    ).images
    ours = finish(model, [walker(model, request, start=Start(latents=clean, strength=0.6))])[0]
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_outside_the_mask_the_picture_stays(model):
    clean = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(9))
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    for sampler in ("ddim", "euler", "dpm++2m"):
        start = Start(latents=clean, strength=0.8, mask=mask)
        latents = finish(model, [walker(model, asked(sampler=sampler), start=start)])[0]
        torch.testing.assert_close(latents[..., :4], clean[..., :4], atol=1e-5, rtol=0)
        assert not torch.allclose(latents[..., 4:], clean[..., 4:], atol=1e-2)


def test_lanes_that_start_late_join_at_their_noise_level(model):
    clean = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(9))
    late, whole = Start(latents=clean, strength=0.4), asked(seed=1)
    mixed = finish(model, [walker(model, whole, 0), walker(model, asked(), 1, start=late)])
    torch.testing.assert_close(mixed[0], finish(model, [walker(model, whole)])[0], atol=1e-4, rtol=1e-4)
    alone = finish(model, [walker(model, asked(), start=late)])[0]
    torch.testing.assert_close(mixed[1], alone, atol=1e-4, rtol=1e-4)


def test_the_model_is_left_as_it_was(model):
    before = {name: tensor.clone() for name, tensor in model.pipe.unet.state_dict().items()}
    scheduler = dict(model.pipe.scheduler.config)
    finish(model, [walker(model, asked())])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.pipe.unet.state_dict().items())
    assert dict(model.pipe.scheduler.config) == scheduler
    assert model.pipe.scheduler.num_inference_steps is None
