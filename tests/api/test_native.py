"""The API as its clients use it: submit, follow, fetch, stop; errors say what, where, and what to do."""

import io
import itertools
import json
import re
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from tests.api.conftest import finished
from tests.waiting import until
from webui.api import stream
from webui.jobs.events import Message

BODY = {"prompt": "a red apple", "checkpoint": "tiny"}


def png(size=(64, 64), colour="red", mode="RGB"):
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG")
    return stream.getvalue()


def events(client, url):
    """(type, data) of a stream until it ends."""
    found, kind = [], ""
    with client.stream("GET", url) as response:
        for line in response.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((kind, json.loads(line.removeprefix("data: "))))
                if kind in ("done", "failed", "cancelled"):
                    break
    return found


def test_submit_follow_and_fetch(server):
    with server.client() as client:
        answer = client.post("/api/v1/jobs", json=BODY)
        job = answer.json()
        assert answer.status_code == 201 and job["state"] in ("queued", "running") and job["request"]["width"] == 64
        told = events(client, f"/api/v1/jobs/{job['id']}/events")
        kinds = [kind for kind, _ in told]
        assert kinds[0] == "queued" and kinds[-1] == "done" and {"started", "image"} <= set(kinds)
        assert all(data["type"] == kind for kind, data in told)
        stored = [data["seq"] for kind, data in told if kind not in ("step", "preview")]
        assert stored == sorted(stored)
        later = events(client, f"/api/v1/jobs/{job['id']}/events?after={stored[1]}")
        assert [data["seq"] for _, data in later] == stored[2:]
        done = client.get(f"/api/v1/jobs/{job['id']}").json()
        picture = client.get(done["images"][0]["url"])
        assert picture.headers["content-type"] == "image/png"
        assert "Steps: 3" in Image.open(io.BytesIO(picture.content)).info["parameters"]
        assert "Steps: 3" in client.get(f"{done['images'][0]['url']}/parameters").json()["text"]
        assert Image.open(io.BytesIO(client.get(f"{done['images'][0]['url']}/thumb?size=64").content)).width == 64


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"width": 513}, "width", "Nearest: 512"),
        ({"steps": 0}, "steps", "between 1 and 1000"),
        ({"sampler": "Eular"}, "sampler", "no sampler named"),
        ({"schedule": "Nope"}, "schedule", "no schedule named"),
        ({"checkpoint": "nowhere"}, "checkpoint", "named 'nowhere'. There"),
        ({"prompt": "x" * 1_000_000}, "prompt", "at most 100000"),
        ({"bogus": 1}, "bogus", "no field named bogus"),
        ({"mode": "img2img"}, "init", "Choose a picture first"),
        ({"mode": "img2img", "init": "0" * 64}, "init", "not here any more"),
        ({"extras": {"nobody": {}}}, "extras.nobody", "not here or is switched off"),
        ({"extras": {"film_grain": {"amount": 9}}}, "extras.film_grain.amount", "Amount"),
    ],
)
def test_bad_input_is_422_beside_its_field(server, body, field, words):
    with server.client() as client:
        answer = client.post("/api/v1/jobs", json={**BODY, **body})
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == field and words in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "words"),
    [
        ("GET", "images?limit=0", "", "limit", "limit must be at least 1."),
        ("GET", "images?limit=201", "", "limit", "limit must be at most 200."),
        ("GET", "jobs?limit=many", "", "limit", "limit must be a whole number."),
        ("POST", "jobs?priority=-101", "{}", "priority", "priority must be at least -100."),
        ("PUT", "jobs/0/preview?period=61", "", "period", "period must be at most 60."),
        ("PUT", "jobs/0/preview?method=fast", "", "method", "method must be one of 'linear', 'taesd' or 'full'."),
        ("POST", "jobs", "[]", "request", "The body must be a JSON object."),
        ("POST", "jobs", '{"steps": "abc"}', "steps", "Sampling steps must be a whole number."),
        ("POST", "jobs", '{"sampler_options": {"eta": -3}}', "sampler_options.eta", "Eta must be between 0 and 10."),
        ("POST", "jobs", '{"hires": {"scale": null}}', "hires.scale", "Upscale by must be a number."),
    ],
)
def test_a_call_is_refused_in_words(server, method, path, body, field, words):
    with server.client() as client:
        answer = client.request(method, f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (422, {"message": words, "field": field})


def test_a_corrupt_checkpoint_is_refused_and_the_next_job_is_made(server):
    (server.settings.data_dir / "models" / "Stable-diffusion" / "corrupt.safetensors").write_bytes(b"no weights")
    with server.client() as client:
        answer = client.post("/api/v1/jobs", json={**BODY, "checkpoint": "corrupt"})
        assert answer.status_code == 422 and answer.json()["field"] == "checkpoint"
        assert "corrupt.safetensors is not a whole safetensors file" in answer.json()["message"]
        assert finished(client, client.post("/api/v1/jobs", json={**BODY, "prompt": ""}).json()["id"])["state"] == "done"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_request(server, content):
    with server.client() as client:
        assert client.post("/api/v1/jobs", content=content).status_code == 422


def test_an_empty_body_object_is_a_whole_request(server):
    with server.client() as client:
        assert finished(client, client.post("/api/v1/jobs", json={"checkpoint": "tiny"}).json()["id"])["state"] == "done"


def test_unknown_ids_are_404(server):
    with server.client() as client:
        for method, url in (
            ("GET", "/api/v1/jobs/x"),
            ("DELETE", "/api/v1/jobs/x"),
            ("GET", "/api/v1/jobs/x/events"),
            ("GET", "/api/v1/images/x"),
            ("GET", "/api/v1/x"),
        ):
            assert client.request(method, url).status_code == 404, url


def test_uploads_become_init_and_mask(server):
    with server.client() as client:
        init, mask = (client.post("/api/v1/images", content=png(colour=colour)).json()["id"] for colour in ("red", "white"))
        assert client.post("/api/v1/images", files={"file": ("a.png", png())}).json()["id"] == init
        job = client.post("/api/v1/jobs", json={**BODY, "mode": "inpaint", "init": init, "mask": mask}).json()
        assert finished(client, job["id"])["state"] == "done"
        small = client.post("/api/v1/images", content=png((32, 32))).json()["id"]
        answer = client.post("/api/v1/jobs", json={**BODY, "mode": "inpaint", "init": init, "mask": small})
        assert answer.json()["field"] == "mask" and "32×32" in answer.json()["message"]
        broken = client.post("/api/v1/images", content=b"<html>")
        assert broken.status_code == 422 and "Use PNG" in broken.json()["message"]


def test_a_result_can_be_a_start_picture(server):
    with server.client() as client:
        first = finished(client, client.post("/api/v1/jobs", json=BODY).json()["id"])
        job = client.post("/api/v1/jobs", json={**BODY, "mode": "img2img", "init": first["images"][0]["id"]}).json()
        assert finished(client, job["id"])["state"] == "done"
        assert server.services.gallery.store.upload_path(first["images"][0]["id"]).is_file()


def test_idempotency(server):
    with server.client("ann") as client:
        first, second = (client.post("/api/v1/jobs", json=BODY, headers={"Idempotency-Key": "k1"}).json() for _ in range(2))
        assert first["id"] == second["id"]
        assert client.post("/api/v1/jobs", json={**BODY, "prompt": "other"}, headers={"Idempotency-Key": "k1"}).status_code == 409


def test_others_jobs_are_someones(server):
    with server.client("ann") as ann, server.client("who looks on") as bob, server.client() as local:
        job = finished(ann, ann.post("/api/v1/jobs", json=BODY).json()["id"])
        seen = bob.get(f"/api/v1/jobs/{job['id']}").json()
        assert (seen["owner"], seen["request"], seen["images"], seen["mine"]) == ("someone", None, [], False)
        assert bob.delete(f"/api/v1/jobs/{job['id']}").status_code == 404
        assert bob.get(job["images"][0]["url"]).status_code == 404
        assert bob.get("/api/v1/images").json()["total"] == 0
        assert local.get(f"/api/v1/jobs/{job['id']}").json()["owner"] == "ann"
        assert job["images"][0]["id"] in {image["id"] for image in local.get("/api/v1/images?limit=200").json()["images"]}
        assert "apple" not in json.dumps([data for _, data in events(bob, f"/api/v1/jobs/{job['id']}/events")])


def test_stop_and_preview(server):
    with server.client() as client, client.stream("GET", "/api/v1/events") as page:
        lines = page.iter_lines()
        assert next(lines) == "event: snapshot"
        job = client.post("/api/v1/jobs", json={**BODY, "prompt": "never"}).json()
        while not next(lines).startswith("event: preview"):
            pass
        preview = client.get(f"/api/v1/jobs/{job['id']}/preview")
        assert preview.content.startswith(b"\xff\xd8") and preview.headers["cache-control"] == "no-store"
        snapshot = server.client().get("/api/v1/jobs?state=running").json()["jobs"][0]
        assert snapshot["progress"]["steps"] == 3
        client.delete(f"/api/v1/jobs/{job['id']}")
        assert finished(client, job["id"])["state"] == "cancelled"


@pytest.mark.parametrize("busy", [False, True], ids=["nothing happens", "only what others may not see"])
def test_a_page_hears_that_the_server_is_there(server, monkeypatch, busy):
    monkeypatch.setattr(stream, "KEEP_ALIVE", 0.2)
    over = threading.Event()

    def happen():
        while not over.wait(0.01):
            server.services.queue.events.publish(Message("preview", {"type": "preview", "job_id": "j", "frame": 1}, "ann", "j"))

    with ThreadPoolExecutor(1) as others, server.client("bob").stream("GET", "/api/v1/events") as page:
        if busy:
            others.submit(happen)
        alive = itertools.islice((line for line in page.iter_lines() if line == "event: alive"), 2)
        assert len(list(alive)) == 2
        over.set()


def test_a_jobs_previews_come_as_often_and_as_it_was_chosen_for_this_job(server):
    def shown(client, job, wanted):
        until(lambda: client.get(f"/api/v1/jobs/{job['id']}/preview").content == wanted)

    with server.client() as client, client.stream("GET", "/api/v1/events"):
        job = client.post("/api/v1/jobs", json={**BODY, "prompt": "never watched"}).json()
        shown(client, job, b"0.5 linear")
        assert client.put(f"/api/v1/jobs/{job['id']}/preview?period=0.2&method=full").json() == {"period": 0.2, "method": "full"}
        shown(client, job, b"0.2 full")
        client.put(f"/api/v1/jobs/{job['id']}/preview?method=taesd")
        shown(client, job, b"0.5 taesd")
        assert client.put(f"/api/v1/jobs/{job['id']}/preview?period=-1").status_code == 422
        client.delete(f"/api/v1/jobs/{job['id']}")
        finished(client, job["id"])
        assert client.put(f"/api/v1/jobs/{job['id']}/preview?period=1").status_code == 409


def test_bin_and_restore(server):
    with server.client() as client:
        image = finished(client, client.post("/api/v1/jobs", json={**BODY, "seed": 77}).json()["id"])["images"][0]
        assert client.delete(image["url"]).status_code == 200
        assert client.get(image["url"]).status_code == 404
        assert client.post(f"{image['url']}/restore").status_code == 200
        assert client.get(image["url"]).status_code == 200


def test_gallery_pages_and_search(server):
    with server.client("gallery") as client:
        for number in range(3):
            finished(client, client.post("/api/v1/jobs", json={**BODY, "prompt": f"unicorn {number}", "seed": number}).json()["id"])
        page = client.get("/api/v1/images?limit=2").json()
        rest = client.get(f"/api/v1/images?limit=2&after={page['images'][-1]['id']}").json()
        prompts = [image["request"]["prompt"] for image in (*page["images"], *rest["images"])]
        assert prompts == ["unicorn 2", "unicorn 1", "unicorn 0"] and page["total"] == 3
        assert client.get("/api/v1/images?search=UNICORN 1").json()["total"] == 1
        assert client.get("/api/v1/images?search=100%").json()["total"] == 0


def test_capabilities_and_openapi(server):
    with server.client() as client:
        known = client.get("/api/v1/capabilities").json()
        assert "tiny" in [model["name"] for model in known["checkpoints"]] and known["samplers"] and known["schedules"]
        grain = next(extension for extension in known["extensions"] if extension["id"] == "film_grain")
        assert "amount" in grain["schema"]["properties"]
        document = client.get("/api/v1/openapi.json").json()
        body = document["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/GenerationRequest"}
        schemas = document["components"]["schemas"]
        assert schemas["GenerationRequest"]["properties"]["hires"]["anyOf"][0] == {"$ref": "#/components/schemas/HiresOptions"}
        assert all(
            name.removeprefix("#/components/schemas/") in schemas for name in re.findall(r"#/components/schemas/\w+", json.dumps(document))
        )


def test_health_ready_metrics(server):
    with server.client() as client:
        finished(client, client.post("/api/v1/jobs", json=BODY).json()["id"])
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/ready").json()["ready"] is True
        text = client.get("/metrics").text
    families = {name: kind for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)}
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    shape = re.compile(r'^(?P<name>[a-z_:][a-z0-9_:]*)(\{[a-z_]+="(\\.|[^"\\\n])*"\})? -?\d+(\.\d+)?(e[+-]\d+)?$')
    assert all(shape.match(line) for line in samples), samples
    assert {shape.match(line)["name"] for line in samples} == set(families)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in families.items())
    assert text.endswith("\n") and len(samples) == len(set(samples))
    values = dict(line.rsplit(" ", 1) for line in samples)
    assert int(values['darkroom_jobs{state="done"}']) >= 1 and int(values["darkroom_steps_total"]) >= 3
    assert values['darkroom_engine_up{engine="engine-1"}'] == "1"
    for name in ("running_jobs", "batch_passes_total", "batch_jobs_total", "batch_seconds_total", "batch_wait_seconds_total"):
        assert f'darkroom_{name}{{engine="engine-1"}}' in values


