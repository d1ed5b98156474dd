"""An engine on a tiny checkpoint: real tools, real files, one thread."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests import tiny
from webui.core.events import Event
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.request import parse_resolved
from webui.engine.bootstrap import build_context
from webui.generation.context import EngineContext
from webui.generation.run import run_job
from webui.library import Library
from webui.models.cache import ModelCache
from webui.settings import load_settings


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> Path:
    """A models folder with the plain tiny model, an inpainting one, an instruct-pix2pix one and one that predicts v."""
    models = tmp_path_factory.mktemp("models")
    folder = models / "Stable-diffusion"
    tiny.write(folder / "tiny.safetensors")
    tiny.write(folder / "inpainting.safetensors", seed=1, in_channels=9)
    tiny.write(folder / "edit.safetensors", seed=2, in_channels=8)
    tiny.write(folder / "velocity.safetensors", seed=3, prediction="v")
    return models


@dataclass
class Engine:
    """`make` runs a request and gives its pictures; `events` are those of the last run."""

    context: EngineContext
    plan: Plan = field(default_factory=lambda: Plan(threads=1, channels_last=False))
    events: list[Event] = field(default_factory=list)

    def task(self, **fields: Any) -> RunJob:
        defaults = {
            "checkpoint": "tiny",
            "width": 64,
            "height": 64,
            "steps": 3,
            "sampler": "Euler",
            "schedule": "Automatic",
            "guidance": 4.0,
        }
        request = parse_resolved(defaults | {"seed": 1, "variation_seed": 1} | fields)
        return RunJob(job_id="job", owner="local", attempt=1, request=request, plan=self.plan)

    def make(self, saved: Sequence[int] = (), **fields: Any) -> list[np.ndarray]:
        self.events = []
        run_job(self.task(**fields).model_copy(update={"saved": tuple(saved)}), self.context, self.events.append)
        return [self.open(event.record) for event in self.events if event.type == "image"]

    def open(self, record: Any) -> np.ndarray:
        with Image.open(self.context.images.path(record)) as image:
            return np.asarray(image)

    def keep(self, image: Image.Image) -> str:
        data = io.BytesIO()
        image.save(data, "PNG")
        return self.context.images.add_upload(data.getvalue(), image.size, ".png", "local").id

    def with_previews(self, wish: Any) -> "Engine":
        return Engine(replace(self.context, preview_settings=lambda: wish), self.plan)

    @property
    def steps(self) -> list[tuple[str, int, int]]:
        return [(event.phase, event.step, event.steps) for event in self.events if event.type == "step"]

    @property
    def notes(self) -> tuple[str, ...]:
        return next(event.notes for event in self.events if event.type == "done")


@pytest.fixture(scope="session")
def model_cache(checkpoints) -> ModelCache:
    """Loaded once for all tests: every job leaves its model clean, as `test_run` shows."""
    return ModelCache(Library((checkpoints,)))


@pytest.fixture
def engine(checkpoints, model_cache, tmp_path) -> Engine:
    context = build_context(load_settings({"data_dir": tmp_path, "models_dirs": (checkpoints,)}, environment={}))
    return Engine(replace(context, models=model_cache))


@pytest.fixture
def start() -> Image.Image:
    """A picture with colours and edges."""
    y, x = np.mgrid[0:64, 0:64]
    return Image.fromarray(np.stack([x * 4, y * 4, 255 - x * 2 - y * 2], axis=-1).astype(np.uint8))


@pytest.fixture
def mask() -> Image.Image:
    """White in the middle."""
    grey = np.zeros((64, 64), np.uint8)
    grey[16:48, 16:48] = 255
    return Image.fromarray(grey)
