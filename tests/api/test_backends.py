"""`/api/v1/backends`: what there is, who may change it, and that a key is told to nobody."""

import pytest

from tests.backends.replicate_server import ReplicateServer


@pytest.fixture
def replicate(monkeypatch):
    server = ReplicateServer()
    monkeypatch.setenv("REPLICATE_BASE_URL", server.url)
    yield server
    server.close()


def test_a_provider_is_switched_on_given_a_key_confirmed_and_used(server, replicate):
    wanted = {"prompt": "a red apple", "where": "replicate", "checkpoint": "stability-ai/sdxl"}
    with server.client() as local, server.client("ann") as ann:
        assert ann.get("/api/v1/backends").json() == {"backends": []}, "what is off is the owner's business"
        names = [each["name"] for each in local.get("/api/v1/backends").json()["backends"]]
        assert names == ["horde", "huggingface", "openai", "replicate", "stability"]
        refused = ann.post("/api/v1/jobs", json=wanted)
        assert refused.status_code == 422 and "Replicate is off." in refused.json()["message"]
        assert ann.patch("/api/v1/backends/replicate", json={"on": True}).status_code == 403
        assert local.patch("/api/v1/backends/nowhere", json={"on": True}).status_code == 404

        assert local.patch("/api/v1/backends/replicate", json={"on": True}).json()["on"] is True
        assert "has no key here" in ann.post("/api/v1/jobs", json=wanted).json()["message"]
        changed = local.patch("/api/v1/backends/replicate", json={"key": replicate.key}).json()
        assert changed["key"] == "file" and replicate.key not in str(changed)
        refused = ann.post("/api/v1/jobs", json=wanted).json()
        assert replicate.url in refused["message"] and "There are sent: the prompt" in refused["message"]
        assert local.post("/api/v1/backends/replicate/accept").json()["accepted"] is True

        known = ann.get("/api/v1/backends/model", params={"where": "replicate", "checkpoint": "stability-ai/sdxl"}).json()
        assert "guidance" in known["honours"] and known["ranges"]["steps"] == [1, 50]
        job = ann.post("/api/v1/jobs", json=wanted).json()
        assert job["request"]["where"] == "replicate"
        with ann.stream("GET", f"/api/v1/jobs/{job['id']}/events", params={"after": 0}) as events:
            assert any("event: done" in line for line in events.iter_lines())
        assert ann.get(f"/api/v1/jobs/{job['id']}").json()["images"][0]["width"] == 64
        local.patch("/api/v1/backends/replicate", json={"on": False, "accepted": False, "key": ""})
