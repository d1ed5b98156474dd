"""A page with real parts: the library, extensions and settings of a scratch folder; submitted requests are kept in a list."""

import datetime
import os
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("GRADIO_TEMP_DIR", "/tmp/darkroom-test-gradio")

from fastapi import FastAPI
from fastapi.testclient import TestClient

import webui.ui
from webui.core.job import Job
from webui.core.protocol import Capabilities, OptionInfo
from webui.library import Library
from webui.plugins.manager import Extensions
from webui.preferences import change_settings
from webui.settings import Settings, load_settings
from webui.ui.panels import collect
from webui.ui.services import Dependencies

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
        self.submitted = []
        self._settings = load_settings({"data_dir": folder}, {})
        place = folder / "extensions"
        place.mkdir()
        for name, source in extensions.items():
            (place / f"{name}.py").write_text(source)
        self.extensions = Extensions("web")
        self.extensions.load([place])
        self.parts = collect(self.extensions)
        self.services = Dependencies(
            submit=self._submit,
            capabilities=lambda: CAPABILITIES,
            library=Library([folder / "models"]),
            extensions=self.extensions,
            parts=self.parts,
            settings=lambda: self._settings,
            change_settings=self._change,
            switch_extension=self._switch,
            count_tokens=lambda text: (len(text.split()), 75),
        )

    def client(self) -> TestClient:
        app = FastAPI()
        webui.ui.mount(app, self.services)
        return TestClient(app, base_url="http://127.0.0.1")

    def _submit(self, request, owner):
        self.submitted.append((request, owner))
        return Job(id="j1", owner=owner, request=request, created=datetime.datetime.now(datetime.UTC))

    def _change(self, changes) -> Settings:
        self._settings = change_settings(self._settings, changes)
        return self._settings

    def _switch(self, identity: str, on: bool) -> None:
        off = set(self._settings.extensions_off)
        self._change({"extensions_off": tuple(sorted(off - {identity} if on else off | {identity}))})


@pytest.fixture
def make_page(tmp_path):
    """Build a page of a scratch folder with these extensions."""
    return lambda **extensions: Page(tmp_path, extensions)


@pytest.fixture
def page(make_page):
    return make_page(grain=GRAIN)
