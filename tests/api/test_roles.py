"""Every route, called as nobody, a guest, a member and the owner: who may is let through, who may not is told why."""

import http.client
import json
from urllib.parse import quote

import pytest

from tests.api.conftest import Server
from tests.api.test_odd_requests import every_route
from webui.people.roles import MAY, ROLES
from webui.people.routes import is_listed, need_of

ACCESS, ADMIN = "the-access-key", "the-admin-key"
ENDLESS = {"/api/v1/events", "/gradio_api/queue/data", "/gradio_api/heartbeat/{session_hash}", "/mcp"}
"""Streams: that they are let through is seen elsewhere."""
REFUSED_BY_NAME = "This is switched off."


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("roles"), access_key=ACCESS, admin_key=ADMIN, offline=True)
    yield server
    server.close()


def call(server: Server, method: str, path: str, key: str) -> tuple[int, str]:
    """(status, what is said) for a call with odd ids, which change nothing where they are let through."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    address = "/".join("none" if "{" in part else part for part in path.split("/"))
    headers = {"Content-Type": "application/json", **({"X-Access-Key": key} if key else {})}
    connection.request(method, quote(address), b"[]" if method != "GET" else None, headers)
    answer = connection.getresponse()
    said = answer.read(2000).decode("utf-8", "replace") if answer.status >= 400 else ""
    connection.close()
    return answer.status, said


def sentence(said: str) -> str:
    body = json.loads(said)
    error = body.get("error") if isinstance(body.get("error"), dict) else {}
    return body.get("message") or body.get("detail") or error.get("message", "")


def test_every_route_stands_in_the_table(server):
    routes = {*every_route(server.app.routes)}
    assert [f"{method} {path}" for method, path in sorted(routes) if not is_listed(method, path)] == []


def test_each_role_is_let_through_where_it_may_and_refused_in_words_where_not(server):
    keys = server.app.state.api_keys
    known = {"guest": ACCESS, "member": keys.invite("mia", "member")[0], "owner": keys.invite("olga", "owner")[0]}
    routes = sorted((method, path) for method, path in {*every_route(server.app.routes)} if path not in ENDLESS and method != "HEAD")
    wrong = []
    for method, path in routes:
        status, _ = call(server, method, path, "")
        if status != 401 and path.rstrip("/") != "/login":
            wrong.append(("nobody", method, path, status))
        for role in ROLES:
            status, said = call(server, method, path, known[role])
            need = need_of(method, path)
            is_refused = status == 403 and REFUSED_BY_NAME not in said and "odd" not in path
            if need not in MAY[role] and (not is_refused or not sentence(said).endswith(".")):
                wrong.append((role, method, path, status, said))
            if need in MAY[role] and (status == 401 or (is_refused and "may" in sentence(said))):
                wrong.append((role, method, path, status, said))
    assert wrong == []
