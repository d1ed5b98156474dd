"""API keys: whose they are, what they may do, how they come, and that they open nothing once taken back."""

import base64
import subprocess
import sys

import pytest

from tests.api.conftest import ROOT, Server
from webui.client import Client
from webui.errors import WebUIError

APPLE = {"prompt": "a red apple", "steps": 2, "width": 64, "height": 64}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("keys"), access_key="the-access-key", admin_key="the-admin-key")
    yield server
    server.close()


@pytest.fixture
def admin(server):
    with server.client(**{"X-Access-Key": "the-admin-key"}) as client:
        yield client


def made(admin, **wish) -> dict:
    answer = admin.post("/api/v1/keys", json=wish)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_key_is_its_user_in_every_api(server, admin):
    key = made(admin, owner="anna", name="Krita")
    bearer = {"Authorization": f"Bearer {key['key']}"}
    basic = {"Authorization": "Basic " + base64.b64encode(f"anyone:{key['key']}".encode()).decode()}
    for headers in (bearer, basic, {"X-Access-Key": key["key"]}):
        with server.client(**headers) as client:
            assert client.post("/sdapi/v1/txt2img", json=APPLE).status_code == 200
            assert client.post("/v1/images/generations", json={"prompt": "a", "size": "64x64"}).status_code == 200
            assert client.post("/api/v1/jobs", json=APPLE, headers={"X-Owner": "bert"}).json()["owner"] == "anna"
    assert {job.owner for job in server.services.queue.jobs()} == {"anna"}
    with Client(server.url, key["key"]) as client:
        assert client.wait(client.submit(APPLE).id).owner == "anna"


@pytest.mark.parametrize("wish", [b'{"name": "\\ud800"}', b'{"owner": "<b>"}', b'{"owner": "guest"}', b'{"owner": "%s"}' % (b"x" * 65)])
def test_a_key_has_a_name_that_can_be_shown_and_an_owner_that_can_be(admin, wish):
    answer = admin.post("/api/v1/keys", content=wish, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["message"]
    assert admin.get("/api/v1/keys").status_code == 200


def test_scopes(server, admin):
    with server.client(Authorization=f"Bearer {made(admin, owner='rita', scopes=['read'])['key']}") as reader:
        assert reader.get("/sdapi/v1/progress").status_code == 200
        assert reader.post("/internal/progress", json={}).status_code == 200
        refused = reader.post("/sdapi/v1/txt2img", json=APPLE)
        assert refused.status_code == 403 and "generate" in refused.json()["detail"]
        assert reader.post("/v1/images/generations", json={"prompt": "a"}).json()["error"]["type"] == "permission_error"
        assert reader.delete("/api/v1/jobs").status_code == 403
    with server.client(Authorization=f"Bearer {made(admin, owner='gert')['key']}") as maker:
        assert maker.post("/api/v1/queue/pause").status_code == 403
        assert maker.post("/api/v1/keys", json={}).status_code == 403
    with server.client(Authorization=f"Bearer {made(admin, owner='boss', scopes=['admin'])['key']}") as boss:
        assert boss.post("/api/v1/queue/resume").status_code == 200
        assert boss.post("/api/v1/keys", json={"owner": "kim"}).json()["owner"] == "kim"


def test_a_key_is_shown_once_and_opens_nothing_once_taken_back(server, admin):
    key = made(admin, owner="olga")
    listed = next(each for each in admin.get("/api/v1/keys").json()["keys"] if each["id"] == key["id"])
    assert "key" not in listed and "digest" not in listed and key["key"] not in admin.get("/api/v1/keys").text
    with server.client(Authorization=f"Bearer {key['key']}") as client:
        assert client.get("/api/v1/queue").status_code == 200
        assert admin.delete(f"/api/v1/keys/{key['id']}").status_code == 200
        refused = client.get("/v1/models")
        assert refused.status_code == 401 and refused.json()["error"]["type"] == "authentication_error"
        assert refused.headers["www-authenticate"] == 'Bearer realm="Darkroom", error="invalid_token"'
    assert admin.delete(f"/api/v1/keys/{key['id']}").status_code == 404


def test_only_its_hash_is_kept(server, admin):
    key = made(admin, owner="hans")
    kept = str(server.services.queue.store.get_value("api_keys"))
    assert key["id"] in kept and key["key"] not in kept


def test_a_member_makes_keys_of_their_own_alone_and_they_end_with_the_invitation(server):
    text, invited = server.app.state.api_keys.invite("gina", "member")
    with server.client(**{"X-Access-Key": text}) as member:
        own = member.post("/api/v1/keys", json={}).json()
        assert own["owner"] == "gina" and [each["id"] for each in member.get("/api/v1/keys").json()["keys"]] == [own["id"]]
        assert member.post("/api/v1/keys", json={"owner": "anna"}).status_code == 403
        assert member.post("/api/v1/keys", json={"scopes": ["admin"]}).status_code == 403
        assert member.post("/api/v1/keys", json={"scopes": []}).status_code == 422
    with server.client(Authorization=f"Bearer {own['key']}") as program:
        assert program.get("/api/v1/queue").status_code == 200
        server.app.state.api_keys.take_back(invited.id)
        assert program.get("/api/v1/queue").status_code == 401


def test_a_guest_makes_no_keys_and_is_told_who_does(server):
    with server.client(owner="guest gina", **{"X-Access-Key": "the-access-key"}) as guest:
        refused = guest.post("/api/v1/keys", json={})
        assert refused.status_code == 403 and "invite you as a member" in refused.json()["message"]


def test_wrong_keys_are_slowed_down(server):
    with server.client() as client:
        statuses = [client.get("/api/v1/queue", headers={"Authorization": f"Bearer dk_{number}"}).status_code for number in range(9)]
    assert statuses[0] == 401 and statuses[-1] == 429
    with Client(server.url, "dk_other") as client, pytest.raises(WebUIError, match="Too many wrong keys"):
        client.queue()


def test_the_access_key_is_taken_as_a_bearer_too(server):
    with server.client(Authorization="Bearer the-access-key") as client:
        assert client.get("/sdapi/v1/samplers").status_code == 200


def test_a_command_makes_and_removes_keys(server):
    def run(*words: str) -> str:
        command = [sys.executable, "-m", "webui", "key", *words, "--data-dir", str(server.settings.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    text = run("make", "--owner", "cleo", "--scopes", "read", "--name", "script").strip()
    key_id = next(line.split()[0] for line in run("list").splitlines() if "cleo" in line)
    assert text.startswith("dk_") and text not in run("list")
    run("remove", key_id)
    assert "cleo" not in run("list")
