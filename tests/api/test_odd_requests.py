"""Odd, huge and broken requests get an answer that says why, on every route, Gradio's own included; never a 5xx."""

import errno
import http.client
import json
import os

import pytest

from tests.api.conftest import Server
from tests.waiting import until
from webui.api.temporary import TemporaryFiles
from webui.core.request import GenerationRequest

BODY = {"prompt": "a red apple", "checkpoint": "tiny"}
DEEP = "[" * 100_000


def test_a_name_of_pythons_test_tools_is_not_served(server):
    with server.client() as client:
        assert client.get("/", headers={"Host": "testserver"}).status_code == 400
        assert {client.get("/health", headers={"Host": host}).status_code for host in ("localhost:1", "127.0.0.9", "[::1]:7860")} == {200}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"extras": {"x": ' + DEEP, "request"),
        ('{"extras": {"x": {"y": ' + "[" * 200 + "]" * 200 + "}}}", "extras"),
        ('{"prompt": "a \\ud800 b"}', "prompt"),
        ('{"a\\udfff": 1}', "a%ED%BF%BF"),
        ('{"extras": {"film_grain": {"\\ud800": 1}}}', "extras.film_grain.%ED%A0%80"),
        ('{"steps": NaN}', "steps"),
        ('{"cfg_scale": 1e999}', "cfg_scale"),
        ('{"cfg_scale": 1' + "0" * 400 + "}", "cfg_scale"),
        ('{"seed": 1' + "0" * 100 + "}", "seed"),
        ('{"seed": 1' + "0" * 5000 + "}", "request"),
        ('{"extras": {"film_grain": {"amount": 1' + "0" * 400 + "}}}", "extras.film_grain.amount"),
        ('{"extras": {"film_grain": {"amount": Infinity}}}', "extras.film_grain.amount"),
    ],
    ids=range(12),
)
def test_json_that_cannot_be_kept_is_refused_at_its_place(server, body, field):
    with server.client() as client:
        answer = client.post("/api/v1/jobs", content=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert answer.json()["message"].endswith(".") and "Error" not in answer.text
        for method, path in (("POST", "/page/generate"), ("POST", "/page/values"), ("PATCH", "/page/settings")):
            page = client.request(method, path, content=f'{{"values": {body}}}', headers={"Content-Type": "application/json"})
            assert page.status_code in (400, 422) or (path == "/page/values" and field in ("seed", "steps")), page.text


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "///", "http://", "\x80"])
def test_an_origin_that_is_none_is_another_site(server, origin):
    with server.client() as client:
        assert client.post("/api/v1/queue/resume", headers={"Origin": origin.encode("latin-1")}).status_code == 403


@pytest.mark.parametrize("number", ["²", "10" * 40, "-1", "1e3", "٣"])
def test_numbers_of_events_that_are_none(server, number):
    with server.client() as client:
        headers = {"Last-Event-ID": number.encode()}
        with client.stream("GET", "/api/v1/events", headers=headers) as answer:
            assert answer.status_code == 200 and next(answer.iter_lines()) == "event: snapshot"
        if not number.isascii() or not number.isdigit() or len(number) > 20:
            assert client.get("/api/v1/events", params={"after": number}).status_code == 422
            assert client.get("/api/v1/jobs/x/events", params={"after": number}).status_code == 422


def test_a_body_in_parts_that_is_too_long_is_413(server):
    with server.client() as client:
        answer = client.post("/api/v1/jobs", content=(b"x" * 2**20 for _ in range(9)))
        assert answer.status_code == 413 and answer.json() == {"message": "At most 8 MB may be sent."}
        assert client.post("/page/values", content=(b"x" * 2**20 for _ in range(9))).status_code == 413
        assert client.post("/gradio_api/queue/join", content=(b"x" * 2**20 for _ in range(9))).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        *("pwa_icon", "pwa_icon/-1", "pwa_icon/0", "monitoring", "monitoring/x", "logout"),
        *("gradio_api/openapi.json", "gradio_api/runs", "gradio_api/dev/reload", "gradio_api/vibe-code/", "gradio_api/profiling/traces"),
        *("gradio_api/stream/a/b/1/playlist.m3u8", "gradio_api/login_check", "gradio_api/file=http:/x", "gradio_api/file=//x/y"),
        *("gradio_api/run/x", "gradio_api/api/x", "gradio_api/deep_link", "gradio_api/process_recording"),
    ],
)
def test_what_the_page_does_not_need_of_gradio_is_closed(server, path):
    with server.client() as client:
        assert client.get(f"/{path}").status_code == client.post(f"/{path}").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'{"data": null}', b'{"data": [], "fn_index": 99999}', b'{"data": [], "fn_index": -1}'),
        *(b'{"data": [[]], "fn_index": 0, "session_hash": null}', b'{"data": [1], "fn_index": "x", "session_hash": 1}'),
    ],
)
def test_events_of_extensions_outside_the_queue_answer_odd_bodies_in_words(server, body):
    """Gradio's page sends events of `queue=False` to this one route."""
    with server.client() as client:
        answer = client.post("/gradio_api/run/predict", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500 and answer.status_code != 403, answer.text


def every_route(routes, prefix=""):
    """(method, path) of all routes below."""
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "app", None), "routes", None)
        inner = inner or getattr(getattr(route, "original_router", None), "routes", None)
        path = prefix + (getattr(route, "path", "") or "")
        if inner:
            yield from every_route(inner, path)
        for method in getattr(route, "methods", None) or ():
            yield method, path


