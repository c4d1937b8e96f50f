"""Pictures of single prompts are drawn as frames are, on both families."""

from __future__ import annotations

import numpy as np
import pytest

from storyboard.rendering.diffusion.pipes import load
from storyboard.rendering.diffusion.samples import TOGETHER, _look, draw_prompts
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import USUAL_MANNER, GuidanceManner, find_model

SIZE = (64, 32)
PROMPT = "a man in a park"


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def pipe(request, tiny_models, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORYBOARD_HOME", str(tmp_path_factory.mktemp("home")))
        return load(find_model(str(tiny_models[request.param])), Machine(device="cpu", dtype="float32")).pipe


def pictures(pipe, prompts, seeds, manner=USUAL_MANNER) -> list[np.ndarray]:
    drawn = draw_prompts(pipe, prompts, seeds, SIZE, steps=2, guidance=5.0, manner=manner)
    return [np.asarray(each, dtype=int) for each in drawn]


def test_each_picture_is_that_of_its_prompt_and_seed(pipe):
    count = TOGETHER + 1
    together = pictures(pipe, [PROMPT] * count, range(count))
    assert all(each.shape == (SIZE[1], SIZE[0], 3) for each in together)
    for seed in (0, count - 1):
        (alone,) = pictures(pipe, [PROMPT], [seed])
        assert abs(alone - together[seed]).max() <= 1
    assert not np.array_equal(together[0], together[1])


def test_what_they_depend_on(pipe):
    (plain,) = pictures(pipe, [PROMPT], [3])
    assert np.array_equal(plain, pictures(pipe, [PROMPT], [3])[0])
    for prompt, manner in (
        ("a (man:1.6) in a park", USUAL_MANNER),
        (PROMPT, GuidanceManner(parallel=0.0)),
        (PROMPT, GuidanceManner(perturbed_from=0)),
    ):
        assert not np.array_equal(plain, pictures(pipe, [prompt], [3], manner)[0])


def test_a_look_belongs_to_the_prompts_that_say_its_token():
    looks = {"fljsdhn": "spiky brown hair", "mrxq": "a red coat"}
    assert _look("fljsdhn man in a park", looks) == "spiky brown hair"
    assert _look("fljsdhn man and mrxq woman", looks) == "spiky brown hair, a red coat"
    assert _look("a man in a park", looks) == ""


def test_no_prompts_are_no_pictures(pipe):
    assert pictures(pipe, [], []) == []
