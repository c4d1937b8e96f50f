"""Frames that follow pictures: the numbers are diffusers' own, nothing else changes, and what cannot be is said."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from diffusers import StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from PIL import Image

from storyboard.casting.registry import load_cast
from storyboard.commands.main import storyboard
from storyboard.errors import BadInput, ModelError, StoryboardError, UnknownName
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.attention import ForwardState
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.control import ControlReader, PictureControl, control_tensor, load_control
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.picture_guidance import PictureGuidance, load_adapter
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.diffusion.schedulers import new_scheduler
from storyboard.rendering.guides import block_scales
from storyboard.rendering.stick_figure import FRAMING, POSES, WORDS, draw, pose_in
from storyboard.scene_plan import plan_to_json
from tests.rendering.test_consistency import CAST, frames, pixels, plan, renderer
from tests.rendering.test_lockstep import CPU, asked, model, walker  # noqa: F401
from tests.tiny.readers import tiny_adapter, tiny_control

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
CONTROLLED = {"sd1": StableDiffusionControlNetPipeline, "sdxl": StableDiffusionXLControlNetPipeline}


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "figure.png"
    draw("waving", "wide", 1, 64, 64).save(path)
    return path


@pytest.fixture(scope="module")
def control(model, tmp_path_factory):  # noqa: F811
    return tiny_control(tmp_path_factory.mktemp("control"), model.pipe.unet)


@pytest.fixture(scope="module")
def adapter(model, tmp_path_factory):  # noqa: F811
    return tiny_adapter(tmp_path_factory.mktemp("adapter"), model.pipe.unet)


def finish(model, methods, *walkers):  # noqa: F811
    denoiser = Denoiser(unet=model.pipe.unet, family=model.family, conditioner=Conditioner(model.pipe), methods=methods)
    list(denoise(denoiser, [], [list(walkers)], ForwardState(steps=5, height=8, width=8)))
    return [each.latents for each in walkers]


def theirs(pipe, request, **options):
    pipe.set_progress_bar_config(disable=True)
    return pipe(
        request.prompt, negative_prompt=request.negative, num_inference_steps=5, guidance_scale=request.guidance,
        width=64, height=64, generator=torch.Generator().manual_seed(request.seed), output_type="latent", **options,
    ).images  # fmt: skip


def parts_of(model, request):  # noqa: F811
    return {**model.pipe.components, "scheduler": new_scheduler(model.pipe.scheduler, request.sampler)}


def reader(network, lane, tensor, scale):
    return ControlReader(network=network, pictures={lane: tensor}, scales={lane: scale})


def followed(network, lane, tensor, scale):
    return PictureControl([reader(network, lane, tensor, scale)])


def test_control_equals_the_pipeline(model, control, picture):  # noqa: F811
    request = asked()
    network = load_control(control, model.pipe.unet, CPU)
    tensor = control_tensor(Image.open(picture), "pose", 64, 64)
    ours = finish(model, (followed(network, 0, tensor, 0.8),), walker(model, request))[0]
    pipe = CONTROLLED[model.family.name](**parts_of(model, request), controlnet=network)
    expected = theirs(pipe, request, image=Image.open(picture), controlnet_conditioning_scale=0.8)
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(ours, finish(model, (), walker(model, request))[0], atol=1e-3)


def test_pictures_of_two_kinds_equal_the_pipeline(model, control, picture, tmp_path):  # noqa: F811
    request = asked()
    other = load_control(tiny_control(tmp_path / "other", model.pipe.unet, seed=1), model.pipe.unet, CPU)
    network = load_control(control, model.pipe.unet, CPU)
    tensor = control_tensor(Image.open(picture), "pose", 64, 64)
    both = PictureControl([reader(network, 0, tensor, 0.8), reader(other, 0, tensor, 0.5)])
    ours = finish(model, (both,), walker(model, request))[0]
    pipe = CONTROLLED[model.family.name](**parts_of(model, request), controlnet=[network, other])
    pictures = [Image.open(picture), Image.open(picture)]
    expected = theirs(pipe, request, image=pictures, controlnet_conditioning_scale=[0.8, 0.5])
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    alone = finish(model, (followed(network, 0, tensor, 0.8),), walker(model, request))[0]
    assert not torch.allclose(ours, alone, atol=1e-3)


def test_control_reaches_only_its_own_lane(model, control, picture):  # noqa: F811
    network = load_control(control, model.pipe.unet, CPU)
    tensor = control_tensor(Image.open(picture), "pose", 64, 64)
    lanes = [walker(model, asked(seed=seed), number=seed) for seed in (1, 2)]
    free = finish(model, (), *[walker(model, asked(seed=seed), number=seed) for seed in (1, 2)])
    steered = finish(model, (followed(network, 1, tensor, 1.0),), *lanes)
    assert torch.equal(free[1], steered[1]) and not torch.allclose(free[0], steered[0], atol=1e-3)
    off = finish(model, (followed(network, 1, tensor, 0.0),), walker(model, asked(seed=1), number=1))
    assert torch.equal(off[0], finish(model, (), walker(model, asked(seed=1), number=1))[0])


def test_likeness_equals_the_pipeline_and_leaves_the_unet(model, adapter, picture):  # noqa: F811
    request, unet = asked(), model.pipe.unet
    weights, processors = copy.deepcopy(unet.state_dict()), dict(unet.attn_processors)
    reader = load_adapter(adapter, adapter.parent / "image_encoder", model.pipe, CPU)
    method = PictureGuidance(reader, {0: reader.tokens(Image.open(picture))}, {"": 0.7})
    ours = finish(model, (method,), walker(model, request))[0]
    after = unet.state_dict()
    assert after.keys() == weights.keys() and all(torch.equal(after[name], weights[name]) for name in weights)
    assert all(unet.attn_processors[name] is each for name, each in processors.items())
    assert unet.encoder_hid_proj is None
    pipe = type(model.pipe)(**{**parts_of(model, request), "unet": copy.deepcopy(unet)})
    pipe.register_modules(image_encoder=reader.encoder, feature_extractor=reader.prepare)
    pipe.load_ip_adapter(str(adapter.parent), subfolder="", weight_name=adapter.name, image_encoder_folder=None)
    pipe.set_ip_adapter_scale(0.7)
    expected = theirs(pipe, request, ip_adapter_image=Image.open(picture).convert("RGB"))
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(ours, finish(model, (), walker(model, request))[0], atol=1e-3)


def test_likeness_by_parts_of_the_unet(model, adapter, picture):  # noqa: F811
    reader = load_adapter(adapter, adapter.parent / "image_encoder", model.pipe, CPU)
    tokens = {0: reader.tokens(Image.open(picture))}

    def drawn(scales):
        return finish(model, (PictureGuidance(reader, tokens, scales),), walker(model, asked()))[0]

    assert torch.equal(drawn({"up_blocks.0": 0.0}), finish(model, (), walker(model, asked()))[0])
    assert not torch.equal(drawn(block_scales("up.0=1")), drawn(block_scales("down.0=1")))
    everywhere = drawn(block_scales("down=0.5,mid=0.5,up=0.5"))
    assert torch.equal(everywhere, drawn({"": 0.5}))


def test_tokens_of_a_plus_adapter_come_from_the_hidden_states(model, adapter, picture):  # noqa: F811
    plain = load_adapter(adapter, adapter.parent / "image_encoder", model.pipe, CPU)
    projection = IPAdapterPlusImageProjection(
        embed_dims=16, output_dims=32, hidden_dims=16, depth=1, dim_head=8, heads=2, num_queries=6
    )
    shown, hidden = dataclasses.replace(plain, projection=projection).tokens(Image.open(picture))
    assert shown.shape == hidden.shape == (6, 32) and not torch.allclose(shown, hidden)


# -- through the renderer ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tiny_models, tmp_path_factory):
    """Weights for the tiny SD1 model."""
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(tiny_models["sd1"] / "unet")
    folder = tmp_path_factory.mktemp("weights")
    return tiny_control(folder / "control", unet), tiny_adapter(folder / "ip", unet)


def steered(tiny_models, **options) -> DiffusionRenderer:
    return renderer(tiny_models["sd1"], **{"consistency": "anchor+mask", **options})


def test_a_picture_for_one_frame_changes_that_frame(tiny_models, folders, picture):
    free = pixels(frames(steered(tiny_models), plan()))
    ours = steered(tiny_models, control_model=(str(folders[0]),), pose=(f"2={picture}",))
    keys = [request.key for request in ours.requests(plan(), CAST)]
    others = [request.key for request in steered(tiny_models).requests(plan(), CAST)]
    assert [key == other for key, other in zip(keys, others, strict=True)] == [True, False, True]
    drawn = pixels(frames(ours, plan()))
    assert [free[scene] == drawn[scene] for scene in free] == [True, False, True]


def test_every_frame_follows_pictures_of_its_own_kinds(tiny_models, folders, picture, tmp_path):
    from diffusers import UNet2DConditionModel

    other = tiny_control(tmp_path / "depth", UNet2DConditionModel.from_pretrained(tiny_models["sd1"] / "unet"), seed=1)
    models = (f"pose={folders[0]}", f"depth={other}")
    kinds = {"pose": (f"1={picture}", f"2={picture}"), "depth": (f"2={picture}", f"3={picture}")}
    ours = steered(tiny_models, control_model=models, **kinds)
    requests = ours.requests(plan(), CAST)
    assert [[guide.kind for guide in each.guides] for each in requests] == [["pose"], ["pose", "depth"], ["depth"]]
    assert len({guide.model_sha256 for each in requests for guide in each.guides}) == 2
    posed = steered(tiny_models, control_model=(str(folders[0]),), pose=kinds["pose"])
    both, one = pixels(frames(ours, plan())), pixels(frames(posed, plan()))
    assert [both[scene] == one[scene] for scene in both] == [True, False, False]


def test_a_controlnet_without_a_kind_reads_what_is_left(tiny_models, folders, picture):
    options = {"pose": (str(picture),), "depth": (str(picture),)}
    named = steered(tiny_models, control_model=(f"pose={folders[0]}", f"depth={folders[0]}"), **options)
    left = steered(tiny_models, control_model=(f"depth={folders[0]}", str(folders[0])), **options)
    assert named.requests(plan(), CAST) == left.requests(plan(), CAST)


def test_stick_figures_follow_the_prompts_words(tiny_models, folders):
    scenes = (("fljsdhn man sitting on a bench", ("flynn",)), ("fljsdhn man in the park", ("flynn",)))
    ours = steered(tiny_models, control_model=(str(folders[0]),), pose=("words",))
    guides = [request.guides for request in ours.requests(plan(*scenes), CAST)]
    assert [len(each) for each in guides] == [1, 0] and guides[0][0].kind == "pose"
    free = pixels(frames(steered(tiny_models), plan(*scenes)))
    drawn = pixels(frames(ours, plan(*scenes)))
    assert [free[scene] == drawn[scene] for scene in free] == [False, True]


def test_a_character_looks_like_a_picture_and_so_does_the_hidden_one(tiny_models, folders, picture):
    ours = steered(tiny_models, ip_adapter=str(folders[1]), like=(f"mia={picture}",))
    free, drawn = frames(steered(tiny_models), plan()), frames(ours, plan())
    same = {scene: free[scene].image.tobytes() == drawn[scene].image.tobytes() for scene in free}
    assert same == {"s1": True, "s2": True, "s3": False, "anchor:flynn": True, "anchor:mia": False}


def test_settings_and_weights_are_part_of_the_key(tiny_models, folders, picture, tmp_path):
    def key(**options):
        return steered(tiny_models, **options).requests(plan(), CAST)[0].key

    control = {"control_model": (str(folders[0]),), "pose": (str(picture),)}
    like = {"ip_adapter": str(folders[1]), "like": (str(picture),)}
    other = tmp_path / "other"
    shutil.copytree(folders[0], other)
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(json.dumps({**config, "note": 1}), encoding="utf-8")
    keys = {
        key(), key(**control), key(**control, control_scale=0.5), key(**{**control, "control_model": (str(other),)}),
        key(**like), key(**like, like_scale="0.5"), key(**control, **like),
    }  # fmt: skip
    assert len(keys) == 7


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"pose": ("words",)}, BadInput, "--control-model"),
        ({"control_model": ("x",)}, BadInput, "--pose"),
        ({"control_model": ("depth=x", "pose=y"), "pose": ("a",)}, BadInput, "--depth"),
        ({"control_model": ("x", "y"), "pose": ("a",)}, BadInput, "same pictures"),
        ({"control_model": ("x", "pose=y"), "pose": ("a",)}, BadInput, "More ControlNets"),
        ({"like": ("p.png",)}, BadInput, "--ip-adapter"),
        ({"pose": ("a",), "sketch": ("b",), "control_model": ("x",)}, BadInput, "pose=FOLDER"),
        ({"like_scale": "up.x=1"}, BadInput, "like-scale"),
        ({"like_scale": "3"}, BadInput, "like-scale"),
        ({"pose": ("words",), "control_model": ("/nowhere",)}, ModelError, "missing"),
    ],
)
def test_what_does_not_go_together_is_said(tiny_models, options, error, says):
    with pytest.raises(error, match=says) as caught:
        steered(tiny_models, **options).requests(plan(), CAST)
    assert caught.value.hint


def test_the_bundled_model_has_no_such_weights(folders):
    ours = DiffusionRenderer(RenderOptions(control_model=(str(folders[0]),), pose=("words",)))
    with pytest.raises(BadInput, match="bundled") as caught:
        ours.requests(plan(), load_cast() | CAST)
    assert "--model" in caught.value.hint


def test_frames_and_characters_that_are_not_there(tiny_models, folders, picture):
    with pytest.raises(BadInput, match="no frame 9"):
        steered(tiny_models, control_model=(str(folders[0]),), depth=(f"9={picture}",)).requests(plan(), CAST)
    with pytest.raises(UnknownName, match="zoe"):
        steered(tiny_models, ip_adapter=str(folders[1]), like=(f"zoe={picture}",)).requests(plan(), CAST)


def test_hostile_or_foreign_weights_are_refused(tiny_models, folders, picture, tmp_path):
    pickled = tmp_path / "pickled"
    shutil.copytree(folders[0], pickled)
    (pickled / "diffusion_pytorch_model.safetensors").rename(pickled / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        steered(tiny_models, control_model=(str(pickled),), pose=("words",)).requests(plan(), CAST)
    for path in (folders[1].with_suffix(".bin"), tiny_models["sd1"] / "unet" / "diffusion_pytorch_model.safetensors"):
        with pytest.raises(ModelError, match="IP-Adapter"):
            steered(tiny_models, ip_adapter=str(path), like=(str(picture),)).requests(plan(), CAST)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    ours = steered(tiny_models, ip_adapter=str(folders[1]), like=(str(broken),))
    with pytest.raises(BadInput, match="picture"):
        list(ours.render(plan(), CAST, ["s1"], None))


def test_weights_of_another_family_are_refused(tiny_models, folders, picture):
    for options in (
        {"control_model": (str(folders[0]),), "pose": (str(picture),)},
        {"ip_adapter": str(folders[1]), "like": (str(picture),)},
    ):
        ours = renderer(tiny_models["sdxl"], **options)
        with pytest.raises(StoryboardError, match=r"made for another kind|cannot be loaded for this model"):
            list(ours.render(plan(), CAST, ["s1"], None))


def test_half_precision_follows_pictures_too(tiny_models, folders, picture):
    control, adapter = folders
    options = {
        "control_model": (str(control),),
        "pose": (str(picture),),
        "ip_adapter": str(adapter),
        "like": (str(picture),),
    }
    free = pixels(frames(steered(tiny_models, dtype="bfloat16"), plan()))
    drawn = pixels(frames(steered(tiny_models, dtype="bfloat16", **options), plan()))
    assert all(free[scene] != drawn[scene] for scene in free)


def test_a_board_remembers_its_pictures(tiny_models, folders, picture, tmp_path):
    (tmp_path / "plan.json").write_text(
        json.dumps(plan_to_json(plan(("a man sitting on a bench", ())))), encoding="utf-8"
    )

    def run(*arguments):
        result = CliRunner().invoke(storyboard, [str(each) for each in (*arguments, "--json", "--to", "html")])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    run("render", tmp_path / "plan.json", "-o", tmp_path / "b", "--model", tiny_models["sd1"], "--steps", 2, "--device",
        "cpu", "--dtype", "float32", "--control-model", folders[0], "--pose", "words", "--ip-adapter", folders[1],
        "--like", picture, "--like-scale", "up.0=1,mid=0.5")  # fmt: skip
    assert run("render", tmp_path / "b")["drawn"] == 0
    assert run("render", tmp_path / "b", "--like-scale", "0.3")["drawn"] == 1
    assert run("render", tmp_path / "b")["drawn"] == 0


# -- stick figures -------------------------------------------------------------------------------------------------


def test_every_pose_has_words_and_fits_a_wide_frame():
    assert WORDS.keys() == POSES.keys()
    for pose in POSES:
        picture = draw(pose, "extreme-wide", 1, 256, 256)
        box = picture.getbbox()
        assert box is not None and 0 < box[0] and 0 < box[1] and box[2] < 256 and box[3] < 256
    pictures = {draw(pose, "wide", 1, 128, 128).tobytes() for pose in POSES}
    assert len(pictures) == len(POSES)


def test_closer_shots_make_larger_figures():
    heads = [draw("standing", size, 1, 256, 256).getbbox() for size in FRAMING]
    widths = [box[2] - box[0] for box in heads]
    assert widths == sorted(widths)


@pytest.mark.parametrize(
    ("prompt", "pose"),
    [("a man (sitting down:1.1) in a park", "sitting"), ("she waves, standing", "waving"), ("a quiet park", ""),
     ("strolling by the river", "walking"), ("a sunken ship", "")],
)  # fmt: skip
def test_poses_are_read_from_words(prompt, pose):
    assert pose_in(prompt) == pose


def test_sketches_become_light_lines_on_black():
    page = Image.new("RGB", (64, 64), "white")
    assert float(control_tensor(page, "sketch", 64, 64).mean()) == 0
    assert float(control_tensor(page, "depth", 64, 64).mean()) == 1
    assert control_tensor(Image.new("RGB", (100, 50)), "pose", 64, 32).shape == (3, 32, 64)
