"""launch.py on real environments: a small project of its own in a temporary folder, pip and venv as they are, no network."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
APP = """
import json, os, signal, subprocess, sys, time
if sys.argv[1:] == ["stubborn"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"])
    print(json.dumps([os.getpid(), child.pid]), flush=True)
    time.sleep(60)
print(json.dumps({"words": sys.argv[1:], "folder": os.getcwd(), "python": sys.prefix}))
sys.exit(7 if "fail" in sys.argv else 0)
"""
PYPROJECT = """
[project]
name = "small"
version = "1"
dependencies = ["torch>=2", "pebble>=1"]

[project.optional-dependencies]
dev = ["shingle"]
train = ["shingle"]
upscalers = ["lens"]
"""


def load(folder: Path):
    """launch.py as a module whose project is `folder`."""
    spec = importlib.util.spec_from_file_location("launch_under_test", folder / "launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """A package of one file, as pip takes it."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with wheels beside it, whose torch exists with CUDA's packages and as the CPU build."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "launch.py", folder)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").write_text("torch==2.13.0\npebble==1.1\n")
    (folder / "webui").mkdir()
    (folder / "webui" / "__main__.py").write_text(APP)
    (folder / "wheels").mkdir()
    for name, version, requires in [
        ("torch", "2.13.0", "Requires-Dist: nvidia-cuda\n"),
        ("torch", "2.13.0+cpu", ""),
        ("nvidia_cuda", "13.0", ""),
        ("pebble", "1.1", ""),
        ("pebble", "2.0", ""),
        ("lens", "1.0", "Requires-Dist: nvidia-cuda\n"),
    ]:
        wheel(folder / "wheels", name, version, requires)
    return folder


def environment(project: Path, **more: str) -> dict[str, str]:
    """No index but the wheels beside the project, and no accelerator."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "LAUNCH_", "PYTHONPATH"))}
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(project / "wheels"),
        "LAUNCH_TORCH": "cpu",
        **more,
    }


def launch(project: Path, *words: str, python: str = sys.executable, **more: str) -> subprocess.CompletedProcess[str]:
    command = [python, str(project / "launch.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment(project, **more), cwd=project.parent)


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What the small app printed last."""
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def names(project: Path) -> set[str]:
    site = next((project / ".venv" / "lib").glob("python3.*")) / "site-packages"
    return {path.name for path in site.iterdir()}


def test_a_fresh_clone_gets_pinned_packages_and_torch_for_this_machine(project):
    said = answer(launch(project, "generate", "a red apple", "-o", "apple.png"))
    assert said == {
        "words": ["generate", "a red apple", "-o", "apple.png"],
        "folder": str(project.parent),
        "python": str(project / ".venv"),
    }
    assert "torch-2.13.0+cpu.dist-info" in names(project)
    assert "pebble-1.1.dist-info" in names(project)
    assert "lens.py" in names(project) and "nvidia_cuda.py" not in names(project), "what it asks for would bring another torch"


def test_a_second_start_installs_nothing_and_the_exit_code_is_the_apps(project):
    answer(launch(project))
    done = launch(project, "fail", PIP_FIND_LINKS="/nowhere")
    assert done.returncode == 7
    assert len(done.stdout.splitlines()) == 1


def test_under_the_environments_own_python(project):
    answer(launch(project))
    assert answer(launch(project, "doctor", python=str(project / ".venv" / "bin" / "python")))["words"] == ["doctor"]


def test_a_half_made_environment_is_repaired(project):
    answer(launch(project))
    (project / ".venv" / "darkroom-unfinished").touch()
    (next((project / ".venv" / "lib").glob("python3.*")) / "site-packages" / "pebble.py").unlink()
    assert answer(launch(project, "again"))["words"] == ["again"]
    assert {"pebble.py", "torch.py"} <= names(project)
    assert not (project / ".venv" / "darkroom-unfinished").exists()


def test_damage_is_seen(project):
    answer(launch(project))
    module = load(project)
    state = module.read_marker()
    assert not module.is_damaged(state)
    for path in (module.site_packages() / "pebble.py", project / ".venv" / "bin" / "python"):
        away = path.rename(path.with_name("away"))
        assert module.is_damaged(state)
        away.rename(path)
    module.UNFINISHED.touch()
    assert module.is_damaged(state)
    module.UNFINISHED.unlink()
    assert not module.is_damaged(state)


def test_new_pins_are_installed_at_the_next_start(project):
    answer(launch(project))
    pins = (project / "constraints.txt").read_text()
    (project / "constraints.txt").write_text(pins.replace("pebble==1.1", "pebble==2.0"))
    answer(launch(project))
    assert "pebble-2.0.dist-info" in names(project)
    (project / "constraints.txt").write_text(pins)
    answer(launch(project))
    assert "pebble-1.1.dist-info" in names(project)


def test_a_missing_package_is_named_and_what_works_stays(project):
    answer(launch(project))
    done = launch(project, "test")
    assert done.returncode == 1
    assert "shingle" in done.stderr and "Traceback" not in done.stderr
    assert answer(launch(project, "still"))["words"] == ["still"]


