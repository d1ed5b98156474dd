"""The same answer again, for a moment: to the same question of the same sender, to no other, and never past a change."""

import json
import re
import socket
import time

import h11
import pytest

from webui.api.polled import Polled, Recent, Recording

POLL = b"GET /sdapi/v1/progress HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OTHER = b"GET /sdapi/v1/options HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
DONE = b"POST /sdapi/v1/interrupt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OK = [("content-length", "2"), ("content-type", "application/json")]


class Line:
    """One connection, whose requests are answered with an empty object."""

    def __init__(self, recent, sender=("127.0.0.1", False)):
        self.conn = Recording(h11.SERVER)
        self.polled = Polled(self.conn, recent, lambda: sender)

    def again(self, asked=POLL):
        return self.polled.answer(asked)

    def begin(self, asked=POLL):
        assert self.again(asked) == b""
        self.polled.begin(asked)
        self.conn.receive_data(POLL)
        self.conn.next_event(), self.conn.next_event()

    def end(self, status=200, headers=()):
        events = (h11.Response(status_code=status, headers=[*OK, *headers]), h11.Data(data=b"{}"), h11.EndOfMessage())
        said = b"".join(self.conn.send(event) or b"" for event in events)
        self.polled.end()
        if self.conn.our_state is h11.DONE:
            self.conn.start_next_cycle()
        return said

    def ask(self, asked=POLL, status=200, headers=()):
        self.begin(asked)
        return self.end(status, headers)


def test_an_answer_is_given_again_to_the_same_question():
    line = Line(Recent(1e9))
    said = line.ask()
    assert said.endswith(b"\r\n\r\n{}") and line.again() == said
    for other in (POLL.replace(b"127.0.0.1", b"127.0.0.2"), POLL + POLL, POLL[:-1], b""):
        assert line.again(other) == b""


def test_connections_of_one_sender_share_it_and_others_do_not():
    recent = Recent(1e9)
    said = Line(recent).ask()
    assert Line(recent).again() == said
    assert Line(recent, ("127.0.0.2", False)).again() == b""
    assert Line(recent, ("127.0.0.1", True)).again() == b"", "a service's process at this machine is not the person at it"


@pytest.mark.parametrize(
    ("asked", "status", "headers"),
    [
        (OTHER, 200, ()),
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
    line = Line(Recent(1e9))
    line.ask(asked, status, headers)
    assert line.again(asked) == b""


def test_it_is_kept_for_a_moment_only_and_counted_from_the_question_on():
    line = Line(Recent(0))
    line.ask()
    assert line.again() == b""
    slow = Line(Recent(0.2))
    slow.begin()
    time.sleep(0.25)
    slow.end()
    assert slow.again() == b"", "who may ask was looked up when the question came"


def test_whatever_may_change_something_takes_all_answers_away_when_it_begins_and_when_it_is_answered():
    recent = Recent(1e9)
    first, second = Line(recent), Line(recent)
    first.ask()
    second.begin(DONE)
    assert first.again() == b"", "as it begins"
    first.ask()
    assert first.again() != b""
    second.end()
    assert first.again() == b"", "as it is answered"
    first.begin()
    second.ask(DONE)
    first.end()
    assert first.again() == b"", "and what was asked before that is not kept"
    first.ask()
    second.ask(OTHER)
    assert first.again() != b"", "a look at something else changes nothing"


def test_bytes_that_come_between_are_no_question_of_their_own():
    """A head may come in parts, of which one looks like a whole question; and a second request while the first is answered."""
    recent = Recent(1e9)
    line = Line(recent)
    line.begin()
    line.polled.more()
    line.end()
    assert Line(recent).again() == b""


def test_only_so_many_answers_are_kept():
    recent = Recent(1e9, most=3)
    polls = [POLL.replace(b"\r\n\r\n", b"\r\nX-Owner: %d\r\n\r\n" % number) for number in range(5)]
    for poll in polls:
        Line(recent).ask(poll)
    assert [bool(Line(recent).again(poll)) for poll in polls] == [False, False, True, True, True]


def test_answers_that_are_given_no_more_are_not_held():
    recent = Recent(0.05)
    for number in range(3):
        Line(recent).ask(POLL.replace(b"\r\n\r\n", b"\r\nX-Owner: %d\r\n\r\n" % number))
        time.sleep(0.06)
    Line(recent).ask()
    assert len(recent) <= 1


def read(connection):
    """(status, JSON) of one answer."""
    found = b""
    while b"\r\n\r\n" not in found or len(found.partition(b"\r\n\r\n")[2]) < int(re.search(rb"content-length: (\d+)", found.lower())[1]):
        part = connection.recv(65536)
        assert part, found
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def opened(server):
    return socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 20)


def counted(connection, poll):
    connection.sendall(poll)
    status, said = read(connection)
    assert status == 200, said
    return said["state"]["job_count"]


def test_a_client_that_polls_without_a_pause_sees_its_job_and_nobody_elses(server):
    """Among the polls others are asked for, on the same connection; what a call has changed is seen at once, on any."""
    polls = [POLL.replace(b"\r\n\r\n", b"\r\nX-Owner: " + owner + b"\r\n\r\n") for owner in (b"polled", b"another")]
    with server.client() as client, opened(server) as connection, opened(server) as second:
        client.post("/api/v1/queue/pause").raise_for_status()
        try:
            assert [counted(connection, polls[number % 7 == 6]) for number in range(30)] == [0] * 30
            job = client.post("/api/v1/jobs", json={"prompt": "a fox", "batch_count": 3}, headers={"X-Owner": "polled"}).json()
            assert [counted(each, polls[0]) for each in (connection, second, connection)] == [3, 3, 3]
            assert [counted(each, polls[1]) for each in (connection, second)] == [0, 0]
            client.delete(f"/api/v1/jobs/{job['id']}", headers={"X-Owner": "polled"})
            assert [counted(each, polls[0]) for each in (connection, second)] == [0, 0]
        finally:
            client.post("/api/v1/queue/resume")


def test_a_key_that_was_taken_back_polls_no_more_on_any_connection(server):
    with server.client() as client, opened(server) as connection, opened(server) as second:
        made = client.post("/api/v1/keys", json={"name": "poller", "owner": "poller"}).raise_for_status().json()
        poll = POLL.replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer " + made["key"].encode() + b"\r\n\r\n")
        assert [counted(each, poll) for each in (connection, second, connection)] == [0, 0, 0]
        client.delete(f"/api/v1/keys/{made['id']}").raise_for_status()
        for each in (connection, second):
            each.sendall(poll)
            assert read(each)[0] == 401


def test_a_head_in_parts_cannot_answer_for_another_question(server):
    """The part looks like a poll; the answer is another's."""
    poll = POLL.replace(b"\r\n\r\n", b"\r\nX-Owner: parts\r\n\r\n")
    with opened(server) as connection, opened(server) as second:
        connection.sendall(b"GET /sdapi/v1/samplers HTTP/1.1\r\nX-Note: ")
        time.sleep(0.2)  # so that it comes in two parts; where it does not, nothing is shown and nothing fails
        connection.sendall(poll)
        status, said = read(connection)
        assert status == 200 and isinstance(said, list)
        assert counted(second, poll) == 0
