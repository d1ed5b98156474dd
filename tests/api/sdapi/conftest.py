"""The app with the styles that were there when Forge's answers were recorded."""

import base64
import json
from pathlib import Path

import pytest

from tests.api.conftest import Server
from tests.library.test_scan import write

RECORDED = Path(__file__).parents[2] / "data" / "reference" / "sdapi"
CALLS = json.loads((RECORDED / "calls.json").read_text(encoding="utf-8"))
STYLES = 'name,prompt,negative_prompt\nInk,"{prompt}, ink drawing, cross hatching","photo, colour"\nAppend,"soft light, 35mm",\n'
FOX = {"prompt": "a red fox", "width": 64, "height": 64, "steps": 2, "seed": 42, "sampler_name": "Euler"}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdapi")
    (folder / "styles.csv").write_text(STYLES)
    write(folder / "models" / "Stable-diffusion" / "sd15-ref.safetensors")
    server = Server(folder)
    with server.client() as client:  # once a picture was made, the checkpoint's hash is known
        assert (
            client.post("/sdapi/v1/txt2img", json={**FOX, "override_settings": {"sd_model_checkpoint": "sd15-ref.safetensors"}}).status_code
            == 200
        )
    yield server
    server.close()


def picture(name: str = "in.png") -> str:
    """A recorded input as base64."""
    return base64.b64encode((RECORDED / name).read_bytes()).decode()
