"""Nobody comes in who should not: other sites, other names for this machine, people without the key."""

import pytest

from tests.api.conftest import Server


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("locked"), access_key="open sesame")
    yield server
    server.close()


@pytest.mark.parametrize(
    ("method", "url", "headers", "status"),
    [
        ("GET", "/", {"Host": "evil.example"}, 400),
        ("GET", "/", {"Host": "127.0.0.1.evil.example:80"}, 400),
        ("POST", "/api/v1/jobs", {"Origin": "https://evil.example"}, 403),
        ("POST", "/api/v1/jobs", {"Origin": "null"}, 403),
        ("POST", "/api/v1/images", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("DELETE", "/api/v1/jobs", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", "/gradio_api/file=http://127.0.0.1:1/", {}, 403),
        ("GET", "/gradio_api/proxy=http://x/", {}, 403),
        ("GET", "/gradio_api/file=/etc/passwd", {}, 403),
        ("GET", "/api/v1/images/..%2f..%2fetc%2fpasswd", {}, 404),
        ("GET", "/api/v1/images/%2e%2e%2f", {}, 404),
    ],
)
def test_refused(server, method, url, headers, status):
    with server.client() as client:
        answer = client.request(method, url, headers=headers)
        assert answer.status_code == status and set(answer.json()) == {"detail" if url.startswith("/gradio_api/file=/") else "message"}


def test_a_large_body_is_refused(server):
    with server.client() as client:
        assert client.post("/api/v1/jobs", content=b"x" * (9 * 2**20)).status_code == 413
        chunks = (b"x" * 2**20 for _ in range(9))
        try:
            assert client.post("/api/v1/jobs", content=chunks).status_code >= 400
        except Exception as error:  # noqa: BLE001 - the server may hang up while we still send
            assert "disconnect" in str(error).lower() or "reset" in str(error).lower() or "pipe" in str(error).lower()


def test_every_page_says_what_it_may_load(server):
    with server.client() as client:
        for url in ("/", "/api/v1/jobs", "/health"):
            headers = client.get(url).headers
            assert "default-src 'self'" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in client.get("/", headers={"Origin": "https://evil.example"}).headers


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/config",
        "/gradio_api/info",
        "/api/v1/jobs",
        "/api/v1/events",
        "/metrics",
        "/health",
        "/look/x",
        "/theme.css",
        "/gradio_api/app_id",
        "/openapi.json",
    ],
)
def test_with_a_key_every_route_asks_for_it(locked, url):
    with locked.client() as client:
        asked = client.get(url)
        assert asked.status_code == 401 and asked.headers["www-authenticate"] == 'Bearer realm="Darkroom"'
        assert client.get(url, headers={"X-Access-Key": "wrong"}).status_code == 403


def test_the_link_the_form_and_the_header_open_it(locked):
    with locked.client() as client:
        assert client.get("/?key=open%20sesame").status_code == 303
        assert client.get("/api/v1/jobs").status_code == 200
        cookie = next(iter(client.cookies.jar))
        assert cookie.has_nonstandard_attr("HttpOnly") and "open" not in cookie.value
    with locked.client() as client:
        assert client.post("/login", data={"key": "open sesame"}).status_code == 303
        assert client.get("/api/v1/jobs").status_code == 200
    with locked.client(**{"X-Access-Key": "open sesame"}) as client:
        assert client.get("/api/v1/jobs").status_code == 200
        assert client.get("/api/v1/jobs", headers={"Host": "192.168.1.5:7860"}).status_code == 200


def test_a_browser_gets_a_form_and_guessing_is_slowed(locked):
    with locked.client(Accept="text/html") as client:
        assert '<form method="post" action="/login">' in client.get("/").text
        answers = [client.post("/login", data={"key": f"guess {number}"}).status_code for number in range(7)]
        assert answers[:5] == [403] * 5 and answers[5:] == [429] * 2
