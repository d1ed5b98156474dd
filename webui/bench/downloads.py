"""`bench downloads`: a model from a server on loopback beside `curl`, and kill -9 while it comes: torn, fetched twice, half in the lists.

The server sends by `sendfile`, so that what is measured is whoever receives. The address is that of Hugging Face's API. Receiving and
hashing each take a core: beside other work on two cores the ratios tell of that work.
"""

import argparse
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from webui.bench.results import keep
from webui.downloads.service import Downloads
from webui.library import Library
from webui.settings import PROJECT, Settings

BOUNDS = {"speed_of_curl": 0.9, "speed_of_curl_flushed": 0.9, "memory_speed_of_curl": 0.9}
"""Ours ends when the file is on the disk (a power cut tears nothing), `curl` with the last byte in the system's memory: its equal is
`speed_of_curl_flushed`. In a folder in memory there is no disk to wait for, and the programs alone are compared.
"""
NONE = ("kills_torn", "kills_came_twice", "kills_half_listed", "kills_failed")
SOURCE, NAME = "hf:owner/fox", "fox.safetensors"
_TICK_S = 0.002
_MEMORY = Path("/dev/shm")


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a bound of the issue is not met."""
    parser = argparse.ArgumentParser(prog="bench downloads")
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--get", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(list(words))
    if options.serve:
        return _serve(options.serve)
    if options.get:
        return _get(Path(options.get[0]), options.get[1])
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options)
    for name, value in figures.items():
        bound = f"   (at least {BOUNDS[name]:g})" if name in BOUNDS else "   (none)" if name in NONE else ""
        print(f"{name:<24}{value:10.3f}{bound}")
    print(keep("downloads", figures))
    return 0 if all(figures.get(name, bound) >= bound for name, bound in BOUNDS.items()) and not any(figures[name] for name in NONE) else 1


def measure(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Make the file, serve it from a process of its own, and fetch it."""
    source = folder / NAME
    _write(source, options.mb * 10**6)
    served = subprocess.Popen(
        [sys.executable, "-m", "webui", "bench", "downloads", "--serve", str(source)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert served.stdout is not None
        url = served.stdout.readline().strip()
        return {"mb": float(options.mb), **_speed(folder, url, options), **_in_memory(url, options), **_kills(folder, url, source, options)}
    finally:
        served.terminate()
        served.wait()


# Speed ----------------------------------------------------------------------------------------------------------------------------------


def _speed(folder: Path, url: str, options: argparse.Namespace) -> dict[str, float]:
    """Ours and `curl` by turns, medians: rates, and the ratio of each pair; without `curl` only ours."""
    ours: list[float] = []
    curls: list[tuple[float, float]] = []
    has_curl, cpu = shutil.which("curl"), 0.0
    for _ in range(options.rounds):
        if has_curl:
            curls.append(_curl(folder / "curl.safetensors", f"{url}/owner/fox/resolve/main/{NAME}"))
        box = folder / "speed"
        began, cpu_began = time.perf_counter(), time.process_time()
        _downloaded(box, url)
        ours.append(time.perf_counter() - began)
        cpu += time.process_time() - cpu_began
        shutil.rmtree(box)
        os.sync()
    figures = {"ours_mb_s": options.mb / median(ours), "ours_cpu_s_per_gb": cpu * 1000 / options.mb / options.rounds}
    if not curls:
        return figures
    ended, flushed = zip(*curls, strict=True)
    return figures | {
        "curl_mb_s": options.mb / median(ended),
        "curl_flushed_mb_s": options.mb / median(flushed),
        "speed_of_curl": median(theirs / own for theirs, own in zip(ended, ours, strict=True)),
        "speed_of_curl_flushed": median(theirs / own for theirs, own in zip(flushed, ours, strict=True)),
    }


def _in_memory(url: str, options: argparse.Namespace) -> dict[str, float]:
    """The same in a folder that the system keeps in memory; nothing where there is none with room for it."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < 2 * options.mb * 10**6:
        return {}
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        figures = _speed(Path(folder), url, options)
    return {f"memory_{name}": figures[name] for name in ("ours_mb_s", "curl_mb_s", "speed_of_curl") if name in figures}


def _curl(target: Path, url: str) -> tuple[float, float]:
    """Seconds until `curl` has ended, and until its file is on the disk."""
    began = time.perf_counter()
    subprocess.run(["curl", "-s", "-o", str(target), url], check=True)
    took = time.perf_counter() - began
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    flushed = time.perf_counter() - began
    target.unlink()
    os.sync()
    return took, flushed


def _downloaded(folder: Path, url: str) -> str:
    """Fetch the model as `models get` does; gives how that ended."""
    settings = Settings(data_dir=folder, models_dirs=(folder / "models",), hf_endpoint=url)
    downloads = Downloads(Library([folder / "models"], folder / "library.json"), lambda: settings, lambda download: None)
    ended = downloads.run_now(downloads.add(SOURCE))
    return ended.state + (f": {ended.error}" if ended.error else "")


def _get(folder: Path, url: str) -> int:
    print(_downloaded(folder, url), flush=True)
    return 0


# Kills ----------------------------------------------------------------------------------------------------------------------------------


def _kills(folder: Path, url: str, source: Path, options: argparse.Namespace) -> dict[str, float]:
    """Kill a process that fetches, each time when a random amount more has come, beyond which nothing is sent; then let it end."""
    box, chance, size = folder / "kills", random.Random(options.seed), source.stat().st_size
    before = len(_starts(url))
    command = [sys.executable, "-m", "webui", "bench", "downloads", "--get", str(box), url]
    points = sorted(chance.randrange(size) for _ in range(options.kills))
    half, had = 0, [0]
    for point in points:
        _send_until(url, point)
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
        while process.poll() is None and _come(box) < point:
            time.sleep(_TICK_S)
        process.send_signal(signal.SIGKILL)
        killed = process.wait() == -signal.SIGKILL
        half += killed and bool(Library([box / "models"]).scan())
        had += [_come(box)] if killed else []
    _send_until(url, size)
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()
    arrived = box / "models" / "Lora" / NAME
    torn = not arrived.exists() or _sha256(arrived) != _sha256(source)
    began = _starts(url)[before:]
    return {
        "kills": float(len(had) - 1),
        "kills_torn": float(torn),
        "kills_half_listed": float(half),
        "kills_failed": float(ended != "done"),
        "kills_came_twice": float(sum(start not in had for start in began) + began.count(0) - 1),
    }


def _come(box: Path) -> int:
    """Bytes of the file that are on the disk."""
    total = 0
    for path in (box / "models" / ".downloads").glob("*/files/*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def _send_until(url: str, point: int) -> None:
    """Let the server send so many bytes of the file, and no more until it is told so: whoever kills may come late."""
    import httpx

    httpx.get(f"{url}/until/{point}", trust_env=False).raise_for_status()


def _starts(url: str) -> list[int]:
    """Where each answer with the file has begun so far."""
    import httpx

    return [int(start) for start in httpx.get(f"{url}/starts", trust_env=False).json()]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, size: int) -> None:
    """A LoRA of about this size."""
    rank = size // (2 * 1024 * 2)
    shapes = {"lora_unet_x.lora_down.weight": (rank, 1024), "lora_unet_x.lora_up.weight": (1024, rank)}
    header: dict[str, Any] = {}
    end = 0
    for name, (rows, columns) in shapes.items():
        header[name] = {"dtype": "F16", "shape": [rows, columns], "data_offsets": [end, end + 2 * rows * columns]}
        end += 2 * rows * columns
    text = json.dumps(header).encode()
    block = random.Random(0).randbytes(2**20)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        while end > 0:
            file.write(block[: min(end, len(block))])
            end -= len(block)


# The server -----------------------------------------------------------------------------------------------------------------------------


def _send(target: int, source: int, rest: range, until: list[int]) -> None:
    """Send the rest of a file, of which no more than `until` says at the time. Raises OSError."""
    at = rest.start
    while at < rest.stop:
        if at >= until[0]:
            time.sleep(_TICK_S)
            continue
        at += os.sendfile(target, source, at, min(2**20, until[0] - at))


def _serve(path: Path) -> int:
    """Serve one file as Hugging Face does, until it is ended; prints its address first."""
    size, digest = path.stat().st_size, _sha256(path)
    told = {"id": "owner/fox", "siblings": [{"rfilename": NAME, "size": size, "lfs": {"sha256": digest, "size": size}}]}
    starts: list[int] = []
    until = [size]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.endswith(NAME):
                self._send_file()
            elif self.path.startswith("/until/"):
                until[0] = int(self.path.removeprefix("/until/"))
                self._send_text("{}")
            else:
                self._send_text(json.dumps(starts if self.path == "/starts" else told))

        def _send_text(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def _send_file(self) -> None:
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(found[1]) if found else 0
            starts.append(start)
            self.send_response(206 if found else 200)
            self.send_header("Content-Length", str(size - start))
            if found:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()
            with path.open("rb") as file:
                try:
                    _send(self.connection.fileno(), file.fileno(), range(start, size), until)
                except OSError:
                    self.close_connection = True

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
    return 0
