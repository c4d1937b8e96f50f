"""What is asked of the renderer for each scene, without torch: a board that is up to date is known to be in a blink."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from storyboard.errors import BadInput, UnknownName
from storyboard.protocols import Cast
from storyboard.render_options import (
    RENDER_EPOCH,
    SHARED_EPOCH,
    AdapterUse,
    FrameRequest,
    RenderOptions,
    content_key,
)
from storyboard.rendering.adapter_names import TEXTUAL_INVERSION, AdapterFiles
from storyboard.rendering.anchors import (
    Anchor,
    AnchorRequest,
    SceneRequest,
    anchors_of,
    described_cast,
    resolve_consistency,
)
from storyboard.rendering.guides import Guides, check_guides
from storyboard.rendering.known_words import heard_negative
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import ModelFiles
from storyboard.rendering.resolve_prompt import look_of_lead, resolve
from storyboard.rendering.samplers import check_sampler
from storyboard.rendering.seeds import anchor_seed, frame_seed
from storyboard.rendering.side_by_side import DESCRIBED_APART, told_apart
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import LARGEST_SEED

EMPHASES = ("original", "no-norm", "compel")
SIDE_UNIT = 8
SMALLEST_SIDE, LARGEST_SIDE = 64, 4096
MOST_PIXELS = 4_194_304


def check_options(options: RenderOptions) -> None:
    """Every option lies in its range.

    Raises:
        BadInput: the first that does not; UnknownName for names.
    """
    resolve_consistency(options.consistency, family="")
    check_guides(options)
    if options.emphasis not in EMPHASES:
        raise UnknownName.among("emphasis", options.emphasis, EMPHASES)
    if options.sampler is not None:
        check_sampler(options.sampler)
    ranges: tuple[tuple[str, float | None, float, float], ...] = (
        ("steps", options.steps, 1, 150),
        ("guidance", options.guidance, 0, 50),
        ("width", options.width, SMALLEST_SIDE, LARGEST_SIDE),
        ("height", options.height, SMALLEST_SIDE, LARGEST_SIDE),
        ("consistency-strength", options.consistency_strength, 0, 2),
        ("lora-scale", options.lora_scale, 0, 4),
        ("clip-skip", options.clip_skip, 1, 12),
        ("repair", options.repair, 0, 5),
        ("detail", options.detail, 0, 1),
        ("control-scale", options.control_scale, 0, 2),
    )
    for name, value, least, most in ranges:
        if value is not None and not least <= value <= most:
            raise BadInput(f"--{name} lies between {least} and {most}, not at {value}.", hint=f"Try --{name} {least}.")
    for name, side in (("width", options.width), ("height", options.height)):
        if side is not None and side % SIDE_UNIT:
            nearest = round(side / SIDE_UNIT) * SIDE_UNIT
            raise BadInput(f"--{name} must be a multiple of {SIDE_UNIT}, not {side}.", hint=f"Use --{name} {nearest}.")


def frame_requests(
    plan: ScenePlan, cast: Cast, options: RenderOptions, model: ModelFiles, machine: Machine, files: AdapterFiles
) -> tuple[FrameRequest, ...]:
    """One request for each scene of the plan, in its order.

    Raises:
        BadInput: an option is out of range.
        UnknownName: a character, sampler or other name that does not exist.
        CharacterError: a character's folder is wrong.
    """
    return tuple(each.request for each in scene_requests(plan, cast, options, model, machine, files))


def scene_requests(
    plan: ScenePlan, cast: Cast, options: RenderOptions, model: ModelFiles, machine: Machine, files: AdapterFiles
) -> tuple[SceneRequest, ...]:
    """Each scene's request with what it agrees with others about; raises as `frame_requests`."""
    check_options(options)
    size = frame_size(options, plan.story.aspect, model)
    ask = partial(_request, cast=cast, files=files, options=options, model=model, machine=machine, size=size)
    guides = Guides(options, model)
    guides.check(plan)
    kept = options.consistency_strength > 0 and len(plan.scenes) > 1
    consistency = resolve_consistency(options.consistency, model.adapter_family) if kept else "off"
    anchors = anchors_of(plan, cast, consistency)
    identities = {scene.id: _identity(scene, cast, consistency, model) for scene in plan.scenes}
    told = {
        identity: [scene.prompt for scene in plan.scenes if identities[scene.id] == identity]
        for identity in identities.values()
    }
    found = []
    for scene in plan.scenes:
        seed = frame_seed(plan.story.seed, scene.id) if scene.seed is None else scene.seed
        request = ask(scene_id=scene.id, prompt=scene.prompt, negative=scene.negative, names=scene.cast, seed=seed)
        steered = guides.of_scene(scene)
        detail = 0.0 if request.is_shared else options.detail
        request = replace(request, guides=tuple(guide.asked for guide in steered), detail=detail)
        uses = tuple(_anchor_request(anchor, scene, request, plan, ask, guides) for anchor in anchors[scene.id])
        keys = tuple(use.request.key for use in uses)
        identity = identities[scene.id]
        if identity:
            keys = (content_key("story-prompt/v1", [identity, told[identity]]),)
            request = replace(request, people=(), described_apart=False, epoch=RENDER_EPOCH)  # frames share one text
        if keys:
            strength = options.consistency_strength
            request = replace(request, consistency=consistency, consistency_strength=strength, anchors=keys)
        found.append(SceneRequest(request=request, anchors=uses, identity=identity, guides=steered))
    return tuple(found)


