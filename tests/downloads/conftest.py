"""A site on loopback, and downloads into a scratch folder."""

import queue

import pytest

from tests.downloads.fakes import Site
from tests.library.test_said import SD1_LORA
from tests.library.test_scan import write
from webui.downloads.service import Downloads
from webui.library import Library
from webui.settings import Settings

PATIENCE_S = 60


class Box:
    """Downloads with their library; `told` is what was told of them."""

    def __init__(self, folder, site, **settings):
        self.models = folder / "models"
        self.settings = Settings(
            data_dir=folder, models_dirs=(self.models,), hf_endpoint=site.url, civitai_base_url=site.url, hf_token="secret", **settings
        )
        self.library = Library([self.models], folder / "library.json")
        self.told = queue.Queue()
        self.downloads = Downloads(self.library, lambda: self.settings, self.told.put, patience=0.01)

    def get(self, source, **more):
        """Fetch in this thread, and give the download as it ended."""
        return self.downloads.run_now(self.downloads.add(source, **more))

    def until(self, fits):
        """The next download told of that fits."""
        while True:
            found = self.told.get(timeout=PATIENCE_S)
            if fits(found):
                return found

    def files(self):
        return sorted(str(path.relative_to(self.models)) for path in self.models.rglob("*") if path.is_file())


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


@pytest.fixture
def box(tmp_path, site):
    box = Box(tmp_path, site)
    yield box
    box.downloads.stop()


@pytest.fixture(scope="session")
def lora(tmp_path_factory):
    """A LoRA of some 2.5 MB."""
    shapes = {**SD1_LORA, "lora_unet_x.lora_down.weight": (300, 1000), "lora_unet_x.lora_up.weight": (1000, 300)}
    return write(tmp_path_factory.mktemp("source") / "fox.safetensors", shapes, {"modelspec.title": "Fox"}).read_bytes()
