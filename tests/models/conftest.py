"""Tiny checkpoints in a models folder, and threads kept few."""

import pytest
import torch

from tests import tiny
from webui.library import Library
from webui.models.cache import ModelCache


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(tmp_path):
    for name in ("Stable-diffusion", "VAE", "Lora", "embeddings", "VAE-approx"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def library(folder):
    return Library([folder])


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """One tiny checkpoint, written once; tests link to it."""
    return tiny.write(tmp_path_factory.mktemp("tiny") / "tiny.safetensors")


@pytest.fixture
def model_cache(folder, library, checkpoint):
    (folder / "Stable-diffusion" / "tiny.safetensors").symlink_to(checkpoint)
    return ModelCache(library)
