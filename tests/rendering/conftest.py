"""Tiny models, made once; one thread, because two only wait for each other on layers this small."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.tiny.models import tiny_sd1, tiny_sdxl

BUILDERS = {"sd1": tiny_sd1, "sdxl": tiny_sdxl}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {family: build(folder / family) for family, build in BUILDERS.items()}