ASKED = "?after=ODD&session_hash=ODD&upload_id=ODD&size=ODD&to=ODD&checkpoint=ODD&search=ODD&state=ODD"
ODD = ["x", "%00", "..%2f..", "%F0%9F%8D%8E", "%ED%A0%80", "1e999", "-1", "9" * 40, "a" * 5000, "%0a", "~", "{}", "CON", "a%5Cb", "?", ";"]


@pytest.fixture
def offline(tmp_path):
    server = Server(tmp_path, offline=True)
    yield server
    server.close()


def test_no_route_answers_an_odd_request_with_a_5xx(offline):
    """Straight over a connection: clients mend what is odd. Offline: the sites that are searched for models are not part of this."""
    server = offline
    routes = sorted({*every_route(server.app.routes)})
    assert len(routes) > 90 and ("POST", "/gradio_api/queue/join") in routes
    wrong = []
    host, port = server.url.removeprefix("http://").split(":")
    bodies = [b"", b"{", b"\xff\xfe", DEEP[:3000].encode(), json.dumps({"data": None, "fn_index": "x", "session_hash": 1}).encode()]
    for number, (method, path) in enumerate(routes):
        for turn, odd in enumerate(ODD):
            address = "/".join(odd if "{" in part else part for part in path.split("/"))
            address += ASKED.replace("ODD", odd) if turn % 3 == 1 else ""
            connection = http.client.HTTPConnection(host, int(port), timeout=20)
            body = bodies[(number + turn) % len(bodies)] if method in ("POST", "PUT", "PATCH") else None
            kind = ("application/json", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain")[turn % 4]
            connection.request(method, address, body, {"Content-Type": kind, "Accept": "*/*"})
            answer = connection.getresponse()
            if answer.status >= 500 and path != "/ready":
                wrong.append((answer.status, method, address[:80], answer.read(200)))
            connection.close()
    assert wrong == []


def test_uploads_to_gradio_have_a_quota_and_go_again(tmp_path):
    server = Server(tmp_path, upload_limit_mb=1)
    left = tmp_path / "data" / "cache" / "gradio"
    with server.client() as client:
        sent = [client.post("/gradio_api/upload", files={"files": ("a.bin", os.urandom(900_000))}) for _ in range(5)]
        assert [answer.status_code for answer in sent] == [200, 200, 413, 413, 413]
        assert "kept for an hour" in sent[2].json()["message"]
        parts = client.post("/gradio_api/upload", content=(os.urandom(2**19) for _ in range(9)), headers={"Content-Type": "text/plain"})
        assert parts.status_code in (400, 413)
    kept = [path for path in left.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) < 2 * 2**20
    old = [path for path in kept if path.name == "a.bin"]
    assert len(old) == 2
    os.utime(old[0], (1, 1))
    server.temporary.sweep()
    assert not old[0].exists() and not old[0].parent.exists() and old[1].exists()
    server.close()
    again = Server(tmp_path, upload_limit_mb=1)
    assert not old[1].exists()
    again.close()


def test_what_belongs_to_the_page_stays_and_the_quota_renews(tmp_path):
    (tmp_path / "left").write_bytes(b"x")
    files = TemporaryFiles(tmp_path, 100, kept=0.2)
    files.empty()
    assert not (tmp_path / "left").exists()
    (tmp_path / "of-the-page").write_bytes(b"x")
    files.start()
    (tmp_path / "of-a-guest").write_bytes(b"x")
    fits = files.meter("a")
    assert (fits(150), fits(60), files.room("a"), files.room("b")) == (True, False, 50, 200)
    until(lambda: not (tmp_path / "of-a-guest").exists())
    assert files.room("a") == 200 and (tmp_path / "of-the-page").exists()
    files.stop()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said(server, monkeypatch, number):
    """The system refuses to write: for a small picture, for an upload of ours and for one of Gradio's."""
    from tests.api.conftest import finished
    from tests.api.test_native import png

    with server.client() as client:
        image = finished(client, client.post("/api/v1/jobs", json={**BODY, "seed": 4000 + number}).json()["id"])["images"][0]
        opened, full = os.open, OSError(number, os.strerror(number))

        def refuse(path, flags, *more, **others):
            if flags & os.O_CREAT and "cache" in str(path):
                raise full
            return opened(path, flags, *more, **others)

        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(full))
        monkeypatch.setattr(os, "rename", lambda *paths: (_ for _ in ()).throw(full))
        monkeypatch.setattr("builtins.open", _refusing(open, full))
        answers = [
            client.get(f"{image['url']}/thumb?size=77"),
            client.post("/api/v1/images", content=png(colour=(1, 2, number % 256))),
            client.post("/gradio_api/upload", files={"files": ("a.bin", b"x")}),
        ]
    assert [answer.status_code for answer in answers] == [507] * 3, [answer.text for answer in answers]
    said = [answer.json()["message"] for answer in answers]
    assert all(any(why in each for why in ("disk is full", os.strerror(number))) and each.endswith(".") for each in said), said