def test_a_limit_is_told_with_what_is_left_and_when_it_renews(server):
    with server.client("lim") as client:
        server.services.settings.change({"limit_jobs": 1, "limit_megapixels": 100})
        try:
            job = client.post("/api/v1/jobs", json={**BODY, "prompt": "never"}).json()
            refused = client.post("/api/v1/jobs", json=BODY)
            assert refused.status_code == 429 and "1 are allowed at a time" in refused.json()["message"]
            limits = {each["name"]: each for each in client.get("/api/v1/queue").json()["limits"]}
            assert limits["jobs"]["left"] == 0 and 99 < limits["megapixels"]["left"] < 100 and limits["megapixels"]["renews"]
            client.delete(f"/api/v1/jobs/{job['id']}")
            finished(client, job["id"])
            server.services.settings.change({"limit_jobs": 0, "limit_megapixels": 0.001})
            refused = client.post("/api/v1/jobs", json=BODY)
            assert refused.status_code == 429 and int(refused.headers["Retry-After"]) <= 25 * 3600 and refused.json()["renews"]
            assert server.client().get("/api/v1/queue").json()["limits"] == []
        finally:
            server.services.settings.change({"limit_jobs": 0, "limit_megapixels": 0})


def test_jobs_of_several_owners_run_at_once_and_followers_see_which(server):
    with server.client("ann") as ann, server.client("bob") as bob, server.client() as local:
        jobs = [client.post("/api/v1/jobs", json={**BODY, "prompt": "never"}).json()["id"] for client in (ann, bob)]
        until(lambda: set(server.services.queue.engines()[0].jobs) == set(jobs))
        assert {local.get(f"/api/v1/jobs/{job}").json()["state"] for job in jobs} == {"running"}
        assert 'darkroom_running_jobs{engine="engine-1"} 2' in local.get("/metrics").text
        assert ann.delete(f"/api/v1/jobs/{jobs[1]}").status_code == 404
        for client, job in zip((ann, bob), jobs, strict=True):
            client.delete(f"/api/v1/jobs/{job}")
            assert finished(client, job)["state"] == "cancelled"


