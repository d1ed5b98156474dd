"""Where things lie on the machine is for who runs it: no answer to a guest or a member names a folder."""

import json

import pytest

from tests.api.conftest import Server
from tests.api.test_odd_requests import every_route

ENDLESS = {"/api/v1/events", "/gradio_api/queue/data", "/gradio_api/heartbeat/{session_hash}", "/mcp"}
BROKEN = "import nothing_of_this_name\n\nfrom webui import hookimpl\n\n\n@hookimpl\ndef startup():\n    raise RuntimeError(__file__)\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places-of-this-machine")
    (folder / "extensions").mkdir()
    (folder / "extensions" / "broken_one.py").write_text(BROKEN)
    (folder / "wildcards").mkdir()
    (folder / "wildcards" / "colour.txt").write_text("red\nblue\n")
    (folder / "wildcards" / "bad.yaml").write_bytes(b"a: [\n\xff")
    (folder / "models" / "Lora").mkdir(parents=True)
    (folder / "models" / "Lora" / "broken.safetensors").write_bytes(b"no model")
    server = Server(folder, access_key="the-access-key", admin_key="the-admin-key", offline=True)
    yield server
    server.close()


def answers(server: Server, key: str) -> dict[str, str]:
    """Everything that can be read without an id, by its path."""
    routes = {*every_route(server.app.routes)}
    paths = sorted(path for method, path in routes if method == "GET" and "{" not in path and path not in ENDLESS)
    with server.client(**{"X-Access-Key": key}) as client:
        return {path: client.get(path).text for path in paths}


def test_no_answer_names_a_folder_to_a_guest_or_a_member(server):
    member = server.app.state.api_keys.invite("mia", "member")[0]
    places = (str(server.settings.data_dir), str(server.settings.data_dir.parent))
    whole = answers(server, "the-admin-key")
    for key in ("the-access-key", member):
        told = answers(server, key)
        assert [path for path, text in told.items() if any(place in text for place in places)] == []
    assert all(places[0] in whole[path] for path in ("/page/settings", "/page/extensions", "/api/v1/wildcards")), "who runs it sees them"


def test_what_is_hidden_is_said_to_be(server):
    with server.client(**{"X-Access-Key": "the-access-key"}) as guest:
        card = next(each for each in guest.get("/page/extensions").json() if each["id"] == "broken_one")
        assert card["fixed"] and card["error"] == card["reason"] == "Who runs this Darkroom sees why."
        said = next(each for each in guest.get("/api/v1/capabilities").json()["extensions"] if each["id"] == "broken_one")
        assert said["error"] == "Who runs this Darkroom sees why."
        assert guest.get("/page/settings").json()["file"] == "settings.toml"
        assert "models_dirs" not in json.dumps(guest.get("/page/settings").json())
