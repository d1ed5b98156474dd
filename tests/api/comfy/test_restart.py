"""What a client made of its graphs is told after a restart as before."""

from tests.api.comfy.test_graphs import history, usual
from tests.api.conftest import Server


def test_history_is_told_after_a_restart_as_before(tmp_path):
    server = Server(tmp_path)
    with server.client(owner="krita") as client:
        named = {"prompt": usual(), "client_id": "me", "prompt_id": "my own name"}
        assert client.post("/prompt", json=named).json()["prompt_id"] == "my own name"
        by_id = client.post("/prompt", json={"prompt": usual()}).json()["prompt_id"]
        before = {name: history(client, name) for name in ("my own name", by_id)}
        listed = client.get("/history").json()
    server.close()
    server = Server(tmp_path)
    try:
        with server.client(owner="krita") as client:
            assert {name: history(client, name) for name in before} == before
            assert client.get("/history").json() == listed
            shown = before["my own name"]["outputs"]["9"]["images"][0]
            assert client.get("/view", params=shown).headers["content-type"] == "image/png"
            client.post("/history", json={"delete": ["my own name"]})
            assert client.get("/history/my own name").json() == {} and list(client.get("/history").json()) == [by_id]
        with server.client(owner="another") as other:
            assert other.get(f"/history/{by_id}").json() == {} and other.get("/history").json() == {}
    finally:
        server.close()


def test_as_many_graphs_are_kept_as_may_be(tmp_path, monkeypatch):
    monkeypatch.setattr("webui.api.comfy.stored.MOST", 2)
    server = Server(tmp_path)
    try:
        with server.client(owner="krita") as client:
            for name in ("first", "second", "third"):
                client.post("/prompt", json={"prompt": usual(), "prompt_id": name})
                history(client, name)
            stored = server.app.state.comfy._stored
            assert [bool(stored.jobs_of("krita", name)) for name in ("first", "second", "third")] == [False, True, True]
    finally:
        server.close()
