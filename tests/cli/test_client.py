"""`generate --server`: a running Darkroom does the work, the files are written here."""

import threading

import numpy as np
import pytest
from PIL import Image

from tests.api.conftest import Server
from webui.cli import main


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


def test_several_pictures_are_the_very_files_of_the_server(server, tmp_path, capsys):
    words = ["generate", "a pear", "--server", server.url, "--batch-count", "2", "--seed", "5", "-o", str(tmp_path / "pear.png")]
    assert main([*words, "--quiet", "--data-dir", str(tmp_path)]) == 0
    written = [tmp_path / "pear-1.png", tmp_path / "pear-2.png"]
    assert capsys.readouterr().out.split() == [str(path) for path in written]
    kept = sorted((server.settings.data_dir / "outputs").rglob("*.png"))
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in kept[-2:]]


def test_a_picture_to_start_from_is_uploaded(server, tmp_path):
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "start.png")
    words = ["generate", "x", "--server", server.url, "--init", str(tmp_path / "start.png"), "-o", str(tmp_path / "out.png")]
    assert main([*words, "--quiet", "--data-dir", str(tmp_path)]) == 0
    with server.client() as client:
        request = client.get("/api/v1/jobs", params={"newest": True, "limit": 1}).json()["jobs"][0]["request"]
        assert request["mode"] == "img2img"
        assert client.get(f"/api/v1/images/{request['init']}").content == (tmp_path / "start.png").read_bytes()


def test_a_refusal_and_a_failure_are_told(server, tmp_path, capsys):
    words = ["generate", "fail", "--server", server.url, "-o", str(tmp_path / "out.png"), "--quiet", "--data-dir", str(tmp_path)]
    assert main([*words, "--width", "513"]) == 2
    assert "Nearest: 512" in capsys.readouterr().err
    assert main(words) == 1
    assert "it was asked to fail" in capsys.readouterr().err
    assert main(["generate", "x", "--server", "http://127.0.0.1:9", *words[4:]]) == 2
    assert "Is Darkroom running there?" in capsys.readouterr().err
    for wrong in ("http://[::1", "localhost:7860", "http://", "ftp://a"):
        assert main(["generate", "x", "--server", wrong, *words[4:]]) == 2
        assert f"server: {wrong!r} is no server's address." in capsys.readouterr().err
    assert main(["generate", "x", "--server", server.url, "--key", "schlüssel", *words[4:]]) == 2
    assert "key: This is no key" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_a_server_that_restarts_is_waited_for(tmp_path, tmp_path_factory):
    home = tmp_path_factory.mktemp("restarts")
    first = Server(home)
    port = first.socket.getsockname()[1]
    words = [
        "generate",
        "slow",
        "--steps",
        "60",
        "--server",
        first.url,
        "-o",
        str(tmp_path / "out.png"),
        "--quiet",
        "--data-dir",
        str(tmp_path),
    ]
    codes = []
    follower = threading.Thread(target=lambda: codes.append(main(words)))
    follower.start()
    with first.client() as client:
        while not client.get("/api/v1/jobs", params={"state": "running"}).json()["jobs"]:
            assert follower.is_alive()
    first.close()
    second = Server(home, port=port)
    follower.join(60)
    second.close()
    assert codes == [0] and (tmp_path / "out.png").is_file()
