"""Behind a proxy, in a folder, for guests and for the admin: the real app behind a small proxy, and behind nginx where there is one."""

import asyncio
import contextlib
import http.client
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Server, finished
from tests.api.test_native import png
from tests.waiting import until

KEY, ADMIN = "open sesame", "shut sesame"
BODY = {"prompt": "a red apple", "checkpoint": "tiny"}
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DOC = Path(__file__).resolve().parents[2] / "docs" / "lan.md"


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """The app as `--trusted-proxy 127.0.0.1` runs it."""
    server = Server(tmp_path_factory.mktemp("behind"), access_key=KEY, admin_key=ADMIN, trusted_proxy=("127.0.0.1",))
    yield server
    server.close()


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("keys"), access_key=KEY, admin_key=ADMIN)
    yield server
    server.close()


class Proxy:
    """A reverse proxy as nginx is by default: it takes a folder off the path, names the Host as it pleases and passes everything on."""

    def __init__(self, target: str, folder: str, sends: dict[str, str], strips: bool = True) -> None:
        self._host, self._port = target.removeprefix("http://").split(":")
        self._folder, self._sends, self._strips = folder, sends, strips
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            assert path.startswith(self._folder)
            path = path.removeprefix(self._folder) if self._strips else path
            named = dict(line.split(": ", 1) for line in head[1:] if line)
            asked = next((value for name, value in named.items() if name.lower() == "host"), "")
            kept = [f"{name}: {value}" for name, value in named.items() if name.lower() not in ("host", "connection")]
            sent = [f"{name}: {value.replace('$host', asked)}" for name, value in self._sends.items()]
            lines = [f"{method} {path or '/'} HTTP/1.1", f"Host: {self._host}:{self._port}", "Connection: close", *kept, *sent]
            there, back = await asyncio.open_connection(self._host, int(self._port))
            back.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            await asyncio.gather(self._pump(reader, back, half=True), self._pump(there, writer, half=False))

    async def _pump(self, source, target, half: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await source.read(65536):
                target.write(part)
                await target.drain()
            if not half:
                target.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


def nginx(folder: Path, target: str, block: str) -> tuple[subprocess.Popen[bytes], str]:
    """nginx with this location block in front of the app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    block = block.replace("http://127.0.0.1:7860", target)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {places}\nserver {{ listen 127.0.0.1:{port}; {block} }} }}"
    )
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])

    def answers() -> bool:
        assert process.poll() is None, (folder / "error.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    until(answers)
    return process, f"http://127.0.0.1:{port}"


def documented() -> str:
    return re.search(r"```nginx\n(.*?)```", DOC.read_text(), re.DOTALL)[1]


TOLD = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "$host", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/darkroom"}


@pytest.fixture(scope="module", params=["a proxy", "a proxy that keeps the folder", *(["nginx"] if NGINX else [])])
def folder(request, behind, tmp_path_factory):
    """The address of the app's folder behind a proxy."""
    if request.param == "nginx":
        process, url = nginx(tmp_path_factory.mktemp("nginx"), behind.url, documented())
        yield f"{url}/darkroom"
        process.terminate()
        process.wait(10)
    else:
        proxy = Proxy(behind.url, "/darkroom", TOLD, strips=request.param == "a proxy")
        yield f"{proxy.url}/darkroom"
        proxy.close()


def test_what_the_documents_tell_nginx_is_what_the_small_proxy_tells():
    block = documented()
    assert set(re.findall(r"proxy_set_header (X-\S+)", block)) == set(TOLD) and "proxy_pass http://127.0.0.1:7860/;" in block


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
def test_nginx_as_the_documents_tell_it_lets_web_sockets_and_large_bodies_through(behind, tmp_path):
    process, url = nginx(tmp_path, behind.url, documented())
    try:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        upgrade = {"Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Key": "x" * 22 + "=="}
        connection.request("GET", f"/darkroom/ws?key={ADMIN.replace(' ', '%20')}", headers={**upgrade, "Sec-WebSocket-Version": "13"})
        assert connection.getresponse().status == 101
        connection.close()
        answer = httpx.post(f"{url}/darkroom/sdapi/v1/png-info", content=b" " * (71 * 2**20), headers={"X-Access-Key": ADMIN}, timeout=60)
        assert answer.status_code != 200 and "nginx" not in answer.text
    finally:
        process.terminate()
        process.wait(10)


def test_in_a_folder_everything_works(folder):
    """The page, its files, the link with the key, cookies, the API, the event stream, uploads, downloads."""
    origin = folder.removesuffix("/darkroom")
    with httpx.Client(timeout=60, headers={"Origin": origin}) as client:
        assert client.get(f"{folder}/").status_code == 401
        answer = client.get(f"{folder}/?key={KEY}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/darkroom/")
        assert {cookie.path for cookie in client.cookies.jar} == {"/darkroom/"}
        page = client.get(f"{folder}/")
        assert page.status_code == 200
        config = client.get(f"{folder}/config").json()
        assert config["root"] == folder
        for name in re.findall(r'(?:src|href)="\.(/[^"]+)"', page.text):
            assert client.get(folder + name).status_code == 200, name
        icon = re.search(r"\./look/\w+/icon.svg", page.text)[0].removeprefix(".")
        assert "image/svg" in client.get(folder + icon).headers["content-type"]
        init = client.post(f"{folder}/api/v1/images", content=png()).json()
        assert client.post(f"{folder}/page/tokens", json={"text": "a b"}).json()["count"] == 2
        with client.stream("GET", f"{folder}/api/v1/events") as events:
            lines = events.iter_lines()
            assert next(lines) == "event: snapshot"
            job = client.post(f"{folder}/api/v1/jobs", json={**BODY, "mode": "img2img", "init": init["id"]}).json()
            assert any(line == "event: done" for line in lines)
        done = client.get(f"{folder}/api/v1/jobs/{job['id']}").json()
        assert done["images"][0]["url"].startswith("/darkroom/api/v1/images/")
        picture = client.get(f"{origin}{done['images'][0]['url']}?download=1")
        assert picture.content.startswith(b"\x89PNG") and "attachment" in picture.headers["content-disposition"]
        schema = client.get(f"{folder}/api/v1/openapi.json").json()
        assert {"url": "/darkroom"} in schema["servers"]


def test_a_program_in_a_folder_gets_its_pictures(folder):
    from webui.cli.client import Client
    from webui.core.request import GenerationRequest

    with Client(folder, KEY) as client:
        job = client.submit(GenerationRequest(**BODY))
        client.follow(job, lambda event: None)
        assert client.downloads(job)[0].startswith(b"\x89PNG")


def test_another_site_is_refused_behind_the_proxy_too(folder):
    with httpx.Client(headers={"X-Access-Key": KEY}, timeout=120) as client:
        answer = client.post(f"{folder}/api/v1/queue/pause", headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403 and "Another web site" in answer.json()["message"]


@pytest.mark.parametrize(
    ("trusted", "sends", "words"),
    [
        ((), {}, "start Darkroom with --trusted-proxy 127.0.0.1"),
        ((), {"X-Forwarded-Host": "$host"}, "start Darkroom with --trusted-proxy 127.0.0.1"),
        (("127.0.0.1",), {}, "proxy_set_header X-Forwarded-Host $http_host;"),
        (("127.0.0.1",), {"X-Forwarded-Host": "a b"}, "X-Forwarded-Host"),
    ],
)
def test_a_proxy_that_says_too_little_is_told_what_is_missing(tmp_path, trusted, sends, words):
    server = Server(tmp_path, access_key=KEY, trusted_proxy=trusted)
    proxy = Proxy(server.url, "", sends)
    answer = httpx.post(f"{proxy.url}/api/v1/jobs", json=BODY, headers={"Origin": proxy.url, "X-Access-Key": KEY}, timeout=120)
    assert answer.status_code == 403 and words in answer.json()["message"], answer.text
    proxy.close()
    server.close()


def test_root_path_serves_the_folder_without_a_word_of_the_proxy(tmp_path):
    server = Server(tmp_path, root_path="/studio/pictures")
    with server.client() as client:
        for path in ("/", "/studio/pictures/"):
            page = client.get(path)
            assert page.status_code == 200
        assert client.get("/studio/pictures/config").json()["root"] == f"{server.url}/studio/pictures"
        assert client.get("/config").json()["root"] == f"{server.url}/studio/pictures"
        assert client.get("/studio/pictures").headers["location"] == "/studio/pictures/"
        job = client.post("/studio/pictures/api/v1/jobs", json=BODY).json()
        url = finished(client, job["id"])["images"][0]["url"]
        assert url.startswith("/studio/pictures/api/") and client.get(url).status_code == 200
    server.close()


FORGED = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Proto": "https"}


def test_nobody_is_believed_who_is_no_trusted_proxy(locked, behind):
    with locked.client(**{"X-Access-Key": KEY}, **FORGED) as client:
        text = client.get("/config").text + client.get("/").text + client.get("/api/v1/openapi.json").text
        assert "evil" not in text and "https://127" not in text
        assert client.get("/?key=" + KEY).headers["location"] == "/"
    with behind.client(**{"X-Access-Key": KEY, "X-Gradio-Server": "http://evil.example", "X-Forwarded-Prefix": "/api"}) as client:
        assert "evil" not in client.get("/config").text and client.get("/api/v1/queue").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_who_comes_through_a_proxy_that_names_itself_is_not_at_the_machine(server, header):
    with server.client(**{header: "127.0.0.1"}) as client, server.client() as local:
        told = next(json.loads(line[6:]) for line in _first_event(client) if line.startswith("data: "))
        assert (told["admin"], told["named"], told["shared"]) == (False, False, True)
        assert client.post("/api/v1/queue/pause").status_code == 403
        assert local.post("/api/v1/queue/resume").status_code == 200


def test_who_comes_through_nginx_as_it_comes_is_not_at_the_machine(server):
    """It speaks HTTP/1.0 to what lies behind it and names nobody; no browser does."""

    class Old(http.client.HTTPConnection):
        _http_vsn, _http_vsn_str = 10, "HTTP/1.0"

    with closing(Old("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)) as nginx:
        nginx.request("POST", "/api/v1/queue/pause", headers={"Host": server.url.rpartition("/")[2]})
        assert nginx.getresponse().status == 403
    with server.client() as local:
        assert local.post("/api/v1/queue/resume").status_code == 200


def _first_event(client):
    with client.stream("GET", "/api/v1/events") as events:
        yield from (line for _, line in zip(range(2), events.iter_lines(), strict=False))


def me(client):
    return next(json.loads(line[6:]) for line in _first_event(client) if line.startswith("data: "))


def test_where_others_come_too_only_the_admin_key_makes_an_admin(locked, behind):
    """A tunnel and a proxy without X-Forwarded-For share the machine's own address."""
    for server in (locked, behind):
        with server.client(**{"X-Access-Key": KEY}) as client:
            assert me(client)["admin"] is False
            answers = [client.post(f"/api/v1/queue/{act}") for act in ("pause", "resume", "free")]
            answers += [client.patch("/page/settings", json={"values": {"picture_quality": 50}})]
            answers += [client.put("/page/extensions/film_grain", json={"on": False})]
            assert [answer.status_code for answer in answers] == [403] * 5
            assert {answer.json()["message"].split(" may ")[0] for answer in answers} == {"Only who runs this Darkroom"}
            assert client.get("/page/settings").json()["admin"] is False
            assert {card["fixed"] for card in client.get("/page/extensions").json()} == {True}
        with server.client(**{"X-Access-Key": ADMIN}) as client:
            assert me(client)["admin"] is True and me(client)["owner"] == "local"
            assert client.get("/page/settings").json()["admin"] is True
            assert client.patch("/page/settings", json={"values": {"picture_quality": 96}}).status_code == 200
            assert client.post("/api/v1/queue/resume").status_code == 200


def test_the_admins_link_makes_an_admin_of_a_guests_browser_and_no_other_link_takes_it_back(locked):
    with locked.client() as client:
        client.get(f"/?key={KEY}")
        assert me(client)["admin"] is False
        client.get(f"/?key={ADMIN}")
        assert me(client)["admin"] is True
        client.get(f"/?key={KEY}")
        assert me(client)["admin"] is True
        assert client.get("/?key=wrong").status_code == 200


def test_guests_without_a_name_have_a_gallery_each(locked):
    with locked.client(**{"X-Access-Key": KEY}) as one, locked.client(**{"X-Access-Key": KEY}) as two:
        first = finished(one, one.post("/api/v1/jobs", json=BODY).json()["id"])
        assert first["owner"] == me(one)["owner"] != me(two)["owner"] and first["owner"].startswith("guest-")
        assert me(one)["named"] is False
        assert (one.get("/api/v1/images").json()["total"], two.get("/api/v1/images").json()["total"]) == (1, 0)
        assert two.get(f"/api/v1/jobs/{first['id']}").json()["owner"] == "someone"
        for forged in (first["owner"], "guest", "GUEST-" + first["owner"][6:]):
            assert two.get("/api/v1/images", headers={"X-Owner": forged}).status_code == 422
        assert two.get("/api/v1/images", headers={"X-Owner": "local"}).json()["total"] == 0
        two.cookies.set("darkroom_owner", "Zo%C3%AB")
        assert (me(two)["owner"], me(two)["named"]) == ("Zoë", True)


def test_who_is_named_at_the_machine_stays_its_admin(server):
    with server.client() as client:
        client.cookies.set("darkroom_owner", "ann")
        assert (me(client)["owner"], me(client)["admin"], me(client)["shared"]) == ("ann", True, False)
    with server.client("ann") as client:
        assert (me(client)["owner"], me(client)["admin"]) == ("ann", False)


@pytest.mark.parametrize("way", ["header", "cookie", "link", "form"])
def test_wrong_keys_are_slowed_on_every_way_and_the_right_one_never(tmp_path, way):
    server = Server(tmp_path, access_key=KEY, admin_key=ADMIN)

    def send(client, key):
        if way == "header":
            return client.get("/api/v1/jobs", headers={"X-Access-Key": key}).status_code
        if way == "cookie":
            return client.get("/api/v1/jobs", headers={"Cookie": f"darkroom_key={key}"}).status_code
        return (client.get("/", params={"key": key}) if way == "link" else client.post("/login", data={"key": key})).status_code

    with server.client() as client:
        refused = 401 if way == "cookie" else 403
        assert [send(client, f"guess{number}") for number in range(9)] == [refused] * 5 + [429] * 4
        assert client.get("/api/v1/jobs", headers={"X-Access-Key": KEY, "Cookie": "darkroom_key=stale"}).status_code == 200
        if way != "cookie":
            assert send(client, KEY) == (200 if way == "header" else 303)
    server.close()


def test_a_websocket_without_a_key_is_refused():
    """ComfyUI's, and what an extension's Gradio may add, are behind the same door."""
    from webui.api.caller import Proxies
    from webui.api.guard import Guard
    from webui.api.keys import Keys

    async def inner(scope, receive, send):
        await send({"type": "websocket.accept"})

    async def knock(guard, *headers):
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message["type"])

        scope = {
            "type": "websocket",
            "path": "/x",
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"127.0.0.1"), *headers],
        }
        await guard(scope, receive, send)
        return sent

    closed, opened = Guard(inner, Keys(KEY), proxies=Proxies()), Guard(inner, Keys(), proxies=Proxies())
    assert asyncio.run(knock(closed)) == ["websocket.close"]
    assert asyncio.run(knock(closed, (b"x-access-key", KEY.encode()))) == ["websocket.accept"]
    assert asyncio.run(knock(opened)) == ["websocket.accept"]
    assert asyncio.run(knock(opened, (b"origin", b"http://evil.example"))) == ["websocket.close"]


def test_an_upgrade_over_the_wire_is_asked_for_the_key(locked, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "handlers", [caplog.handler])
    connection = http.client.HTTPConnection(locked.url.removeprefix("http://"), timeout=10)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x" * 22 + "==", "Sec-WebSocket-Version": "13"}
    connection.request("GET", "/gradio_api/queue/join", headers=upgrade)
    answer = connection.getresponse()
    assert answer.status == 401 and b"key is needed" in answer.read()
    connection.close()
    assert not caplog.records  # strangers write no log
