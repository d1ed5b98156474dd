"""Inviting people over the API: a link signs in, what they may see is theirs, and taking it back ends what is open."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import pytest
from PIL import Image

from tests.api.conftest import ROOT, Server, finished
from tests.waiting import until
from webui.errors import NotFound
from webui.people.keys import ApiKeys

ACCESS, ADMIN = "the-access-key", "the-admin-key"
APPLE = {"prompt": "a secret apple", "steps": 2, "width": 64, "height": 64}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("people"), access_key=ACCESS, admin_key=ADMIN)
    yield server
    server.close()


@pytest.fixture
def owner(server):
    with server.client(**{"X-Access-Key": ADMIN}) as client:
        yield client


def png(colour=(1, 2, 3), size: int = 64, noise: bool = False) -> bytes:
    """A picture's file; one of noise is as large as its pixels."""
    image = Image.frombytes("RGB", (size, size), os.urandom(size * size * 3)) if noise else Image.new("RGB", (size, size), colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def invited(owner, name: str, role: str = "guest") -> dict:
    answer = owner.post("/api/v1/people", json={"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    return answer.json()


@contextmanager
def opened(server, link: str) -> Iterator[httpx.Client]:
    """A browser that has opened a link."""
    with server.client() as browser:
        answer = browser.get(f"/?{link.partition('?')[2]}")
        assert answer.status_code == 303 and "dk_" not in answer.headers["set-cookie"]
        yield browser


def did(owner) -> list[str]:
    return [f"{entry['who']} {entry['did']}" for entry in owner.get("/api/v1/audit").json()["entries"]]


def test_a_link_signs_in_as_its_person_who_sees_their_own(server, owner):
    made = invited(owner, "Mia", "member")
    assert made["link"].startswith("http://") and "127.0.0.1" not in made["link"] and made["closed"] == ""
    assert ElementTree.fromstring(made["qr"]).tag.endswith("svg")
    assert "link" not in owner.get("/api/v1/people").json()["people"][0] and "dk_" not in owner.get("/api/v1/people").text
    other = finished(owner, owner.post("/api/v1/jobs", json=APPLE).json()["id"])
    with opened(server, made["link"]) as mia:
        me = mia.get("/api/v1/me", headers={"X-Owner": "somebody"}).json()
        assert (me["name"], me["role"], me["invited"]) == ("Mia", "member", True) and "keys" in me["may"] and "settings" not in me["may"]
        assert "Who runs this Darkroom sees everything" in me["sees"]
        own = finished(mia, mia.post("/api/v1/jobs", json=APPLE).json()["id"])
        assert own["owner"] == "Mia"
        assert [image["id"] for image in mia.get("/api/v1/images").json()["images"]] == [own["images"][0]["id"]]
        assert mia.get(other["images"][0]["url"]).status_code == 404
        hidden = mia.get(f"/api/v1/jobs/{other['id']}")
        assert hidden.json()["owner"] == "someone" and "secret" not in hidden.text
        assert mia.patch("/api/v1/me", json={"name": "Zoe"}).status_code == 403
        assert mia.get("/api/v1/people").status_code == mia.get("/api/v1/audit").status_code == 403
        assert mia.get("/", params={"key": ACCESS}).status_code == 303 and mia.get("/api/v1/me").json()["name"] == "Mia"


def test_a_guest_cannot_take_an_invited_name(server, owner):
    made = invited(owner, "Nora")
    owner.delete(f"/api/v1/people/{made['id']}")
    with server.client(**{"X-Access-Key": ACCESS}) as guest:
        for name in ("Nora", "nora"):
            assert "link of their own" in guest.get("/api/v1/me", headers={"X-Owner": name}).json()["message"]
            assert guest.get("/api/v1/me", headers={"Cookie": f"darkroom_owner={name}"}).json()["named"] is False
            assert guest.patch("/api/v1/me", json={"name": name}).status_code == 422
        assert guest.patch("/api/v1/me", json={"name": "Zoë"}).json()["name"] == "Zoë"
        assert guest.get("/api/v1/me").json()["named"] is True


def test_what_is_open_ends_when_the_invitation_is_taken_back(server, owner):
    made = invited(owner, "Olaf")
    with opened(server, made["link"]) as olaf, olaf.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: snapshot"
        assert owner.delete(f"/api/v1/people/{made['id']}", timeout=60).json()["ended"]
        assert "event: ended" in lines
        refused = olaf.get("/api/v1/me")
        assert refused.status_code == 401 and "taken back" in refused.json()["message"]
        assert "taken back" in olaf.get("/", headers={"Accept": "text/html"}).text
    assert owner.delete(f"/api/v1/people/{made['id']}").status_code == 404


def test_a_role_is_changed_at_once(server, owner):
    made = invited(owner, "Pia")
    with opened(server, made["link"]) as pia:
        assert pia.post("/api/v1/keys", json={}).status_code == 403
        assert owner.patch(f"/api/v1/people/{made['id']}", json={"role": "owner"}).json()["role"] == "owner"
        assert pia.post("/api/v1/queue/resume").status_code == 200
    assert did(owner)[:3] == ["Pia let the queue go on", "local made Pia owner", "local invited Pia as guest"]


def test_who_did_what_is_told_without_secrets(server, owner):
    assert owner.patch("/page/settings", json={"values": {"preview_quality_none": 1}}).status_code == 422
    before = did(owner)
    owner.patch("/page/settings", json={"values": {"backend_minutes": 31.5}})
    with server.client(owner="Quentin", **{"X-Access-Key": ACCESS}) as guest:
        owner.post("/api/v1/queue/pause")
        job = guest.post("/api/v1/jobs", json=APPLE).json()["id"]
    owner.delete(f"/api/v1/jobs/{job}")
    owner.post("/api/v1/queue/resume")
    new = [f"stopped the job {job} of Quentin", "paused the queue", "changed the settings backend_minutes"]
    assert did(owner) == ["local let the queue go on", *(f"local {each}" for each in new), *before]
    told = owner.get("/api/v1/audit?limit=500").text
    assert "31.5" not in told and "apple" not in told and "dk_" not in told


def test_a_command_invites_lists_and_takes_back(server, owner):
    def run(*words: str) -> str:
        command = [sys.executable, "-m", "webui", "people", *words, "--data-dir", str(server.settings.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    link = run("invite", "Rita", "--role", "member", "--url", server.url).strip()
    with opened(server, link) as rita:
        assert rita.get("/api/v1/me").json()["name"] == "Rita"
        assert "member  Rita  since" in run("list") and "dk_" not in run("list")
        run("revoke", "rita")
        assert "command line took back the invitation of Rita" in run("log")
    with server.client() as late:
        assert late.get(f"/?{link.partition('?')[2]}").status_code in (303, 403)


def test_who_deletes_an_upload_takes_it_from_nobody_else(server, owner):
    green = png(colour=(3, 99, 4))
    with opened(server, invited(owner, "Ulf")["link"]) as ulf, opened(server, invited(owner, "Vera")["link"]) as vera:
        sent = ulf.post("/api/v1/images", content=green).json()
        vera.post("/api/v1/images", content=green)
        assert ulf.delete(f"/api/v1/images/{sent['id']}").status_code == 200
        assert ulf.get(sent["url"]).status_code == 404 and vera.get(sent["url"]).content == green
        assert vera.delete(f"/api/v1/images/{sent['id']}").status_code == 200 and vera.get(sent["url"]).status_code == 404


def test_uploads_are_their_senders_and_have_limits(server, owner):
    blue, red = png(colour=(9, 8, 7)), png(colour=(7, 8, 9))
    with opened(server, invited(owner, "Sam")["link"]) as sam, opened(server, invited(owner, "Tea", "member")["link"]) as tea:
        sent = sam.post("/api/v1/images", content=blue).json()["url"]
        assert sam.get(sent).status_code == owner.get(sent).status_code == 200 and tea.get(sent).status_code == 404
        assert tea.post("/api/v1/images", content=blue).json()["url"] == sent and tea.get(sent).status_code == 200
        try:
            server.services.settings.change({"guest_storage": 1, "guest_uploads": 1})
            limits = {each["name"]: each for each in sam.get("/api/v1/queue").json()["limits"]}
            assert limits["uploads"]["used"] == limits["storage"]["used"] == len(blue) / 2**20
            assert sam.post("/api/v1/images", content=png(size=1024, noise=True)).status_code == 429
            assert "MB of uploads are left to you" in sam.post("/api/v1/images", content=png(size=1024, noise=True)).json()["message"]
            assert sam.post("/api/v1/images", content=red).status_code == tea.post("/api/v1/images", content=red).status_code == 201
        finally:
            server.services.settings.change({"guest_storage": None, "guest_uploads": None})


def test_nobody_makes_anything_of_anothers_picture_by_its_id(server, owner):
    """Links and the metadata of what was made of a picture hold its id: whoever knew it read the picture, and its prompt."""
    with opened(server, invited(owner, "Xenia")["link"]) as mia, opened(server, invited(owner, "Nils")["link"]) as nils:
        sent = mia.post("/api/v1/images", content=png(colour=(77, 1, 2))).json()["id"]
        job = mia.post("/api/v1/jobs", json={"prompt": "MIASECRET", "width": 64, "height": 64, "steps": 2}).json()["id"]
        made = finished(mia, job)["images"][0]["id"]
        load = {"1": {"class_type": "LoadImage", "inputs": {"image": made}}}
        save = {"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}
        small = {"prompt": "x", "width": 64, "height": 64, "steps": 1}
        for image in (sent, made):
            wishes = {
                "/api/v1/extras": {"images": [image], "finish": [{"kind": "grain"}]},
                "/api/v1/jobs": {**small, "mode": "img2img", "init": image},
                "/page/generate": {"values": {**small, "mode": "img2img", "init": image}},
                "/api/v1/grids": {"request": {**small, "mode": "img2img", "init": image}, "axes": [{"kind": "steps", "values": "1, 2"}]},
                "/prompt": {"prompt": {**load, **save} | {"1": {"class_type": "LoadImage", "inputs": {"image": image}}}},
                "/v1/images/generations": {"prompt": "x", "darkroom": {"mode": "img2img", "init": image}},
            }
            for path, wish in wishes.items():
                refused = nils.post(path, json=wish)
                assert refused.status_code in (400, 404, 422) and "SECRET" not in refused.text, (path, refused.text)
            assert mia.post("/api/v1/jobs", json=wishes["/api/v1/jobs"]).status_code == 201
            assert owner.post("/api/v1/jobs", json=wishes["/api/v1/jobs"]).status_code == 201
        grid = nils.post("/api/v1/grids", json={"request": small, "axes": [{"kind": "Start pictures", "values": [sent]}]})
        assert grid.status_code == 422


def test_who_is_invited_is_followed_by_no_stranger_of_that_name(server, owner):
    with server.client(**{"X-Access-Key": ACCESS}) as stranger:
        with stranger.stream("GET", "/api/v1/events", headers={"X-Owner": "Olga"}) as events:
            lines = events.iter_lines()
            assert next(lines)
            invited(owner, "Olga")
            assert "event: ended" in list(lines)


def test_keys_of_a_persons_name_do_no_more_than_the_person_and_end_with_them(server, owner):
    def key(name, *scopes, by=owner):
        return by.post("/api/v1/keys", json={"owner": name, "scopes": ["read", "generate", *scopes]}).json()["key"]

    def may(text):
        with server.client(**{"X-Access-Key": text}) as client:
            answer = client.get("/api/v1/me")
            return answer.json()["role"] if answer.status_code == 200 else None

    before = key("Petra")
    petra = invited(owner, "Petra", "member")
    assert may(before) is None, "it was somebody else's who went by this name"
    keys = [key("Petra"), key("petra"), key("Ｐetra"), key("Petra", "admin")]
    assert [may(each) for each in keys] == ["member"] * 4
    owner.patch(f"/api/v1/people/{petra['id']}", json={"role": "guest"})
    assert [may(each) for each in keys] == ["guest"] * 4
    owner.delete(f"/api/v1/people/{petra['id']}")
    assert [may(each) for each in keys] == [None] * 4
    with pytest.raises(NotFound, match="taken back"):
        server.services.keys.make("Petra", maker=petra["id"])
    quin = invited(owner, "Quin", "owner")
    with opened(server, quin["link"]) as second:
        others = key("local", by=second)
    owner.patch(f"/api/v1/people/{quin['id']}", json={"role": "guest"})
    assert may(others) is None


def test_nobody_goes_by_a_name_that_looks_like_an_invited_ones(server, owner):
    invited(owner, "Tia")
    assert owner.post("/api/v1/people", json={"name": "Тіа"}).status_code == 409, "in Cyrillic letters"
    with server.client(**{"X-Access-Key": ACCESS}) as guest:
        for name in ("Тіа", "Ｔｉａ", "tia"):
            refused = guest.patch("/api/v1/me", json={"name": name})
            assert refused.status_code == 422 and "invited" in refused.json()["message"], name
            assert guest.get("/api/v1/me", headers={"Cookie": f"darkroom_owner={quote(name)}"}).json()["name"].startswith("guest")
        assert "alphabets" in guest.patch("/api/v1/me", json={"name": "Тiа"}).json()["message"]
    invited(owner, "Zoé")
    with server.client(**{"X-Access-Key": ACCESS}) as guest:
        cookie = {"Cookie": f"darkroom_owner={quote('Zoe' + chr(0x301))}"}
        assert guest.get("/api/v1/me", headers=cookie).json()["name"].startswith("guest"), "an accent of its own makes no other name"


def test_who_leaves_by_the_command_line_leaves_jobs_and_webhooks_behind_too(server, owner):
    keys, hooks = server.app.state.api_keys, server.app.state.webhooks
    other = ApiKeys(server.services.queue.store)  # as the command line has it, in a process of its own
    ends, made = {}, {name: invited(owner, name, "member") for name in ("Wim", "Xia", "Yan")}
    owner.post("/api/v1/queue/pause")
    try:
        for name, link in ((name, each["link"]) for name, each in made.items()):
            with opened(server, link) as person:
                ends[name] = person.post("/api/v1/jobs", json=APPLE).json()["id"]
                assert person.post("/api/v1/webhooks", json={"url": "https://example.org/x"}).status_code == 201
        other.take_back(made["Wim"]["id"])
        other.change_role(made["Xia"]["id"], "guest")
        until(lambda: not hooks.all("Wim") and not hooks.all("Xia"))
        until(lambda: server.services.queue.get(ends["Wim"]).state == "cancelled")
        assert hooks.all("Yan") and keys.person("Yan") is not None
        assert {server.services.queue.get(ends[name]).state for name in ("Xia", "Yan")} == {"queued"}
    finally:
        owner.post("/api/v1/queue/resume")


def test_the_list_tells_when_many_pictures_of_others_are_deleted(server, owner):
    with server.client(owner="Zack", **{"X-Access-Key": ACCESS}) as guest:
        done = finished(guest, guest.post("/api/v1/jobs", json={**APPLE, "batch_count": 2}).json()["id"])
        ids = [each["id"] for each in done["images"]]
        owner.patch("/api/v1/images", json={"ids": ids, "trashed": True})
        owner.patch("/api/v1/images", json={"ids": ids[:1], "trashed": False})
        guest.patch("/api/v1/images", json={"ids": ids, "trashed": True})
        owner.post("/api/v1/images/purge", json={"ids": ids})
    assert did(owner)[:3] == [
        "local deleted 2 pictures of others for good",
        "local restored a picture of somebody else's from the bin",
        "local moved 2 pictures of others to the bin",
    ]
