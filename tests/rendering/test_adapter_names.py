"""Tags and words that name adapters, with real tiny files on a tiny model: what is drawn, hashed and refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from storyboard.casting.registry import LoadedCast
from storyboard.character import Adapter, Character, sha256_of
from storyboard.errors import BadInput, CharacterError, ChecksumMismatch, UnknownName
from storyboard.frame import Frame
from storyboard.render_options import AdapterUse, FrameRequest, RenderOptions
from storyboard.rendering.adapter_header import adapter_family, adapter_kind
from storyboard.rendering.adapter_names import adapter_files
from storyboard.rendering.diffusion.adapter_lora import LowRank
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_lora
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

WIDTH = 32
"""Of the tiny model's text."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapters").mkdir()
    return tmp_path / "adapters"


@pytest.fixture
def ours(tiny_models: dict[str, Path], folder: Path) -> DiffusionRenderer:
    return renderer(tiny_models["sd1"], folder)


def renderer(model: Path, folder: Path, **changes: object) -> DiffusionRenderer:
    options = RenderOptions(
        model=str(model), steps=2, device="cpu", dtype="float32", consistency="off", adapters=str(folder)
    )
    return DiffusionRenderer(dataclasses.replace(options, **changes))


def lora(path: Path, family: str = "sd1", seed: int = 0) -> Path:
    """A LoRA of one layer of the tiny U-Net and one of its text encoder."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        LowRank(
            key=key,
            down=torch.randn(2, WIDTH, generator=generator),
            up=torch.randn(WIDTH, 2, generator=generator),
            alpha=2.0,
        )
        for key in (
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
            "text_encoder.text_model.encoder.layers.0.self_attn.v_proj",
        )
    ]
    info = AdapterInfo(title=path.stem, family=family, trigger_phrase="", resolution=64, prediction="epsilon")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lora(path, layers, info)
    return path


def plan(*prompts: str, negative: str = "", cast: tuple[str, ...] = ()) -> ScenePlan:
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, negative=negative, caption="A hat.", cast=cast)
        for number, prompt in enumerate(prompts, 1)
    )
    return ScenePlan(story=Story(logline="A hat", seed=3), title="A hat", scenes=scenes, planner="scripted")


def drawn(renderer: DiffusionRenderer, plan: ScenePlan, cast: dict[str, Character] | None = None) -> list[bytes]:
    outcomes = renderer.render(plan, cast or {}, [scene.id for scene in plan.scenes], None)
    frames = {each.request.scene_id: each.image.tobytes() for each in outcomes if isinstance(each, Frame)}
    return [frames[scene.id] for scene in plan.scenes]


def asked(renderer: DiffusionRenderer, prompt: str, cast: dict[str, Character] | None = None) -> FrameRequest:
    return renderer.requests(plan(prompt), cast or {})[0]


def weights(renderer: DiffusionRenderer) -> dict[str, torch.Tensor]:
    models = [each for each in renderer.loaded.pipe.components.values() if isinstance(each, nn.Module)]
    return {
        f"{at}.{key}": value.clone() for at, model in enumerate(models) for key, value in model.state_dict().items()
    }


@pytest.mark.parametrize(
    ("tag", "text_encoder", "unet"),
    [
        ("<lora:ink>", 1.0, 1.0),
        ("<lora:ink:0.5>", 0.5, 0.5),
        ("<lyco:ink:0.5:-1>", 0.5, -1.0),
        ("<lora:ink:unet=0.7>", 1.0, 0.7),
        ("<lora:ink:te=0:unet=0.7>", 0.0, 0.7),
    ],
)
def test_a_tag_draws_what_its_adapter_draws_at_these_scales(
    ours: DiffusionRenderer, folder: Path, tag: str, text_encoder: float, unet: float
) -> None:
    path = lora(folder / "ink.safetensors")
    adapter = Adapter(family="sd1", kind="lora", path=path, sha256=sha256_of(path))
    use = AdapterUse(sha256=adapter.sha256, kind="lora", text_encoder=text_encoder, unet=unet)
    [plain] = drawn(ours, plan("a red hat"))
    with adapters_applied(ours.loaded.pipe, [(adapter, use)]):
        [expected] = drawn(ours, plan("a red hat"))
    [found] = drawn(ours, plan(f"a red hat{tag}"))
    assert found == expected != plain


def test_each_frame_has_its_own_and_the_model_is_left_as_it_was(tiny_models: dict[str, Path], folder: Path) -> None:
    ours = renderer(tiny_models["sd1"], folder, micro_batch=1)
    lora(folder / "ink.safetensors")
    lora(folder / "wash.safetensors", seed=1)
    before = weights(ours)
    plain = drawn(ours, plan("a red hat", "a blue hat", "a dog"))
    tagged = drawn(ours, plan("a red hat", "a blue hat <lora:ink:0.8><lora:wash:0.3>", "a dog <lora:ink:0.8>"))
    assert [one == other for one, other in zip(plain, tagged, strict=True)] == [True, False, False]
    after = weights(ours)
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_the_key_holds_content_and_scales_but_no_name(ours: DiffusionRenderer, folder: Path) -> None:
    path = lora(folder / "ink.safetensors")
    lora(folder / "comics" / "pen.safetensors", seed=0).write_bytes(path.read_bytes())
    lora(folder / "other.safetensors", seed=1)
    key = asked(ours, "a hat <lora:ink:0.8>").key
    same = ("a hat <lora:comics/pen:0.8>", "a hat <lora:pen:0.8>", "a hat <lora:ink:te=0.8>", "a hat <lyco:ink:0.8>")
    assert {asked(ours, each).key for each in same} == {key}
    others = ("a hat", "a hat <lora:ink:0.7>", "a hat <lora:ink:0.8:0.7>", "a hat <lora:other:0.8>")
    assert len({key, *(asked(ours, each).key for each in others)}) == 5


def test_a_replaced_file_is_another_picture(tiny_models: dict[str, Path], folder: Path) -> None:
    path = lora(folder / "ink.safetensors")
    old = asked(renderer(tiny_models["sd1"], folder), "a hat <lora:ink>").key
    lora(path, seed=5)
    assert asked(renderer(tiny_models["sd1"], folder), "a hat <lora:ink>").key != old


def test_characters_come_before_files_and_fit_the_family(ours: DiffusionRenderer, folder: Path) -> None:
    lora(folder / "ink.safetensors")
    path = lora(folder.parent / "trained.safetensors", seed=4)
    adapter = Adapter(family="sd1", kind="lora", path=path, sha256=sha256_of(path))
    character = Character(name="ink", token="inkxyz", noun="man", look="hat", adapters=(adapter,))
    assert asked(ours, "a hat <lora:ink:0.4>", {"ink": character}).adapters == (
        AdapterUse(sha256=adapter.sha256, kind="lora", token="inkxyz", text_encoder=0.4, unet=0.4),
    )
    elsewhere = dataclasses.replace(character, adapters=(dataclasses.replace(adapter, family="sdxl"),))
    [use] = asked(ours, "a hat <lora:ink:0.4>", {"ink": elsewhere}).adapters
    assert use.sha256 == sha256_of(folder / "ink.safetensors")


def test_what_cannot_be_drawn_is_refused_in_words(ours: DiffusionRenderer, folder: Path) -> None:
    lora(folder / "inkline.safetensors")
    lora(folder / "large.safetensors", family="sdxl")
    flynn = Character(name="flynn", token="fljsdhn", noun="man", look="hat")
    cast = LoadedCast({"flynn": flynn}, {"broken": CharacterError("its file is broken")})
    cases: dict[str, tuple[type[Exception], str, str]] = {
        "<lora:inklin:1>": (
            UnknownName,
            "no character, style or adapter file called 'inklin'",
            "Did you mean inkline?",
        ),
        "<lora:../../etc/passwd:1>": (UnknownName, "etc/passwd", "characters list"),
        "<lora::1>": (UnknownName, "called ''", "characters list"),
        "<lora:large:1>": (CharacterError, "made for sdxl models, and this one is sd1", "--model"),
        "<lora:flynn:1>": (CharacterError, "flynn has no adapter for sd1", "characters train flynn"),
        "<lora:broken:1>": (CharacterError, "its file is broken", "characters list"),
        "<hypernet:inkline:1>": (BadInput, "hypernetwork", "LoRA"),
    }
    for tag, (kind, message, hint) in cases.items():
        with pytest.raises(kind, match=message) as caught:
            asked(ours, f"a hat {tag}", cast)
        assert hint in caught.value.hint  # type: ignore[attr-defined]
    assert asked(ours, "a hat <http://x> <foo:1>").adapters == ()
    with pytest.raises(BadInput, match="not a folder"):
        adapter_files(str(folder / "nowhere"))


_WORDS = b'{"x": {"dtype": "F32", "shape": [[1]], "data_offsets": [0, 4]}}'
SHAPES = len(_WORDS).to_bytes(8, "little") + _WORDS + b"\0" * 4
"""A header whose shape holds a list."""


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", SHAPES])
def test_hostile_files_stop_only_who_names_them(ours: DiffusionRenderer, folder: Path, content: bytes) -> None:
    (folder / "hat.safetensors").write_bytes(content)
    lora(folder / "ink.safetensors")
    assert len(asked(ours, "a hat <lora:ink>").adapters) == 1
    with pytest.raises(CharacterError):
        asked(ours, "a hat <lora:hat>")


def test_embeddings_are_called_by_their_files_names(ours: DiffusionRenderer, folder: Path) -> None:
    save_file({"emb_params": torch.randn(2, WIDTH)}, folder / "Bad-Hands.safetensors")
    save_file({"clip_l": torch.randn(2, 768), "clip_g": torch.randn(2, 1280)}, folder / "large.safetensors")
    assert [use.token for use in asked(ours, "a hat, (bad-hands:1.2), large").adapters] == ["bad-hands"]
    assert asked(ours, "a hat, bad handsome").adapters == ()
    prompts = (plan("a hat, bad-hands"), plan("a hat", negative="bad-hands"), plan("a hat"))
    with_file = [drawn(ours, each) for each in prompts]
    (folder / "Bad-Hands.safetensors").unlink()
    without = DiffusionRenderer(ours.options)
    without.__dict__["loaded"] = ours.loaded
    plain = [drawn(without, each) for each in prompts]
    assert [one == other for one, other in zip(with_file, plain, strict=True)] == [False, False, True]


def test_hidden_pictures_are_drawn_with_the_adapters_of_their_frame(tiny_models: dict[str, Path], folder: Path) -> None:
    lora(folder / "ink.safetensors")
    cast = {"flynn": Character(name="flynn", token="fljsdhn", noun="man", look="hat")}
    story = plan("fljsdhn man, hat", "fljsdhn man, dog <lora:ink:0.8>", "fljsdhn man, park", cast=("flynn",))
    requests = renderer(tiny_models["sd1"], folder, consistency="anchor").requests(story, cast)
    anchors = [request.anchors for request in requests]
    assert anchors[0] == anchors[2] != anchors[1]


@pytest.mark.parametrize("layout", ["diffusers", "kohya"])
def test_headers_tell_kind_and_family(tmp_path: Path, layout: str) -> None:
    from storyboard.rendering.safetensors_header import read_header

    key = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
    for width, family in ((768, "sd1"), (2048, "sdxl"), (192, "starter")):
        header = read_header(_written(tmp_path, key, width, "", layout))
        assert (adapter_kind(header.shapes), adapter_family(header.shapes, {})) == ("lora", family)
        stated = read_header(_written(tmp_path, key, 5, family, layout))
        assert adapter_family(stated.shapes, stated.metadata) == family


def _written(folder: Path, key: str, width: int, family: str, layout: str) -> Path:
    layer = LowRank(key=key, down=torch.ones(1, width), up=torch.ones(4, 1), alpha=1.0)
    info = AdapterInfo(title="x", family=family, trigger_phrase="", resolution=64, prediction="epsilon")
    path = folder / f"{width}{family}.safetensors"
    write_lora(path, [layer], info, layout)
    return path


def test_another_alpha_beside_a_file_is_another_adapter(folder: Path) -> None:
    """PEFT keeps alpha in a file of its own; frames drawn with the one before are out of date."""
    path = folder / "ink.safetensors"
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    save_file({f"{name}.lora_A.weight": torch.ones(1, 2), f"{name}.lora_B.weight": torch.ones(2, 1)}, path)
    digests = [adapter_files(str(folder)).adapter("ink").sha256]
    for alpha in (1, 2):
        (folder / "adapter_config.json").write_text(f'{{"lora_alpha": {alpha}}}')
        adapter = adapter_files(str(folder)).adapter("ink")
        adapter.check_file()
        digests.append(adapter.sha256)
    assert len(set(digests)) == 3
    (folder / "adapter_config.json").write_text('{"lora_alpha": 3}')
    with pytest.raises(ChecksumMismatch):
        adapter.check_file()
