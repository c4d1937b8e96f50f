"""Pictures drawn in training are those that a board would show."""

import numpy as np
from diffusers.models.attention_processor import AttnProcessor

from storyboard.casting.training.loading import load_trainee
from storyboard.casting.training.sampling import Guidance, draw
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.model_files import READER, GuidanceManner
from storyboard.rendering.model_names import locate
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

PROMPT = "a man in a green vest in a park"
STEPS = 4
STARTER = locate("starter").root


def test_a_sample_is_the_frame_of_its_prompt_and_seed() -> None:
    scene = Scene(id="s1", number=1, prompt=PROMPT, caption=PROMPT, alt=PROMPT)
    plan = ScenePlan(story=Story(logline="A man"), title="A man", scenes=(scene,), planner="scripted")
    options = RenderOptions(model="starter", steps=STEPS, device="cpu", dtype="float32", consistency="off")
    renderer = DiffusionRenderer(options)
    (request,) = renderer.requests(plan, {})
    (frame,) = (each for each in renderer.render(plan, {}, ["s1"], None) if isinstance(each, Frame))
    trainee = load_trainee("starter", precision="float32", device="cpu")
    size = (request.width, request.height)
    manner = GuidanceManner(
        rescale=0.35,
        perturbed_from=1,
        interval=(0.1, 0.85),
        falling=(0.5, 3.0),
        towards_attributes=0.15,
        reader=STARTER / READER,
    )
    assert trainee.guidance == Guidance(scale=request.guidance, manner=manner)

    def distance(guidance: Guidance) -> float:
        (image,) = draw(trainee.model, [request.prompt], [request.seed], size, guidance=guidance, steps=STEPS)
        return float(np.abs(np.asarray(image, dtype=float) - np.asarray(frame.image, dtype=float)).mean())

    assert distance(trainee.guidance) == 0
    assert distance(Guidance(scale=request.guidance)) > 2


def test_samples_drawn_while_attention_is_written_out_are_the_same() -> None:
    trainee = load_trainee("starter", precision="float32", device="cpu")

    def picture() -> bytes:
        (image,) = draw(trainee.model, [PROMPT], [3], (128, 128), guidance=trainee.guidance, steps=2)
        return image.tobytes()

    before = picture()
    trainee.model.write_out_attention()
    written_out = dict(trainee.model.unet.attn_processors)
    assert {type(each) for each in written_out.values()} == {AttnProcessor}
    assert picture() == before
    assert dict(trainee.model.unet.attn_processors) == written_out
