"""What strangers may hold before a key is asked for: connections, their time, the log."""

import contextlib
import os
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Server
from tests.waiting import until
from webui.api.connections import Patience

ROOT = Path(__file__).resolve().parents[2]
HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def wire(server, sent=b"", address="127.0.0.1"):
    port = int(server.url.rsplit(":", 1)[1])
    opened = socket.create_connection(("127.0.0.1", port), 20, source_address=(address, 0))
    opened.sendall(sent)
    return opened


def told(connection, seconds=20.0):
    """All that comes until the other end closes."""
    connection.settimeout(seconds)
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(4096):
            found += part
    return found


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("hasty"),
        access_key="open sesame",
        patience=Patience(head=1, body=1, rate=1000, after=1, reader=2, most=60, each=20),
    )
    yield server
    server.close()


@pytest.mark.parametrize("sent", [b"", b"G", HEAD], ids=["nothing", "a letter", "half a head"])
def test_a_head_that_does_not_come_is_not_waited_for(hasty, sent):
    with wire(hasty, sent) as connection:
        assert told(connection).startswith(b"HTTP/1.1 408 ")


def test_a_head_that_trickles_is_not_waited_for_either(hasty):
    with wire(hasty, HEAD) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 60:
                connection.sendall(b"X")
                time.sleep(0.2)


@pytest.mark.parametrize("path", [b"/login", b"/api/v1/jobs"])
def test_a_body_that_trickles_is_not_waited_for(hasty, path):
    head = b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000\r\n\r\n"
    with wire(hasty, head) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 60:
                connection.sendall(b"x")
                time.sleep(0.2)


def test_who_waits_between_two_requests_is_not_sent_away_and_may_send_a_large_body_at_its_own_pace(hasty):
    with hasty.client(**{"X-Access-Key": "open sesame"}) as client:
        assert client.get("/health").status_code == 200
        time.sleep(2.5)
        assert client.get("/health").status_code == 200
        slowly = (time.sleep(0.5) or b"x" * 4000 for _ in range(6))
        assert client.post("/page/parameters/picture", content=slowly).status_code == 422


def test_a_thousand_half_requests_do_not_lock_anybody_out(hasty):
    """Neither others, nor those who come from the same address; who is being answered stays."""
    with hasty.client(**{"X-Access-Key": "open sesame"}) as client, client.stream("GET", "/api/v1/events") as page:
        lines = page.iter_lines()
        assert next(lines) == "event: snapshot"
        held = [wire(hasty, HEAD, f"127.0.0.{2 + number % 5}") for number in range(300)]
        for address in ("127.0.0.2", "127.0.0.7", "127.0.0.1"):
            with wire(hasty, HEAD + b"X-Access-Key: open sesame\r\nConnection: close\r\n\r\n", address) as connection:
                assert told(connection).startswith(b"HTTP/1.1 200 ")
        client.post("/api/v1/queue/pause")
        assert next(line for line in lines if line.startswith("data:"))
        for connection in held:
            connection.close()


def test_where_all_are_at_work_one_more_is_told_so(hasty):
    with contextlib.ExitStack() as held:
        for number in range(20):
            request = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nX-Access-Key: open sesame\r\n\r\n"
            stream = held.enter_context(wire(hasty, request, "127.0.0.9"))
            assert b"200 OK" in stream.recv(100), number
        with wire(hasty, HEAD, "127.0.0.9") as connection:
            assert told(connection).startswith(b"HTTP/1.1 503 ")
        with wire(hasty, HEAD + b"Connection: close\r\n\r\n", "127.0.0.8") as connection:
            assert b" 401 " in told(connection)


def test_who_still_sends_while_it_is_told_so_reads_the_answer(hasty):
    """To close with bytes unread resets a connection: what it was told would be lost with it."""
    with contextlib.ExitStack() as held:
        request = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nX-Access-Key: open sesame\r\n\r\n"
        for _ in range(20):
            assert b"200 OK" in held.enter_context(wire(hasty, request, "127.0.0.10")).recv(100)
        for _ in range(20):
            with wire(hasty, HEAD, "127.0.0.10") as connection:
                assert connection.recv(1, socket.MSG_PEEK) == b"H"
                connection.sendall(b"\r\n")
                connection.sendall(b"x" * 1000)
                assert told(connection).startswith(b"HTTP/1.1 503 ")
        with wire(hasty, address="127.0.0.10") as silent:
            assert told(silent).startswith(b"HTTP/1.1 503 ")


def test_with_few_files_the_log_stays_small_and_the_server_answers_again(tmp_path):
    """asyncio logs a traceback for each connection that it cannot accept, 2,048 of them a second."""
    command = [sys.executable, "-u", "-m", "webui", "serve", "--no-browser", "--listen", "--port", "0", "--data-dir", str(tmp_path)]

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 130))

    log = tmp_path / "log"
    environment = {**os.environ, "DARKROOM_HOST": "127.0.0.2"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment, preexec_fn=few)  # noqa: PLW1509
    found = until(lambda: re.search(r"Darkroom is at (http://127\.0\.0\.2:(\d+))/", log.read_text()) or process.poll() is not None)
    assert found is not True, log.read_text()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"Max open files +130 +130", limits)
    held = []
    for number in range(400):
        connection = socket.socket()
        connection.bind((f"127.0.0.{3 + number % 90}", 0))
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            connection.connect(("127.0.0.2", int(found[2])))
            connection.sendall(HEAD)
        held.append(connection)
    time.sleep(3)
    assert httpx.get(f"{found[1]}/health", trust_env=False, timeout=20).status_code == 401
    for connection in held:
        connection.close()
    process.terminate()
    process.wait(20)
    assert log.stat().st_size < 20_000 and "Traceback" not in log.read_text(), log.read_text()[-3000:]
