"""Names and texts of model files that are no Unicode: every list is answered, and the names that are shown can be asked for."""

import os
import sys

import pytest

from tests.api.conftest import Server
from tests.library.test_scan import LORA, write
from webui.api.printed import encodable_data

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file's name is Unicode")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    models = folder / "models"
    write(models / "Stable-diffusion" / os.fsdecode(b"m\xe4.safetensors"))
    write(models / "Lora" / os.fsdecode(b"sub\xe9") / os.fsdecode(b"caf\xe9.safetensors"), LORA, {"ss_tag": "half \ud83d of an emoji"})
    write(models / "VAE" / os.fsdecode(b"v\xe9.safetensors"), {"decoder.conv_in.weight": (8, 4, 3, 3)})
    write(models / "embeddings" / os.fsdecode(b"e\xe9.safetensors"), {"emb_params": (1, 8)})
    write(models / "ESRGAN" / os.fsdecode(b"u\xe9.safetensors"), {"conv_first.weight": (64, 3, 3, 3)})
    server = Server(folder)
    yield server
    server.close()


def test_every_list_is_answered(odd):
    endless = ("/events", "/mcp")
    with odd.client() as client:
        pages = client.get("/api/v1/openapi.json").json()["paths"]
        asked = [path for path, methods in pages.items() if "get" in methods and "{" not in path and not path.endswith(endless)]
        assert {"/sdapi/v1/loras", "/object_info", "/v1/models", "/api/v1/models"} <= set(asked)
        assert {
            path: status for path in asked if (status := client.get(path).status_code) in (422, 500) and not needs_more(pages[path])
        } == {}


def needs_more(methods: dict) -> bool:
    return any(each["required"] for each in methods["get"].get("parameters", ()))


def test_the_shown_name_is_taken(odd):
    with odd.client() as client:
        lora = client.get("/sdapi/v1/loras").json()[0]
        assert (lora["name"], lora["path"]) == ("caf%E9", "models/Lora/sub%E9/caf%E9.safetensors")
        assert lora["metadata"] == {"ss_tag": "half ? of an emoji"}
        titles = [model["title"].partition(" [")[0] for model in client.get("/sdapi/v1/sd-models").json()]
        assert "m%E4.safetensors" in titles
        assert client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "m%E4.safetensors"}).status_code == 200
        found = client.get("/sd_extra_networks/metadata", params={"page": "lora", "item": "caf%E9"}).json()
        assert "half" in found["metadata"]


def test_values_at_every_depth():
    assert encodable_data({"a\udce4": [{"b": ("\udce4", 1, None)}]}) == {"a%E4": [{"b": ["%E4", 1, None]}]}
    assert encodable_data("two\nlines, é, 🍎") == "two\nlines, é, 🍎"
