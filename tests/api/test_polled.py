"""The same answer again, for a moment: to the same question on the same connection, and to no other."""

import json
import re
import socket
import time

import h11
import pytest

from webui.api.polled import Polled, Recording

POLL = b"GET /sdapi/v1/progress HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OK = [("content-length", "2"), ("content-type", "application/json")]


def answered(asked, status=200, headers=(), seconds=1e9):
    """What is kept of an answer to `asked`."""
    conn = Recording(h11.SERVER)
    polled = Polled(conn, seconds)
    conn.receive_data(POLL)
    conn.next_event()
    polled.begin(asked)
    said = b"".join(
        conn.send(event) or b""
        for event in (h11.Response(status_code=status, headers=[*OK, *headers]), h11.Data(data=b"{}"), h11.EndOfMessage())
    )
    polled.end()
    return polled, said


def test_an_answer_is_given_again_to_the_same_question():
    polled, said = answered(POLL)
    assert said.endswith(b"\r\n\r\n{}") and polled.answer(POLL) == said
    for other in (POLL.replace(b"127.0.0.1", b"127.0.0.2"), POLL + POLL, POLL[:-1], b""):
        assert polled.answer(other) == b""
    polled.begin(POLL)
    assert polled.answer(POLL) == b"", "while it is asked anew"


@pytest.mark.parametrize(
    ("asked", "status", "headers"),
    [
        (b"GET /sdapi/v1/options HTTP/1.1\r\n\r\n", 200, ()),
        (POLL.replace(b"GET", b"POST"), 200, ()),
        (POLL.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"), 200, ()),
        (POLL.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), 200, ()),
        (POLL + POLL, 200, ()),
        (POLL[:-2], 200, ()),
        (POLL, 401, ()),
        (POLL, 200, (("set-cookie", "a=b"),)),
        (POLL, 200, (("connection", "close"),)),
    ],
)
def test_nothing_else_is_kept(asked, status, headers):
    assert answered(asked, status, headers)[0].answer(asked) == b""


def test_it_is_kept_for_a_moment_only():
    assert answered(POLL, seconds=0)[0].answer(POLL) == b""


def read(connection):
    """The JSON of one answer."""
    found = b""
    while b"\r\n\r\n" not in found or len(found.partition(b"\r\n\r\n")[2]) < int(re.search(rb"content-length: (\d+)", found.lower())[1]):
        part = connection.recv(65536)
        assert part, found
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return json.loads(body)


def test_a_client_that_polls_without_a_pause_sees_its_job_and_nobody_elses(server):
    """Among the polls others are asked for, on the same connection."""
    port = int(server.url.rsplit(":", 1)[1])
    polls = [POLL.replace(b"\r\n\r\n", b"\r\nX-Owner: " + owner + b"\r\n\r\n") for owner in (b"polled", b"another")]
    with server.client() as client, socket.create_connection(("127.0.0.1", port), 20) as connection:
        client.post("/api/v1/queue/pause").raise_for_status()
        try:
            seen = []
            for number in range(30):
                connection.sendall(polls[number % 7 == 6])
                seen.append(read(connection)["state"]["job_count"])
            assert seen == [0] * 30
            job = client.post("/api/v1/jobs", json={"prompt": "a fox", "batch_count": 3}, headers={"X-Owner": "polled"}).json()
            until = time.monotonic() + 60
            while True:
                connection.sendall(polls[0])
                if read(connection)["state"]["job_count"] == 3:
                    break
                assert time.monotonic() < until
            connection.sendall(polls[1])
            assert read(connection)["state"]["job_count"] == 0
            client.delete(f"/api/v1/jobs/{job['id']}", headers={"X-Owner": "polled"})
        finally:
            client.post("/api/v1/queue/resume")
