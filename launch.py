"""Start Darkroom from a fresh clone: make `.venv`, install what is pinned, hand over to `python -m webui`.

`python launch.py` serves the studio, `python launch.py test …` runs the suite, any other word is a command of `python -m webui`.
Standard library only, and nothing of webui is imported, so that this file runs before anything is installed.
It must parse under old Pythons too (quoted annotations), because those look for a newer one instead of failing with a traceback.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
MARKER = VENV / "darkroom.json"
UNFINISHED = VENV / "darkroom-unfinished"
CONSTRAINTS = ROOT / "constraints.txt"
OLDEST, NEWEST = (3, 11), (3, 14)
EXTRAS = {"test": ["dev", "train"], "train": ["train"]}
TORCH_INDEX = "https://download.pytorch.org/whl/"
GIGABYTES = {"cpu": 3, "apple": 3, "cuda": 10, "rocm": 20, "xpu": 10}
ALONE = "upscalers"
"""The extra that is installed without its own requirements."""
GRACE = 4.0
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class Stop(Exception):
    """What is wrong and what to do, in one sentence for the user."""


def main(words: "list[str]") -> int:
    """Prepare what these words need and run them; gives the exit code."""
    try:
        with_supported_python(words)
        prepare(EXTRAS.get(words[0], []) if words else [])
        if words[:1] == ["test"]:
            say_browser()
            return run([python(), "-m", "pytest", *words[1:]], cwd=ROOT)
        return run([python(), "-P", "-m", "webui", *words], environment={"PYTHONSAFEPATH": "1"})
    except Stop as stop:
        say(str(stop), sys.stderr)
    except OSError as error:
        say(explain(error), sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def say(text: str, stream: "IO[str] | None" = None) -> None:
    """Print at once, so that a log shows it in order; nobody who listens, and a log on a full disk, are no reason to stop."""
    try:
        print(text, file=stream or sys.stdout, flush=True)
    except (OSError, ValueError):
        pass


def prepare_streams() -> None:
    """Letters that the terminal does not know are written as `\\xfc`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def use_utf8(words: "list[str]") -> None:
    """Start again in UTF-8 mode where the locale (LC_ALL=C, cron, containers) makes names of files ASCII; the app inherits it."""
    if os.name == "posix" and sys.getfilesystemencoding().lower() not in ("utf-8", "utf8") and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        relaunch([sys.executable, str(ROOT / "launch.py"), *words])


# Which Python


def with_supported_python(words: "list[str]") -> None:
    """Go on under a Python of 3.11 to 3.14 that can make environments, or stop with a sentence."""
    if usable_python():
        return
    for name in [f"python3.{minor}" for minor in (11, 12, 13, 14)] + ["python3", "python"]:
        path = shutil.which(name)
        if path and answers(path):
            relaunch([path, str(ROOT / "launch.py"), *words])
    have = "This is Python {}.{}".format(*sys.version_info[:2])
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Stop(have + " without its venv package. On Debian or Ubuntu: sudo apt install python3-venv, then start again.")
    raise Stop(have + "; Darkroom needs Python 3.11 to 3.14. Install one (python.org or your system's packages) and start again with it.")


def relaunch(command: "list[str]") -> None:
    """Run this file under another Python, in this process's place."""
    if os.name == "nt":
        sys.exit(run(command))
    os.execv(command[0], command)


