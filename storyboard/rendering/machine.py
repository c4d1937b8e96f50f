"""What this machine draws with: device and number format, found without importing torch.

The number format is part of a frame's request, and requests must be made in a blink, so the questions are put to the
driver and the processor themselves.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from storyboard.errors import BadInput

DTYPES = ("float32", "float16", "bfloat16")
DEVICE = re.compile(r"cpu|mps|cuda(?::\d{1,2})?")
BIG_CARDS = ((8, 0), (9, 0), (10, 0), (10, 3))
"""Compute capabilities of data-centre cards, whose bfloat16 is as fast as float16 and safer."""
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76
"""CUdevice_attribute numbers of the CUDA driver API."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A device and the number format its UNet computes in.

    Attributes:
        device: as torch names it: "cpu", "cuda", "cuda:1", "mps".
        dtype: one of `DTYPES`.
    """

    device: str
    dtype: str


def choose_machine(device: str | None = None, dtype: str | None = None) -> Machine:
    """The asked device and number format, or the best of this machine where None is given.

    Raises:
        BadInput: a device or format that nobody has heard of.
    """
    if dtype is not None and dtype not in DTYPES:
        raise BadInput(f"{dtype!r} is not a number format.", hint=f"Use --dtype {' or '.join(DTYPES)}.")
    if device is not None and not DEVICE.fullmatch(device):
        raise BadInput(f"{device!r} is not a device.", hint="Use --device cpu, cuda, cuda:1 or mps.")
    chosen = device or _best_device()
    return Machine(device=chosen, dtype=dtype or _best_dtype(chosen))


def _best_device() -> str:
    if _torch_has("cuda") and cuda_capability(0) is not None:
        return "cuda"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps"
    return "cpu"


def _best_dtype(device: str) -> str:
    if device == "mps":
        return "float16"
    if device == "cpu":
        return "bfloat16" if has_matrix_bfloat16() else "float32"
    capability = cuda_capability(int(device.partition(":")[2] or 0))
    if capability in BIG_CARDS:
        return "bfloat16"
    return "float16" if capability is not None and capability >= (7, 0) else "float32"


def _torch_has(backend: str) -> bool:
    """Whether the installed torch was built for it, as its version file says."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    try:
        text = (Path(found.origin).parent / "version.py").read_text("utf-8")
    except OSError:
        return False
    return re.search(rf"^{backend}\b[^=]*=\s*['\"]", text, re.MULTILINE) is not None


def cuda_capability(number: int) -> tuple[int, int] | None:
    """Compute capability of the card with that number, asked of the CUDA driver; None when there is no such card."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1")
    except OSError:
        return None
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    found = (
        driver.cuInit(0) == 0
        and driver.cuDeviceGet(ctypes.byref(device), number) == 0
        and driver.cuDeviceGetAttribute(ctypes.byref(major), CAPABILITY_MAJOR, device) == 0
        and driver.cuDeviceGetAttribute(ctypes.byref(minor), CAPABILITY_MINOR, device) == 0
    )
    return (major.value, minor.value) if found else None


def has_matrix_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 matrices in hardware (AMX), several times faster than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "ignore")
    except OSError:
        return False
    return re.search(r"^flags\b.*\bamx_bf16\b", flags, re.MULTILINE) is not None
