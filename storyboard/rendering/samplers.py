"""Samplers by the names people know, each a diffusers scheduler class and what its configuration changes.

Papers: DDPM 2006.11239, DDIM 2010.02502, PNDM 2202.09778, the noise levels of Karras et al. and Heun 2206.00364,
DPM-Solver++ 2211.01095, UniPC 2302.04867, DEIS 2204.13902, LCM 2310.04378, TCD 2402.19159. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storyboard.errors import UnknownName

OWN = "own"
"""The scheduler that came with the model, when no name below describes it."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A diffusers scheduler class by name, and the settings that differ from the model's own configuration."""

    class_name: str
    changes: Mapping[str, object] = field(default_factory=dict)


def _dpm_multistep(algorithm: str, karras: bool) -> Sampler:
    return Sampler(
        class_name="DPMSolverMultistepScheduler",
        changes={"algorithm_type": algorithm, "solver_order": 2, "use_karras_sigmas": karras},
    )


SAMPLERS: Mapping[str, Sampler] = {
    "ddim": Sampler(class_name="DDIMScheduler"),
    "ddpm": Sampler(class_name="DDPMScheduler"),
    "pndm": Sampler(class_name="PNDMScheduler", changes={"skip_prk_steps": True}),
    "euler": Sampler(class_name="EulerDiscreteScheduler", changes={"use_karras_sigmas": False}),
    "euler-karras": Sampler(class_name="EulerDiscreteScheduler", changes={"use_karras_sigmas": True}),
    "euler-a": Sampler(class_name="EulerAncestralDiscreteScheduler"),
    "heun": Sampler(class_name="HeunDiscreteScheduler", changes={"use_karras_sigmas": False}),
    "heun-karras": Sampler(class_name="HeunDiscreteScheduler", changes={"use_karras_sigmas": True}),
    "dpm2": Sampler(class_name="KDPM2DiscreteScheduler"),
    "dpm2-a": Sampler(class_name="KDPM2AncestralDiscreteScheduler"),
    "dpm++2m": _dpm_multistep("dpmsolver++", False),
    "dpm++2m-karras": _dpm_multistep("dpmsolver++", True),
    "dpm++2m-sde": _dpm_multistep("sde-dpmsolver++", False),
    "dpm++2m-sde-karras": _dpm_multistep("sde-dpmsolver++", True),
    "dpm++2s": Sampler(class_name="DPMSolverSinglestepScheduler", changes={"algorithm_type": "dpmsolver++"}),
    "dpm++sde": Sampler(class_name="DPMSolverSinglestepScheduler", changes={"algorithm_type": "sde-dpmsolver++"}),
    "deis": Sampler(class_name="DEISMultistepScheduler"),
    "unipc": Sampler(class_name="UniPCMultistepScheduler"),
    "lms": Sampler(class_name="LMSDiscreteScheduler"),
    "lcm": Sampler(class_name="LCMScheduler"),
    "tcd": Sampler(class_name="TCDScheduler"),
}


_UNSET: Mapping[str, object] = {
    "algorithm_type": "dpmsolver++",
    "skip_prk_steps": False,
    "solver_order": 2,
    "use_karras_sigmas": False,
}
"""What diffusers takes for a setting that a configuration does not mention."""


def check_sampler(name: str) -> str:
    """`name` when it is known. Raises UnknownName with the nearest ones."""
    if name != OWN and name not in SAMPLERS:
        raise UnknownName.among("sampler", name, SAMPLERS)
    return name


def sampler_of(config: Mapping[str, object]) -> str:
    """The name that stands for a model's own scheduler_config.json, or `own` when none describes it exactly."""
    settings = {**_UNSET, **config}
    for name, sampler in SAMPLERS.items():
        same_class = settings.get("_class_name") == sampler.class_name
        if same_class and all(settings.get(key) == value for key, value in sampler.changes.items()):
            return name
    return OWN
