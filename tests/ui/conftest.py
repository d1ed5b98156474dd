"""A page with real parts: the library, extensions and settings of a scratch folder; submitted jobs wait in its queue."""

import os
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("GRADIO_TEMP_DIR", "/tmp/darkroom-test-gradio")

from fastapi import FastAPI
from fastapi.testclient import TestClient

import webui.ui
from tests.whole_requests import resolve_without_models
from webui.backends.job import Tools
from webui.backends.keys import KeyStore
from webui.backends.pool import BackendPool
from webui.backends.service import Backends, registered
from webui.capabilities import CapabilityService
from webui.collection.converting import Conversions
from webui.collection.notes import NoteStore
from webui.collection.service import Collection
from webui.core.protocol import Capabilities, OptionInfo
from webui.db import open_database
from webui.detection.service import Detectors
from webui.downloads.service import Downloads
from webui.gallery.service import Gallery
from webui.grids.service import Grids
from webui.grids.store import GridStore
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_client import InprocClient
from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSetup
from webui.jobs.monitor import ResourceMonitor
from webui.jobs.queue import JobQueue
from webui.jobs.quotas import Quotas
from webui.jobs.remote_parts import RemoteParts
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.library import Library
from webui.people.audit import Audit
from webui.people.keys import ApiKeys
from webui.plugins.contributions import collect
from webui.plugins.manager import Extensions
from webui.preferences import SettingsStore
from webui.services import Services
from webui.settings import load_settings
from webui.words.presets import PresetStore
from webui.words.service import words_of

CAPABILITIES = Capabilities(
    samplers=(OptionInfo(name="Euler"), OptionInfo(name="DPM++ 2M")),
    schedules=(OptionInfo(name="Karras"),),
    upscalers=("Latent", "Lanczos"),
)
GRAIN = """
from pydantic import BaseModel, Field
from webui import Panel, Tab, hookimpl

TITLE = "Grain"
VERSION = "1.2"

class Grain(BaseModel):
    amount: float = Field(0.0, ge=0, le=1, title="Amount")
    coarse: bool = Field(False, title="Coarse")

def build():
    import gradio as gr
    gr.Markdown("hello from grain")

@hookimpl
def register_panels(register):
    register(Panel("Grain", Grain))

@hookimpl
def register_tabs(register):
    register(Tab("Grain tab", build))
"""


class Page:
    """The page's app, what was submitted, and the scratch folder."""

    def __init__(self, folder: Path, extensions: dict[str, str]) -> None:
        settings = SettingsStore(load_settings({"data_dir": folder}, {}))
        place = folder / "extensions"
        place.mkdir()
        for name, source in extensions.items():
            (place / f"{name}.py").write_text(source)
        self.extensions = Extensions("web")
        self.extensions.load([place])
        self.parts = collect(self.extensions)
        library = Library([folder / "models"])
        database = open_database(folder)
        state = JobState(JobStore(database))
        gallery = Gallery(ImageStore(folder), database, folder / "thumbs")
        dispatch = Dispatch(state, gallery)
        dispatch.set_capabilities(CAPABILITIES)
        engines = EnginePool(dispatch, EngineSetup(settings.current, InprocClient))  # never started: jobs wait
        self.queue = JobQueue(state, resolve_without_models, engines)
        backends = Backends(registered(self.extensions), settings.current, KeyStore(folder / "data", {}), {})
        self.services = Services(
            settings=settings,
            grids=Grids(GridStore(database), self.queue, gallery, resolve_without_models, lambda: 1),
            presets=PresetStore(database),
            words=words_of(settings.current),
            library=library,
            conversions=Conversions(settings.current, library.scan),
            downloads=Downloads(library, settings.current, lambda download: None),
            collection=Collection(library, NoteStore(database), lambda kind, body: None, lambda: False, lambda: False),
            extensions=self.extensions,
            contributions=self.parts,
            detectors=Detectors(self.parts.detectors, library, self.extensions),
            capabilities=CapabilityService(state.capabilities, self.extensions, self.parts, library, settings),
            gallery=gallery,
            queue=self.queue,
            engines=engines,
            backends=backends,
            backend_pool=BackendPool(
                Tools(backends, dispatch, RemoteParts(database), settings.current, lambda image_id: b"", lambda data, owner: "")
            ),
            quotas=Quotas(state.store, settings.current),
            keys=ApiKeys(state.store),
            audit=Audit(database),
            monitor=ResourceMonitor(self.queue),
        )

    @property
    def submitted(self):
        return [(job.request, job.owner) for job in self.queue.jobs()]

    def client(self) -> TestClient:
        app = FastAPI()
        webui.ui.mount(app, self.services)
        return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))


@pytest.fixture
def make_page(tmp_path):
    """Build a page of a scratch folder with these extensions."""
    return lambda **extensions: Page(tmp_path, extensions)


@pytest.fixture
def page(make_page):
    return make_page(grain=GRAIN)
