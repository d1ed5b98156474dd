"""Webhooks: told once a job has ended, signed, tried again, kept over a restart, and never sent where they must not go."""

import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

import pytest

from tests.api.conftest import Server, finished
from tests.waiting import until
from webui.api.webhooks import signature

APPLE = {"prompt": "a red apple", "checkpoint": "tiny", "steps": 2, "width": 64, "height": 64}


class Receiver:
    """A server that notes what is posted to it, and answers what it is told to."""

    def __init__(self) -> None:
        self.heard: SimpleQueue = SimpleQueue()
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.put((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, receiver):
    server = Server(tmp_path_factory.mktemp("hooks"), webhook_hosts=(receiver.place,))
    server.app.state.webhooks.pauses = (0.01, 0.01)
    yield server
    server.close()


@pytest.fixture
def hook(server, receiver, request):
    owner = request.node.name[:60].replace("[", " ").replace("]", " ").strip()
    with server.client(owner) as client:
        made = client.post("/api/v1/webhooks", json={"url": f"http://{receiver.place}/hook"})
        assert made.status_code == 201, made.text
        yield client, made.json()
        client.delete(f"/api/v1/webhooks/{made.json()['id']}")


def test_a_delivery_is_signed_and_holds_the_job(receiver, hook):
    client, made = hook
    job = client.post("/api/v1/jobs", json=APPLE).json()
    headers, body = receiver.heard.get(timeout=60)
    told = json.loads(body)
    assert (told["event"], told["webhook"], told["job"]["id"], told["job"]["state"]) == ("done", made["id"], job["id"], "done")
    assert told["job"]["images"] and told["job"]["owner"] == job["owner"]
    assert headers["X-Darkroom-Event"] == "done" and headers["X-Darkroom-Delivery"] == f"{job['id']}-done"
    moment = int(headers["X-Darkroom-Signature"].partition("=")[2].partition(",")[0])
    assert hmac.compare_digest(headers["X-Darkroom-Signature"], signature(made["secret"], moment, body))
    assert signature("another", moment, body) != headers["X-Darkroom-Signature"]


def test_what_is_not_taken_is_sent_again_and_then_given_up(receiver, hook):
    client, made = hook
    receiver.answers += [500, 302, 503]
    client.post("/api/v1/jobs", json=APPLE)
    names = {receiver.heard.get(timeout=60)[0]["X-Darkroom-Delivery"] for _ in range(3)}
    assert len(names) == 1 and receiver.answers == []


def test_a_receiver_that_is_gone_hears_nothing_more(receiver, hook):
    client, made = hook
    receiver.answers += [410]
    job = client.post("/api/v1/jobs", json=APPLE).json()
    assert receiver.heard.get(timeout=60)[0]["X-Darkroom-Delivery"] == f"{job['id']}-done"
    shown = until(lambda: it if not (it := client.get("/api/v1/webhooks").json()["webhooks"][0])["active"] else None)
    assert "410" in shown["trouble"]
    another = client.post("/api/v1/webhooks", json={"url": f"http://{receiver.place}/hook"}).json()
    client.post("/api/v1/jobs", json=APPLE)
    assert json.loads(receiver.heard.get(timeout=60)[1])["webhook"] == another["id"]
    client.delete(f"/api/v1/webhooks/{another['id']}")


def test_only_ones_own_endings_that_were_asked_for_are_told(server, receiver, hook):
    client, made = hook
    client.delete(f"/api/v1/webhooks/{made['id']}")
    wish = {"url": f"http://{receiver.place}/hook", "events": ["cancelled"]}
    only = client.post("/api/v1/webhooks", json=wish).json()
    with server.client("somebody else") as other:
        assert other.get("/api/v1/webhooks").json() == {"webhooks": []}
        assert other.delete(f"/api/v1/webhooks/{only['id']}").status_code == 404
        theirs = other.post("/api/v1/jobs", json={**APPLE, "prompt": "never"}).json()
        other.delete(f"/api/v1/jobs/{theirs['id']}")
        finished(other, theirs["id"])
    finished(client, client.post("/api/v1/jobs", json=APPLE).json()["id"])
    job = client.post("/api/v1/jobs", json={**APPLE, "prompt": "never"}).json()
    client.delete(f"/api/v1/jobs/{job['id']}")
    assert receiver.heard.get(timeout=60)[0]["X-Darkroom-Delivery"] == f"{job['id']}-cancelled"
    (shown,) = client.get("/api/v1/webhooks").json()["webhooks"]
    assert "secret" not in shown and shown["events"] == ["cancelled"]
    client.delete(f"/api/v1/webhooks/{only['id']}")


REFUSED = {
    "this machine": "http://127.0.0.1:1/x",
    "its name": "http://localhost:1/x",
    "a private network": "http://10.0.0.1/x",
    "link local": "http://169.254.169.254/latest",
    "IPv6": "http://[::1]/x",
    "IPv4 in IPv6": "http://[::ffff:10.0.0.1]/x",
    "by way of NAT64": "http://[64:ff9b::a00:1]/x",
    "a number": "http://2130706433/x",
    "everybody": "http://224.0.0.1/x",
    "another scheme": "file:///etc/passwd",
    "a password": "http://me:secret@example.org/x",
    "nothing": "",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_what_is_not_on_the_internet_is_refused(server, url):
    with server.client("stranger") as client:
        answer = client.post("/api/v1/webhooks", json={"url": url})
        assert answer.status_code == 422 and answer.json()["field"] == "url", answer.text


def test_odd_wishes_are_refused(server):
    with server.client("stranger") as client:
        for wish in ({}, {"url": 5}, {"url": "http://example.org/" + "x" * 3000}, {"url": "http://1.1.1.1", "events": []}):
            assert client.post("/api/v1/webhooks", json=wish).status_code == 422
        assert client.post("/api/v1/webhooks", json={"url": "http://1.1.1.1", "events": ["never"]}).status_code == 422
        said = client.post("/api/v1/webhooks", json={"url": "http://1.1.1.1", "events": []}).json()
        assert (said["field"], said["message"][:50]) == ("events", "events must name one of done, failed, cancelled, o")


def test_what_was_not_taken_is_told_after_a_restart(tmp_path, receiver):
    first = Server(tmp_path, webhook_hosts=(receiver.place,))
    first.app.state.webhooks.pauses = (0.0,) * 3 + (3600.0,)
    receiver.answers += [500] * 4
    with first.client("anna") as client:
        client.post("/api/v1/webhooks", json={"url": f"http://{receiver.place}/hook"})
        job = client.post("/api/v1/jobs", json=APPLE).json()
        for _ in range(4):
            receiver.heard.get(timeout=60)
        finished(client, job["id"])
    first.close()
    second = Server(tmp_path, webhook_hosts=(receiver.place,))
    hooks = second.app.state.webhooks
    with hooks._lock:
        hooks._waiting = [each.model_copy(update={"due": 0.0}) for each in hooks._waiting]
        hooks._lock.notify_all()
    assert receiver.heard.get(timeout=60)[0]["X-Darkroom-Delivery"] == f"{job['id']}-done"
    second.close()