def usable_python() -> bool:
    """Whether this Python is of a supported version and can make environments, or stands in a finished one."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return False
    from importlib.util import find_spec

    return MARKER.exists() or (find_spec("venv") is not None and find_spec("ensurepip") is not None)


def answers(path: str, modules: str = "venv, ensurepip") -> bool:
    """Whether the Python at `path` works (pyenv's shims may not), is of a supported version and has these modules."""
    code = f"import sys, {modules}; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    return subprocess.call([path, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def python() -> str:
    """The environment's Python."""
    return str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def base_python() -> str:
    """The Python that environments are made with: never the environment's own, which a repair removes."""
    if Path(sys.prefix) != VENV:
        return sys.executable
    return str(getattr(sys, "_base_executable", sys.executable))


# The environment


def prepare(extras: "list[str]") -> None:
    """Make, mend or bring up to date `.venv`; a finished one costs a few milliseconds."""
    state = read_marker()
    if is_current(state, extras):
        return
    with locked():
        state = read_marker()
        if is_current(state, extras):
            return
        chosen = str(os.environ.get("LAUNCH_TORCH") or state.get("chosen") or "")
        install(sorted({*extras, *state.get("extras", [])}), kind_of_torch(state), chosen)


def read_marker() -> "dict[str, Any]":
    """What the last finished preparation wrote; empty when there is none."""
    try:
        state = json.loads(MARKER.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def is_current(state: "dict[str, Any]", extras: "list[str]") -> bool:
    """Whether the environment is whole and has these extras at the pinned versions."""
    return (
        state.get("wanted") == wanted()
        and set(extras) <= set(state.get("extras", []))
        and state.get("torch") == kind_of_torch(state)
        and not is_damaged(state)
    )


def is_damaged(state: "dict[str, Any]") -> bool:
    """Whether a preparation was cut off, or something that was installed is gone."""
    if UNFINISHED.exists() or not Path(python()).exists():
        return True
    try:
        return not set(state.get("packages", [])) <= set(package_names())
    except OSError:
        return True


def wanted() -> str:
    """A hash of what decides the packages: the dependencies, their pins and where they go."""
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(dependency_lines(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def dependency_lines(text: str) -> str:
    """`text` up to the tools' settings, which do not change what is installed."""
    return text.partition("\n[tool.")[0]


def install(extras: "list[str]", kind: str, chosen: str) -> None:
    """Install everything into `.venv`; a note inside says that it is unfinished until the end."""
    fresh = is_damaged(read_marker()) or not answers(python(), "pip")
    if fresh:
        make_environment(kind)
    say(f"Preparing {VENV} for {kind} ({', '.join(['app', *extras])}) …")
    install_packages(requirements(extras), kind, fresh)
    install_alone(ALONE)
    site = site_packages()
    (site / "darkroom.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    state = {"wanted": wanted(), "extras": extras, "torch": kind, "chosen": chosen, "packages": package_names()}
    part = MARKER.with_suffix(".part")
    part.write_text(json.dumps(state), encoding="utf-8")
    part.replace(MARKER)
    UNFINISHED.unlink()
    say("Ready.")


def make_environment(kind: str) -> None:
    """An empty environment in place of whatever is there."""
    if VENV.exists():
        say(f"{VENV} is unfinished or damaged; making it anew.")
        shutil.rmtree(VENV)
    free, need = shutil.disk_usage(ROOT).free, GIGABYTES[kind] * 10**9
    if free < need:
        space = f"{free / 1e9:.1f} GB free, and the installation needs about {need / 1e9:.0f} GB"
        raise Stop(f"{ROOT} has {space}. Free some space and start again.")
    VENV.mkdir()
    UNFINISHED.touch()
    done = subprocess.run(
        [base_python(), "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        raise Stop(diagnose(done.stdout, f"{base_python()} could not make {VENV}"))


def site_packages() -> Path:
    """The folder that holds the environment's packages."""
    if os.name == "nt":
        return VENV / "Lib" / "site-packages"
    return next((VENV / "lib").glob("python3.*")) / "site-packages"


def package_names() -> "list[str]":
    """Names of what can be imported there; versions are left out, so that an update by hand is no damage."""
    names = os.listdir(str(next((VENV / "lib").glob("python3.*"), VENV / "Lib") / "site-packages"))
    return sorted(name for name in names if not name.endswith((".dist-info", ".egg-info")) and not name.startswith(("~", "__")))


def project() -> "dict[str, Any]":
    """What pyproject.toml says of the project."""
    import tomllib

    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def lines_of(extra: str) -> "list[str]":
    """An extra's requirements."""
    return list(project()["optional-dependencies"][extra])


def requirements(extras: "list[str]") -> "list[str]":
    """The project's dependencies without torch, which is chosen by machine, and those of the extras."""
    lines = list(project()["dependencies"])
    for extra in extras:
        lines += lines_of(extra)
    return [line for line in lines if not re.match(r"torch\b(?!-)", line)]


def locked() -> "IO[bytes]":
    """Let one launcher at a time prepare; the lock is this very file's, so that nothing has to be tidied up."""
    lock = open(__file__, "rb")  # noqa: SIM115
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
    except (ImportError, OSError):
        pass  # Windows, and file systems without locks: two at once are then the user's to avoid
    return lock


# Which torch


def kind_of_torch(state: "dict[str, Any]") -> str:
    """cuda, rocm, xpu, apple or cpu: what LAUNCH_TORCH chose, now or once, else by machine.

    What is installed stays when an accelerator is gone: it may be back tomorrow.
    """
    chosen = str(os.environ.get("LAUNCH_TORCH") or state.get("chosen") or "")
    if chosen:
        if chosen not in GIGABYTES:
            raise Stop(f"LAUNCH_TORCH is {chosen!r}; it can be {', '.join(GIGABYTES)}.")
        return chosen
    found = accelerator()
    return str(state.get("torch", found)) if found == "cpu" else found


def accelerator(root: Path = Path("/")) -> str:
    """What this machine computes with, from device files and drivers under `root`; asks the driver only when its tool is there."""
    if platform.system() == "Darwin":
        return "apple" if platform.machine() == "arm64" else "cpu"
    if any((root / "dev").glob("nvidia[0-9]*")) or (root / "usr/lib/wsl/lib/libcuda.so.1").exists() or nvidia_facts():
        return "cuda"
    if (root / "dev/kfd").exists() and ((root / "opt/rocm").exists() or shutil.which("rocminfo")):
        return "rocm"
    libraries = ("usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib")
    has_level_zero = any(any((root / folder).glob("libze_intel_gpu.so*")) for folder in libraries)
    return "xpu" if has_level_zero and (root / "dev/dri").exists() else "cpu"


def nvidia_facts() -> "list[tuple[float, float]]":
    """(compute capability, driver version) of each NVIDIA GPU, by its driver's own tool; empty without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        query = [tool, "--query-gpu=compute_cap,driver_version", "--format=csv,noheader"]
        done = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [(float(cap), float(driver)) for cap, driver in re.findall(r"^(\d+\.\d+), (\d+\.\d+)", done.stdout, re.MULTILINE)]


def torch_sources(kind: str, version: str) -> "list[list[str]]":
    """pip's words for torch, best first. A tag (`+cpu`) is asked for by name, so that nothing else can come instead."""
    if kind == "apple":
        return [[f"torch=={version}"]]
    if kind == "cpu":
        return [[f"torch=={version}+cpu"], from_index(version, "cpu")]
    if kind == "xpu":
        return [from_index(version, "xpu")]
    if kind == "rocm":
        return [from_index(version, tag) for tag in ("rocm7.2", "rocm7.1", "rocm7.0", "rocm6.4")]
    old = any(capability < 7.5 or driver < 580 for capability, driver in nvidia_facts())
    official = [from_index(version, tag) for tag in (("cu126",) if old else ("cu130", "cu132", "cu128"))]
    plain_is_cuda = platform.system() == "Linux" and platform.machine() == "x86_64" and not old
    return [[f"torch==={version}"], *official] if plain_is_cuda else official


def from_index(version: str, tag: str) -> "list[str]":
    """The build with this tag, from PyTorch's own index."""
    return [f"torch=={version}+{tag}", "--extra-index-url", TORCH_INDEX + tag]


def torch_version() -> str:
    """The pinned version."""
    found = re.search(r"^torch==([\w.]+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise Stop(f"{CONSTRAINTS} does not pin torch. Restore the file (git checkout constraints.txt).")
    return found.group(1)


# pip


def install_packages(lines: "list[str]", kind: str, fresh: bool) -> None:
    """Install the requirements with the first source of torch that has it."""
    for source in torch_sources(kind, torch_version()):
        UNFINISHED.write_text("launch.py was stopped while it installed; run it again.\n", encoding="utf-8")
        code, log = pip(["install", "--constraint", str(CONSTRAINTS), *source, *lines])
        if code == 0:
            return
        if "Installing collected packages" not in log and not fresh:
            UNFINISHED.unlink()  # nothing was changed: what is there still works
        if not lacks_torch(log) or lost_network(log):
            raise Stop(diagnose(log, "The packages could not be installed"))
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    advice = "Try another Python of 3.11 to 3.14." if kind == "cpu" else "With LAUNCH_TORCH=cpu the CPU build is installed instead."
    raise Stop(f"There is no torch {torch_version()} ({kind}) for {here} in the package indexes that pip reaches. {advice}")


def install_alone(extra: str) -> None:
    """Install an extra's packages without what they ask for: spandrel wants torchvision, which would bring another torch."""
    code, log = pip(["install", "--constraint", str(CONSTRAINTS), "--no-deps", *lines_of(extra)])
    if code:
        raise Stop(diagnose(log, f"The packages for {extra} could not be installed"))


def pip(words: "list[str]") -> "tuple[int, str]":
    """Run pip in the environment, show what it fetches, and give its exit code and whole log."""
    foreign = ("PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PYTHONUNBUFFERED="1")
    command = [python(), "-m", "pip", *words, "--progress-bar", "off", "--no-color", "--retries", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        preexec_fn=die_with_parent(),
        encoding="utf-8",
        errors="replace",
    )
    log = []
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            log.append(line)
            show(line)
    return process.returncode, "".join(log)


def show(line: str) -> None:
    """Of pip's lines, those that say how far it is."""
    large = re.search(r"Downloading (\S+?)-\d\S* \((\d+\.\d [MG]B)\)", line)
    if large and float(large.group(2).split()[0]) >= 5:
        say(f"  downloading {large.group(1).rpartition('/')[2]} ({large.group(2)})")
    elif line.startswith("Installing collected packages"):
        say(f"  installing {line.count(',') + 1} packages; this takes a minute or two")


def lacks_torch(log: str) -> bool:
    """Whether pip failed because this build of torch is not to be had (it calls that a conflict when another build is)."""
    return re.search(r"No matching distribution found for torch\b(?!-)|Cannot install torch==", log) is not None


def lost_network(log: str) -> bool:
    """Whether pip could not reach an index."""
    signs = (
        "NewConnectionError|NameResolutionError|Network is unreachable|ConnectTimeout|ReadTimeout|ProxyError|ConnectionResetError|SSLError"
    )
    return re.search(signs, log) is not None


def diagnose(log: str, what: str) -> str:
    """One sentence for a failed step: what is wrong and what to do; the log's end where the cause is unknown."""
    again = "and start again: it goes on from there."
    if "No space left on device" in log or "Disk quota exceeded" in log or "Errno 28" in log:
        return f"{what}: the disk is full. Free some space in {ROOT} and in the folder for temporary files {again}"
    if "ensurepip is not available" in log:
        return f"{what}: this Python lacks its venv package. On Debian or Ubuntu: sudo apt install python3-venv, {again}"
    if lost_network(log):
        return f"{what}: the package index cannot be reached. Check the network, the proxy (HTTPS_PROXY) or pip's index setting {again}"
    if "Permission denied" in log or "Errno 13" in log:
        return f"{what}: no permission to write in {ROOT}. Give yourself that permission, or clone the project elsewhere, {again}"
    missing = re.search(r"No matching distribution found for (\S+)", log)
    if missing:
        here = f"Python {platform.python_version()}"
        return f"{what}: pip finds no {missing.group(1)} for {here}. Check the network and pip's index setting {again}"
    return f"{what}. pip's last words:\n{''.join(log.splitlines(keepends=True)[-15:])}Start again when the cause is gone."


def explain(error: OSError) -> str:
    """A sentence for an error of the file system."""
    place = error.filename or ROOT
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full at {place}. Free some space and start again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place} cannot be written. Give yourself permission, or clone the project into a folder of yours, and start again."
    return f"{place}: {error.strerror}. Mend that and start again."


# Running


def say_browser() -> None:
    """Say how to get a browser for the page's tests when there is none."""
    if any(shutil.which(name) for name in BROWSERS) or playwright_has_chromium():
        return
    say("The page's tests need a browser, and there is no chromium here. This installs one:")
    say(f"  {python()} -m playwright install chromium")


def playwright_has_chromium() -> bool:
    """Whether Playwright has fetched its own."""
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a user without a name
        home = ROOT
    folders = [home / ".cache/ms-playwright", home / "Library/Caches/ms-playwright", home / "AppData/Local/ms-playwright"]
    folders.append(Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or home))
    return any(any(folder.glob("chromium*-*")) for folder in folders)


def run(command: "list[str]", cwd: "Path | None" = None, environment: "dict[str, str] | None" = None) -> int:
    """Run a program to its end, hand signals on to it, and leave nothing of it behind; gives its exit code as a shell counts."""
    whole = {**os.environ, **(environment or {})}
    if os.name == "nt":
        return wait_on_windows(subprocess.Popen(command, cwd=cwd, env=whole))
    process = subprocess.Popen(command, cwd=cwd, env=whole, start_new_session=True, preexec_fn=die_with_parent())
    hand_on_signals(process)
    code = process.wait()
    signal.setitimer(signal.ITIMER_REAL, 0)
    end_group(process.pid)
    return code if code >= 0 else 128 - code


def hand_on_signals(process: "subprocess.Popen[bytes]") -> None:
    """A signal that stops us stops the program; what still runs after the grace is killed."""

    def hand_on(number: int, frame: object) -> None:
        process.send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    signal.signal(signal.SIGALRM, lambda number, frame: end_group(process.pid))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP:  # nohup has SIGHUP ignored
            signal.signal(number, hand_on)


def end_group(group: int) -> None:
    """Kill what is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def die_with_parent() -> Any:
    """On Linux, a function that ties the child's life to ours, so that `kill -9` of the launcher stops the app too."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGTERM)


def wait_on_windows(process: "subprocess.Popen[bytes]") -> int:
    """Ctrl+C reaches the program by itself there; see that it ends."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            return process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            return 130


if __name__ == "__main__":
    use_utf8(sys.argv[1:])
    prepare_streams()
    sys.exit(main(sys.argv[1:]))
