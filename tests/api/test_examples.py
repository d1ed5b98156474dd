"""The examples in the pages run against a live server, as they stand but for the port."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.api.comfy.test_graphs import usual
from tests.api.conftest import ROOT, finished, server  # noqa: F401 - a fixture
from tests.js.test_scripts import SCRIPTS, node

PAGES = ("api.md", "from-a1111.md")


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        found += [(f"{page} {number}", code) for number, code in enumerate(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL))]
    return found


@pytest.mark.parametrize("code", [code for _, code in blocks("python")], ids=[name for name, _ in blocks("python")])
def test_a_python_example_runs(server, code, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    port = server.url.rpartition(":")[2]
    exec(compile(code.replace("7860", port), "example", "exec"), {"graph": usual()})
    assert "apple.png" not in code or Path("apple.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("code", [code for _, code in blocks("js")], ids=[name for name, _ in blocks("js")])
def test_a_javascript_example_runs(server, code, tmp_path):  # noqa: F811
    for name in ("client.js", "exact.js"):
        shutil.copy(SCRIPTS / name, tmp_path)
    (tmp_path / "example.mjs").write_text(code.replace("7860", server.url.rpartition(":")[2]))
    subprocess.run([node(), "example.mjs"], cwd=tmp_path, timeout=300, check=True)
    assert (tmp_path / "apple.png").read_bytes().startswith(b"\x89PNG")


CURL = [line for _, code in blocks("") for line in code.splitlines() if line.startswith("curl")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", CURL, ids=[f"curl {number}" for number in range(len(CURL))])
def test_a_curl_example_runs(server, line, tmp_path):  # noqa: F811
    with server.client() as client:
        job = finished(client, client.post("/api/v1/jobs", json={"prompt": "a red apple"}).json()["id"])
    line = line.replace("7860", server.url.rpartition(":")[2]).replace("IMAGE", job["images"][0]["id"])
    words = shlex.split(re.sub(r"\bID\b", job["id"], line))
    told = subprocess.run([*words, "-w", "%{http_code}"], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=True).stdout
    assert told[-3:] in ("200", "201"), told[-300:]
    assert "/events" not in line or "event: done" in told
    assert "apple.png" not in line or (tmp_path / "apple.png").read_bytes().startswith(b"\x89PNG")


def test_each_client_of_the_page_has_an_example_that_is_run():
    python = "\n".join(code for _, code in blocks("python"))
    for client in ("webui.client", "webuiapi", "openai", "mcp.client", "gradio_client", "/prompt", "websockets"):
        assert client in python, client
    assert len(CURL) >= 4 and blocks("js")


@pytest.mark.parametrize("code", [code for _, code in blocks("json")], ids=[name for name, _ in blocks("json")])
def test_an_address_for_mcp_answers(server, code):  # noqa: F811
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "example", "version": "1"}}
    for entry in json.loads(code)["mcpServers"].values():
        url = entry["url"].replace("7860", server.url.rpartition(":")[2])
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        answer = httpx.post(url, json=body, headers={"Accept": "application/json, text/event-stream"})
        assert answer.status_code == 200 and "serverInfo" in answer.text, answer.text[:300]


def test_gradios_client_connects(server):  # noqa: F811
    from gradio_client import Client

    client = Client(server.url, verbose=False, analytics_enabled=False)
    assert isinstance(client.view_api(return_format="dict"), dict)
