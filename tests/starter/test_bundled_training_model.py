"""The bundled model folder: complete, small, and plain diffusers draws with it as it is."""

import json

import torch
from diffusers import StableDiffusionPipeline

from storyboard.starter.commands_training import MODEL
from storyboard.starter.model_folder import folder_bytes, read_settings, sampling_settings
from storyboard.starter.recipe import CPU
from storyboard.starter.sampling import sample


def test_it_is_within_the_size_budget() -> None:
    sizes = folder_bytes(MODEL)
    assert max(sizes.values()) <= 15_000_000
    assert sum(sizes.values()) <= 32_000_000
    assert all(name.endswith((".json", ".txt", ".md", ".safetensors", ".png")) for name in sizes)


def test_plain_diffusers_draws_the_same_picture_twice() -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(MODEL, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.safety_checker is None

    def draw(prompt: str) -> bytes:
        generator = torch.Generator().manual_seed(5)
        picture = pipeline(prompt, num_inference_steps=3, guidance_scale=4.0, generator=generator).images[0]
        assert picture.size == (128, 128)
        return picture.tobytes()

    assert draw("a man in a red shirt") == draw("a man in a red shirt")
    assert draw("a man in a red shirt") != draw("a woman in a blue dress")


def test_its_settings_say_how_to_sample() -> None:
    settings = read_settings(MODEL)
    assert settings["family"] == "sd1" and settings["size"] == [128, 128]
    assert settings["steps"] > 0 and settings["guidance"] > 1
    scheduler = json.loads((MODEL / "scheduler" / "scheduler_config.json").read_text())
    assert scheduler["prediction_type"] == "v_prediction" and scheduler["rescale_betas_zero_snr"]


def test_its_settings_are_those_that_training_writes() -> None:
    assert read_settings(MODEL) == json.loads(json.dumps(sampling_settings(CPU)))


def test_colour_words_colour_the_picture() -> None:
    red, blue = sample(
        MODEL, ["a man in a red coat, medium shot", "a man in a blue coat, medium shot"], seed=3, steps=8, guidance=4.0
    )
    means = [torch.tensor(picture.resize((1, 1)).getpixel((0, 0)), dtype=torch.float32) for picture in (red, blue)]
    assert float(means[0][0] - means[0][2]) > float(means[1][0] - means[1][2])
