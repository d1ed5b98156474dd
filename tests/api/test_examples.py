"""The examples in the pages run against a live server, as they stand but for the port."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.comfy.test_graphs import usual
from tests.api.conftest import ROOT, server  # noqa: F401 - a fixture
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


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_curl_example_runs(server, tmp_path):  # noqa: F811
    lines = [line for _, code in blocks("") for line in code.splitlines() if line.startswith("curl") and "ID" not in line]
    lines = [line for line in lines if "IMAGE" not in line]
    assert len(lines) >= 2
    for line in lines:
        words = shlex.split(line.replace("7860", server.url.rpartition(":")[2]))
        told = subprocess.run([*words, "-w", "%{http_code}"], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=True).stdout
        assert told[-3:] in ("200", "201"), told[-300:]


def test_gradios_client_connects(server):  # noqa: F811
    from gradio_client import Client

    client = Client(server.url, verbose=False, analytics_enabled=False)
    assert isinstance(client.view_api(return_format="dict"), dict)
