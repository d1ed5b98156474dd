"""What surrounds the program: odd locales, closed streams, proxies of every kind."""

import os
import subprocess
import sys

import httpx
import pytest

from webui.cli.client import Client
from webui.errors import StorageError
from webui.local import working_folder
from webui.settings import PROJECT, load_settings
from webui.surroundings import mend_proxies

WORDS = [sys.executable, "-m", "webui"]


def run(*words, shell="", **environment):
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", *WORDS, *words] if shell else [*WORDS, *words]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONUTF8"}
    return subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=120, env={**clean, **environment})


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}]
)
def test_a_path_that_the_locale_cannot_write_is_printed(tmp_path, environment):
    folder = tmp_path / "Bücher-字"
    (folder / "Lora").mkdir(parents=True)
    (folder / "Lora" / "fuß-字.safetensors").write_bytes(b"broken")
    done = run("models", "--models-dir", str(folder), "--data-dir", str(tmp_path / "ä"), **environment)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert any(name in done.stdout for name in ("fuß-字".encode(), b"fu\\xdf-\\u5b57", "fuß-".encode("latin-1")))


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-", "| true"])
def test_closed_streams_are_no_reason_to_fail(tmp_path, shell):
    done = run("models", "--data-dir", str(tmp_path), shell=shell)
    assert done.returncode == 0 and b"Traceback" not in done.stderr


@pytest.mark.parametrize("folder", ["/proc/nothing", "/dev/null/x"])
def test_a_data_folder_that_cannot_be_made_is_one_sentence(folder):
    done = run("serve", "--no-browser", "--port", "0", "--data-dir", folder)
    assert done.returncode == 2 and folder.encode() in done.stderr and b"Traceback" not in done.stderr


def test_temporary_files_that_are_gone_or_full_are_kept_in_the_cache(tmp_path, monkeypatch):
    settings = load_settings({"data_dir": tmp_path}, {})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert working_folder(settings).parent == settings.cache
    (tmp_path / "there").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "there"))
    assert working_folder(settings).parent == tmp_path / "there"
    monkeypatch.setattr("webui.local.LEAST_ROOM", 2**60)
    with pytest.raises(StorageError, match="TMPDIR"):
        working_folder(settings)


def test_without_a_home_and_a_temporary_folder(tmp_path):
    done = run(
        "extension", "list", "--data-dir", str(tmp_path), HOME="/nowhere", TMPDIR="/nowhere", XDG_CACHE_HOME="/proc/none", TZ="No/Such"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("socks5://127.0.0.1:9", "socks5://127.0.0.1:9"),
        ("socks5h://user:pass@host:9/", "socks5h://user:pass@host:9/"),
        ("socks://127.0.0.1:9/", "socks5://127.0.0.1:9/"),
        ("proxy.example:8080", "http://proxy.example:8080"),
        ("HTTP://proxy:1", "http://proxy:1"),
        ("socks4://x:1", None),
        ("http://[bad", None),
        ("nonsense://x", None),
        ("http://", None),
        ("http://x:99999", None),
        ("http://a b", None),
    ],
)
def test_a_proxy_is_left_as_httpx_understands_it_or_taken_out_with_a_sentence(monkeypatch, given, left):
    environment = {"ALL_PROXY": given}
    said = mend_proxies(environment)
    assert environment.get("ALL_PROXY") == left
    assert [given in sentence for sentence in said] == ([True] if left is None else [])
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    httpx.Client(timeout=120).close()  # raised, whatever library made one


def test_no_proxy_keeps_what_can_be_read_and_lets_this_machine_past(monkeypatch):
    environment = {"http_proxy": "http://p:1", "NO_PROXY": "[::1],::1/128,10.0.0.0/8,.local,intern:80, fe80::1 ,"}
    mend_proxies(environment)
    assert environment["no_proxy"] == environment["NO_PROXY"] == "::1,.local,intern:80,fe80::1,localhost,127.0.0.1"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    httpx.Client(timeout=120).close()
    untouched = {"PATH": "/bin"}
    mend_proxies(untouched)
    assert untouched == {"PATH": "/bin"}


def test_our_own_calls_go_past_proxies(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "nonsense://x")
    for url in ("http://127.0.0.1:7860", "http://localhost:1", "http://[::1]:1"):
        with Client(url):
            pass
