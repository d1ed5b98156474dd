"""The way out to addresses that callers name: who is met, under which name, how much is read."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from webui.api import outward
from webui.api.outward import OutwardError, Target


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        place = self.headers["Host"]
        moved = {"/moved": "/file", "/inside": "http://10.0.0.1/", "/round": "/round"}.get(self.path)
        self.send_response(302 if moved else 404 if self.path == "/none" else 200)
        if moved:
            self.send_header("Location", moved)
        self.end_headers()
        if not moved:
            self.wfile.write(b"x" * 5000 if self.path == "/large" else place.encode())

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def place():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_address_that_was_checked_is_met_under_the_name_that_was_written(place):
    assert Target.of(f"http://{place}/", (place,)).address in ("127.0.0.1", "::1")
    own = place.replace("localhost", "127.0.0.1")
    assert outward.fetch(f"http://{own}/file", 1000, (own,)) == own.encode()
    assert outward.fetch(f"http://{own}/moved", 1000, ("127.0.0.1",)) == own.encode()


@pytest.mark.parametrize(("path", "words"), [("large", "larger"), ("none", "404"), ("inside", "private network"), ("round", "without end")])
def test_what_is_not_to_be_had(place, path, words):
    own = place.replace("localhost", "127.0.0.1")
    with pytest.raises(OutwardError, match=words):
        outward.fetch(f"http://{own}/{path}", 1000, (own,))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "64:ff9b::a00:1", "ff02::1", "x"]
)
def test_what_is_no_place_on_the_internet(address):
    assert not outward.is_public(address)


def test_the_internet_is():
    assert outward.is_public("1.1.1.1") and outward.is_public("2606:4700:4700::1111")


def test_nobody_answers():
    with pytest.raises(OutwardError, match="does not answer"):
        outward.post("http://127.0.0.1:9/", b"", {}, ("127.0.0.1",))
