"""`storyboard doctor`: what is installed, what is not, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

import click

from storyboard.casting.registry import load_cast
from storyboard.errors import ChecksFailed
from storyboard.paths import starter_model_folder, user_data_folder

PACKAGES = ("torch", "diffusers", "transformers", "peft", "openai", "langchain", "typst", "Pillow")

Finding = tuple[str, bool, str]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check the installation: packages, device, bundled model, characters, keys, disk.

    Exits with 8 when something needed is missing.
    """
    findings = [*_packages(), _device(), _starter(), *_characters(), _key(), _disk()]
    if as_json:
        rows = [{"what": what, "ok": ok, "detail": detail} for what, ok, detail in findings]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        click.echo(f"Python {platform.python_version()} on {platform.platform(terse=True)}")
        for what, ok, detail in findings:
            click.echo(f"{'ok  ' if ok else 'MEND'}  {what}: {detail}")
    if not all(ok for _, ok, _ in findings):
        raise ChecksFailed("Something needed is missing.", hint="See the lines marked MEND.")


def _packages() -> list[Finding]:
    found: list[Finding] = []
    for name in PACKAGES:
        try:
            found.append((name, True, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, False, f"not installed; pip install {name}"))
    return found


def _device() -> Finding:
    try:
        import torch
    except ImportError:
        return ("device", False, "torch cannot be imported")
    if torch.cuda.is_available():
        return ("device", True, torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return ("device", True, "Apple GPU (mps)")
    return ("device", True, f"CPU, {os.cpu_count()} cores")


def _starter() -> Finding:
    folder = starter_model_folder()
    whole = (folder / "model_index.json").is_file()
    return ("starter model", whole, "bundled" if whole else "missing; install the package again")


def _characters() -> list[Finding]:
    cast = load_cast()
    problems = [(f"character {name}", False, str(error)) for name, error in cast.problems.items()]
    return [("characters", True, ", ".join(sorted(cast)) or "none"), *problems]


def _key() -> Finding:
    given = bool(os.environ.get("OPENAI_API_KEY"))
    return ("OPENAI_API_KEY", True, "set" if given else "not set: plans are made by the offline planner")


def _disk() -> Finding:
    folder = user_data_folder()
    nearest = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), Path(sys.prefix))
    free = shutil.disk_usage(nearest).free / 2**30
    return ("free disk", free > 1, f"{free:.1f} GB")