def _refusing(opened, full):
    def refuse(path, mode="r", *more, **others):
        if set(mode) & set("wxa+") and "cache" in str(path):
            raise full
        return opened(path, mode, *more, **others)

    return refuse


def test_the_schema_tells_what_routes_really_answer(server):
    with server.client() as client:
        paths = client.get("/api/v1/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, described in methods.items():
            assert {"401", "403", "429"} <= set(described["responses"]), path
            if path.startswith("/api/v1"):
                assert {"413", "422"} <= set(described["responses"])
                assert "HTTPValidationError" not in json.dumps(described), (method, path)
            if "{" in path:
                assert "404" in described["responses"], path


WRONG = [5, True, "x", [[1]], [None], [{}], {"a": 5}, {"a": [{}]}, [10**400], None]


def test_the_form_of_a_request_with_wrong_types_is_refused_or_left_out(server):
    """No field of a request, whatever its type, breaks the page's own route."""
    with server.client() as client:
        for field in (*GenerationRequest.model_fields, "unknown"):
            for value in WRONG:
                answer = client.post("/page/values", json={"values": {field: value}})
                assert answer.status_code in (200, 422), (field, value, answer.text)
                assert answer.status_code == 200 or answer.json()["message"].endswith("."), answer.text
        refused = client.post("/page/values", json={"values": {"styles": 5}})
        assert (refused.status_code, refused.json()["field"]) == (422, "styles")


@pytest.mark.parametrize("path", ["run/predict", "call/x"])
def test_a_function_of_the_page_that_is_none_is_not_found(server, path):
    with server.client() as client:
        answer = client.post(f"/gradio_api/{path}", json={"data": [1]})
        assert (answer.status_code, answer.json()) == (404, {"message": "There is no such function on this page."})


@pytest.mark.parametrize(
    "data", [[1], [], [1, 2, 3, 4], ["a", "b", "c"], [None, {}, [1]], [0, -1, 5], [10**400, 1, 1], [{"path": "/etc/passwd"}] * 3]
)
def test_a_function_of_the_page_answers_whatever_it_is_given(server, capfd, caplog, data):
    with server.client() as client:
        called = client.post("/gradio_api/call/nearest", json={"data": data})
        if called.status_code == 200:
            said = client.get(f"/gradio_api/call/nearest/{called.json()['event_id']}").text
            assert said.startswith(("event: error", "event: complete")), said
            assert "Error" not in said.replace('"title": "Error"', ""), said
        else:
            assert called.status_code in (400, 422)
    told = capfd.readouterr()
    assert "Traceback" not in told.err + told.out
    assert not [record for record in caplog.records if record.exc_info and record.levelname != "INFO"]


def test_a_stream_of_an_unknown_session_ends_without_a_traceback(server, caplog):
    with server.client() as client:
        answer = client.get("/gradio_api/queue/data", params={"session_hash": "x"})
        assert answer.status_code == 200 and '"session_not_found":true' in answer.text  # by which Gradio's page knows what to do
        for odd in ("\0", "", "a b", "x" * 101):
            answer = client.get("/gradio_api/queue/data", params={"session_hash": odd})
            assert (answer.status_code, answer.json()["message"]) == (400, "There is no such session. Load the page again.")
    assert not [record for record in caplog.records if record.name == "uvicorn.error" and record.levelname in ("WARNING", "ERROR")]
