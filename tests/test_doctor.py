"""`doctor` names what is wrong and says what to do."""

import socket

from webui import doctor
from webui.settings import Settings


def finding(check, **settings):
    return check(Settings(**settings))


def test_a_taken_port_is_a_problem(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = finding(doctor.port, port=other.getsockname()[1], data_dir=tmp_path)
        assert "--port" in found.problems[0]
    assert finding(doctor.port, port=0, data_dir=tmp_path).problems == ()


def test_folders_that_cannot_be_written_are_named(tmp_path):
    assert finding(doctor.folders, data_dir=tmp_path / "new").problems == ()
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in finding(doctor.folders, data_dir=tmp_path / "file").problems[0]


def test_broken_models_and_missing_folders_are_named(tmp_path):
    folder = tmp_path / "Stable-diffusion"
    folder.mkdir()
    (folder / "torn.safetensors").write_bytes(b"\x00\x01")
    found = finding(doctor.models, models_dirs=(tmp_path, tmp_path / "gone"), data_dir=tmp_path)
    assert any("torn.safetensors" in problem for problem in found.problems)
    assert any(str(tmp_path / "gone") in problem for problem in found.problems)


def test_a_broken_extension_is_named(tmp_path):
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "sour.py").write_text("def (:\n")
    found = finding(doctor.extensions, data_dir=tmp_path)
    assert "sour" in found.problems[0]
    assert "detail_euler (on)" in found.lines[0]


def test_a_device_that_is_not_there_is_a_problem(tmp_path):
    found = finding(doctor.devices, devices=("cpu", "cuda:77"), dtype="float32", data_dir=tmp_path)
    assert found.lines[0].startswith("cpu: ")
    assert "cuda:77" in found.problems[0]


def test_the_exit_code_says_whether_something_is_wrong(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code = doctor.run(Settings(port=other.getsockname()[1], data_dir=tmp_path, dtype="float32"))
    said = capsys.readouterr().out
    assert code == 1 and "✗ Port" in said and "torch" in said