def test_a_client_that_vanishes_is_forgotten(server):
    feed = server.services.queue.events
    before = feed.count
    for address in ("/api/v1/events", "/api/v1/events?after=0"):
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as wire:
            wire.sendall(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert b"200 OK" in wire.recv(100)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone without a word
        until(lambda: feed.count <= before)
    with server.client() as client:
        assert finished(client, client.post("/api/v1/jobs", json=BODY).json()["id"])["state"] == "done"


def test_a_thousand_submits_at_once_all_arrive(server):
    with server.client() as client:
        client.post("/api/v1/queue/pause")

        def submit(number):
            return client.post("/api/v1/jobs", json={**BODY, "seed": number}, headers={"X-Owner": f"crowd{number % 7}"})

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(submit, range(1000)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1000
        line = client.get("/api/v1/queue").json()["waiting"]
        assert [entry["place"] for entry in line] == list(range(1, 1001))
        assert client.get("/health").status_code == 200
        stopped = [client.delete("/api/v1/jobs", headers={"X-Owner": f"crowd{number}"}).json()["stopped"] for number in range(7)]
        assert sum(stopped) == 1000
        client.post("/api/v1/queue/resume")


def test_only_the_machines_user_pauses(server):
    with server.client("ann") as ann, server.client() as local:
        assert {ann.post(f"/api/v1/queue/{act}").status_code for act in ("pause", "resume", "free")} == {403}
        assert local.post("/api/v1/queue/pause").json() == {"paused": True}
        job = local.post("/api/v1/jobs", json=BODY).json()
        assert local.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "queued"
        local.post("/api/v1/queue/resume")
        assert finished(local, job["id"])["state"] == "done"