def _identity(scene: Scene, cast: Cast, consistency: str, model: ModelFiles) -> str:
    """Who appears, in the model's words, where consistency by prompt needs it."""
    if consistency != "prompt":
        return ""
    return resolve(described_cast(scene, cast), scene.cast, cast, model.adapter_family).prompt


def _anchor_request(
    anchor: Anchor, scene: Scene, frame: FrameRequest, plan: ScenePlan, ask: Callable[..., FrameRequest], guides: Guides
) -> AnchorRequest:
    """Drawn with the frame's adapters, whoever it shows itself, so that both can be denoised together; somebody looks
    like the pictures of them here as well."""
    seed = anchor_seed(plan.story.seed, anchor.name)
    request = ask(scene_id=anchor.scene_id, prompt=anchor.prompt, negative="", names=scene.cast, seed=seed)
    steered = () if anchor.is_place else guides.of_people([anchor.name])
    asked = tuple(guide.asked for guide in steered)
    return AnchorRequest(anchor=anchor, request=replace(request, adapters=frame.adapters, guides=asked), guides=steered)


def _request(
    *,
    scene_id: str,
    prompt: str,
    negative: str,
    names: tuple[str, ...],
    seed: int,
    cast: Cast,
    files: AdapterFiles,
    options: RenderOptions,
    model: ModelFiles,
    machine: Machine,
    size: tuple[int, int],
) -> FrameRequest:
    family, described = model.adapter_family, model.adapter_family in DESCRIBED_APART
    resolved = resolve(
        prompt, names, cast, family, options.lora_scale, described_apart=described, files=files, negative=negative
    )
    shared = len(told_apart(resolved.prompt, resolved.people, described)) > 1
    return FrameRequest(
        scene_id=scene_id,
        prompt=resolved.prompt,
        negative=_negative(negative, resolved.adapters, model),
        seed=seed % (LARGEST_SEED + 1),
        steps=options.steps or model.steps,
        guidance=float(model.guidance if options.guidance is None else options.guidance),
        sampler=options.sampler or model.sampler,
        width=size[0],
        height=size[1],
        dtype=machine.dtype,
        model=model.name,
        model_sha256=model.sha256,
        emphasis=options.emphasis,
        clip_skip=options.clip_skip,
        adapters=resolved.adapters,
        look=look_of_lead(resolved.prompt, names, cast) if model.manner.towards_attributes else "",
        people=resolved.people if shared else (),
        described_apart=shared and described,
        epoch=SHARED_EPOCH if shared else RENDER_EPOCH,
    )


def _negative(text: str, adapters: Sequence[AdapterUse], model: ModelFiles) -> str:
    """What the model is given of a negative prompt."""
    tokens = [use.token for use in adapters if use.kind == TEXTUAL_INVERSION]
    return heard_negative(text, model.adapter_family, model.configs, tokens)


def frame_size(options: RenderOptions, aspect: Sequence[int] | None, model: ModelFiles) -> tuple[int, int]:
    """Width and height: as asked, or of the story's shape with about as many pixels as the model was trained on.

    Raises:
        BadInput: more than 4 megapixels.
    """
    width, height = model.width, model.height
    if aspect is not None:
        stretch = min(2.0, max(0.5, math.sqrt(aspect[0] / aspect[1] * height / width)))
        width, height = (_rounded(side, model.side_unit) for side in (width * stretch, height / stretch))
    width, height = options.width or width, options.height or height
    if width * height > MOST_PIXELS:
        raise BadInput(f"A frame of {width} x {height} pixels is too large.", hint="Use --width 1024 --height 1024.")
    return width, height


def _rounded(side: float, unit: int) -> int:
    return max(unit, round(side / unit) * unit)