def test_an_unreachable_index_is_said_in_a_sentence(project):
    done = launch(project, "test", PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")
    assert done.returncode == 1
    assert "package index cannot be reached" in done.stderr and len(done.stderr.splitlines()) == 1


def test_no_cuda_where_only_cuda_is_reachable(project, tmp_path):
    answer(launch(project))
    wheel(tmp_path, "torch", "2.14.0", "Requires-Dist: nvidia-cuda\n")
    wheel(tmp_path, "pebble", "1.1")
    pins = (project / "constraints.txt").read_text()
    (project / "constraints.txt").write_text(pins.replace("2.13.0", "2.14.0"))
    done = launch(project, PIP_FIND_LINKS=str(tmp_path))
    (project / "constraints.txt").write_text(pins)
    assert done.returncode == 1
    assert "no torch 2.14.0 (cpu)" in done.stderr and len(done.stderr.splitlines()) == 1
    assert "torch-2.13.0+cpu.dist-info" in names(project)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process_even_those_that_ignore_it(project, number):
    answer(launch(project))
    command = [sys.executable, str(project / "launch.py"), "stubborn"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(project))
    family = [psutil.Process(pid) for pid in json.loads(process.stdout.readline())]
    process.send_signal(number)
    process.wait(timeout=60)
    gone, alive = psutil.wait_procs(family, timeout=5)
    assert [one.pid for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


def test_the_app_does_not_outlive_a_killed_launcher(project):
    answer(launch(project))
    command = [sys.executable, str(project / "launch.py"), "stubborn"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(project))
    pids = json.loads(process.stdout.readline())
    process.kill()
    process.wait()
    for pid in pids:  # this app ignores the signal that a real one would stop at
        os.kill(pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_kinds_of_machines(tmp_path, monkeypatch):
    module = load(ROOT)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.accelerator(tmp_path) == "cpu"
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "dri").mkdir()
    (tmp_path / "usr" / "lib64").mkdir(parents=True)
    (tmp_path / "usr" / "lib64" / "libze_intel_gpu.so.1").touch()
    assert module.accelerator(tmp_path) == "xpu"
    (tmp_path / "dev" / "kfd").touch()
    (tmp_path / "opt" / "rocm").mkdir(parents=True)
    assert module.accelerator(tmp_path) == "rocm"
    (tmp_path / "dev" / "nvidia0").touch()
    assert module.accelerator(tmp_path) == "cuda"
    monkeypatch.setattr(module.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(module.platform, "machine", lambda: "arm64")
    assert module.accelerator(tmp_path) == "apple"


@pytest.mark.parametrize(
    ("facts", "first"),
    [("8.9, 580.65.06", "torch===2.13.0"), ("8.9, 550.54", "torch==2.13.0+cu126"), ("6.1, 580.65.06", "torch==2.13.0+cu126")],
)
def test_nvidia_gets_a_torch_that_its_driver_and_card_can_run(tmp_path, monkeypatch, facts, first):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\necho '{facts}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    module = load(ROOT)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    assert module.accelerator(tmp_path) == "cuda"
    assert module.torch_sources("cuda", "2.13.0")[0][0] == first


def test_what_was_installed_stays_when_the_accelerator_is_gone(monkeypatch):
    module = load(ROOT)
    monkeypatch.delenv("LAUNCH_TORCH", raising=False)
    monkeypatch.setattr(module, "accelerator", lambda: "cpu")
    assert module.kind_of_torch({"torch": "cuda"}) == "cuda"
    assert module.kind_of_torch({}) == "cpu"
    monkeypatch.setenv("LAUNCH_TORCH", "abacus")
    with pytest.raises(module.Stop, match="cuda, rocm, xpu"):
        module.kind_of_torch({})


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("ERROR: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying after NewConnectionError(…)\nERROR: No matching distribution found for gradio", "index cannot be reached"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "no permission"),
        ("The virtual environment was not created: ensurepip is not available.", "python3-venv"),
        ("ERROR: No matching distribution found for gradio==9", "pip finds no gradio==9"),
        ("something new", "something new"),
    ],
)
def test_causes_are_named_and_say_what_to_do(log, words):
    said = load(ROOT).diagnose(log, "It failed")
    assert words in said and "start again" in said.lower()


def test_an_old_python_says_what_it_needs():
    old = next(
        (path for minor in (6, 8, 9, 10) if (path := shutil.which(f"python3.{minor}")) and subprocess.call([path, "-c", ""]) == 0), None
    )
    source = (ROOT / "launch.py").read_text()
    compile(source, "launch.py", "exec", dont_inherit=True)
    if old:
        done = subprocess.run([old, str(ROOT / "launch.py"), "--version"], capture_output=True, text=True, env={"PATH": "/nowhere"})
        assert "needs Python 3.11 to 3.14" in done.stderr


def test_pins_cover_every_direct_dependency_and_carry_no_platform_tag():
    module = load(ROOT)
    pins = dict(line.split("==") for line in module.CONSTRAINTS.read_text().splitlines() if "==" in line)
    assert [version for version in pins.values() if "+" in version] == []
    pinned = {name.lower().replace("_", "-") for name in pins}
    direct = {
        line.split(">")[0].split("[")[0].split("<")[0].split("=")[0].lower().replace("_", "-")
        for line in module.requirements(["dev", "train", "upscalers"])
    }
    assert direct - pinned == set()
    assert module.torch_version() == "2.13.0"
