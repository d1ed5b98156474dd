"""Names of this machine and origins that the settings name: they are served, read what is answered, and nobody else is."""

import pytest

from tests.api.conftest import Server

APP = "app://obsidian.md"
WISH = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("origins"), allow_host=("host.docker.internal",), allow_origin=(APP,))
    yield server
    server.close()


def test_a_name_that_the_settings_have_is_served_and_no_other(server):
    with server.client() as client:
        for host in ("host.docker.internal", "Host.Docker.Internal:7860", "host.docker.internal.:80"):
            assert client.get("/api/v1/queue", headers={"Host": host}).status_code == 200
        for host in ("docker.internal", "x.host.docker.internal", "host.docker.internal.evil.example", "evil.example"):
            refused = client.get("/api/v1/queue", headers={"Host": host})
            assert refused.status_code == 400 and "--allow-host" in refused.json()["message"]


def test_an_origin_that_the_settings_have_may_call_and_read(server):
    from_app = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    with server.client(**from_app) as client:
        asked = client.options("/v1/images/generations", headers=WISH)
        assert asked.status_code == 204 and asked.headers["access-control-allow-origin"] == APP
        assert asked.headers["access-control-allow-headers"] == WISH["Access-Control-Request-Headers"]
        assert "POST" in asked.headers["access-control-allow-methods"]
        made = client.post("/v1/images/generations", json={"prompt": "a", "size": "64x64", "style": "vivid"})
        assert made.status_code == 200 and made.headers["access-control-allow-origin"] == APP
        assert "X-Darkroom-Notes" in made.headers["access-control-expose-headers"] and "Origin" in made.headers["vary"]
        assert "access-control-allow-credentials" not in made.headers
        refused = client.post("/v1/images/generations", json={})
        assert refused.status_code == 400 and refused.headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize("origin", ["app://obsidian.md.evil", "https://obsidian.md", "app://other", "null"])
def test_another_origin_is_told_which_setting_it_lacks_and_reads_nothing(server, origin):
    with server.client(Origin=origin) as client:
        refused = client.post("/v1/images/generations", json={"prompt": "a"})
        assert refused.status_code == 403 and "access-control-allow-origin" not in refused.headers
        assert "--allow-origin" in refused.json()["error"]["message"] if origin != "null" else True
        assert "access-control-allow-origin" not in client.get("/v1/models").headers
        assert "access-control-allow-origin" not in client.options("/v1/models", headers=WISH).headers


def test_they_count_from_when_they_are_changed(server):
    with server.client(owner="") as client:
        for path, entry, headers in (
            ("allow_origin", "app://new", {"Origin": "app://new"}),
            ("allow_host", "new.host", {"Host": "new.host"}),
        ):
            before = list(getattr(server.services.settings.current(), path))
            assert client.post("/api/v1/queue/resume", headers=headers).status_code in (400, 403)
            assert client.patch("/page/settings", json={"values": {path: "\n".join([*before, entry])}}).status_code == 200
            assert client.post("/api/v1/queue/resume", headers=headers).status_code == 200
            refused = client.patch("/page/settings", json={"values": {path: "*"}})
            assert refused.status_code == 422 and refused.json()["field"] == path
            client.patch("/page/settings", json={"values": {path: "\n".join(before)}})


def test_with_keys_an_origin_brings_one_and_its_preflight_needs_none(tmp_path):
    locked = Server(tmp_path, access_key="open sesame", allow_origin=(APP,))
    try:
        with locked.client(Origin=APP) as client:
            assert client.options("/v1/models", headers=WISH).status_code == 204
            asked = client.get("/v1/models")
            assert asked.status_code == 401 and asked.headers["access-control-allow-origin"] == APP
            assert client.get("/v1/models", headers={"Authorization": "Bearer open sesame"}).status_code == 200
    finally:
        locked.close()
