"""`bench gallery`: what 100,000 pictures cost: the start, first rows, queries, the layout of all, 10,000 that are deleted and brought back.

The pictures are tiny files with rows as jobs write them. They are asked for over HTTP, as the page does.
"""

import argparse
import hashlib
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin
from sqlalchemy import insert

from webui.bench.faults import AppProcess
from webui.bench.results import keep
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.db import open_database
from webui.db.mapping import image_values
from webui.db.tables import images

BOUNDS = {"first_rows_ms_p95": 100.0, "query_ms_p95": 100.0, "bin_10000_s": 2.0, "undo_10000_s": 2.0}
QUERIES = ("owl", "red fox", "-owl", "model:alpha", "steps>25", "cfg:5.5 sampler:euler", "size:portrait snow", "rated>3", "seed:123456")
_WORDS = ("owl", "fox", "apple", "house", "river", "snow", "red", "blue", "old", "quiet", "forest", "lamp", "garden", "storm", "paper")
_SIZES = ((512, 512), (512, 768), (768, 512), (640, 640))
_AT_ONCE = 5_000
_A_SESSION = 12


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a bound of the issue is not met."""
    parser = argparse.ArgumentParser(prog="bench gallery", description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--chosen", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.pictures, options.chosen, options.rounds)
    for name, value in figures.items():
        print(f"{name:<24}{value:12.2f}" + (f"   (at most {BOUNDS[name]:g})" if name in BOUNDS else ""))
    print(keep("gallery", figures))
    return 0 if all(figures[name] <= bound for name, bound in BOUNDS.items()) else 1


def measure(folder: Path, pictures: int, chosen: int, rounds: int) -> dict[str, float]:
    """Make the pictures, start the program on them, and ask."""
    ids = make(folder, pictures)
    app = AppProcess(folder)
    try:
        began = time.perf_counter()
        app.start()
        figures = {"pictures": float(pictures), "start_s": time.perf_counter() - began}
        return figures | _asked(app, rounds) | _binned(app, ids[-chosen:])
    finally:
        app.stop()


def make(folder: Path, pictures: int) -> list[str]:
    """Write the files and their rows; gives the ids, oldest first."""
    database, chance = open_database(folder), random.Random(1)
    rows = list(_rows(folder, pictures, chance))
    for start in range(0, pictures, _AT_ONCE):
        with database.write() as connection:
            connection.execute(insert(images), rows[start : start + _AT_ONCE])
    database.close()
    return [row["id"] for row in rows]


def _rows(folder: Path, pictures: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    prompt = ""
    for number in range(pictures):
        session = number - number % _A_SESSION
        if number == session:
            prompt = " ".join(chance.sample(_WORDS, 5))
        width, height = chance.choice(_SIZES)
        request = GenerationRequest(
            prompt=prompt,
            width=width,
            height=height,
            steps=chance.randrange(10, 40),
            guidance=chance.choice((4.0, 5.5, 7.0)),
            sampler=chance.choice(("Euler", "Euler a", "DPM++ 2M")),
            checkpoint=chance.choice(("alpha [0123456789]", "beta [9876543210]")),
            seed=number,
        )
        at = now - timedelta(minutes=5 * (pictures - number))
        path = f"outputs/{at:%Y-%m-%d}/{number:06}-{number}.png"
        data = _file(folder / path, number)
        record = ImageRecord(
            id=hashlib.sha256(data).hexdigest(), path=path, job_id=f"{number:032x}", width=width, height=height, seed=number, created=at
        )
        yield image_values(record, request) | {"session": session + 1, "rating": chance.choice((0, 0, 0, 0, 3, 5))}


def _file(path: Path, number: int) -> bytes:
    """A picture of its own bytes."""
    text = PngImagePlugin.PngInfo()
    text.add_text("number", str(number))
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return stream.getvalue()


def _asked(app: AppProcess, rounds: int) -> dict[str, float]:
    def rows(**asked: str) -> None:
        app.http.get("/api/v1/images", params={"limit": "30", **asked}).raise_for_status()

    first = [_ms(rows) for _ in range(rounds)]
    queries = [_ms(lambda q=query: rows(q=q)) for query in QUERIES for _ in range(rounds)]  # type: ignore[misc]
    counts = [_ms(lambda q=query: app.http.get("/api/v1/images/count", params={"q": q}).raise_for_status()) for query in QUERIES]  # type: ignore[misc]
    layout = [_ms(lambda: app.http.get("/api/v1/images/layout").raise_for_status()) for _ in range(rounds)]
    return {
        "first_rows_ms_p95": _p95(first),
        "query_ms_median": statistics.median(queries),
        "query_ms_p95": _p95(queries),
        "count_ms_p95": _p95(counts),
        "layout_ms_median": statistics.median(layout),
    }


def _binned(app: AppProcess, ids: list[str]) -> dict[str, float]:
    def binned() -> int:
        return int(app.http.get("/api/v1/images", params={"place": "bin", "limit": "1"}).raise_for_status().json()["total"])

    began = time.perf_counter()
    answer = app.http.patch("/api/v1/images", json={"ids": ids, "trashed": True}).raise_for_status().json()
    deleted = time.perf_counter() - began
    lost = len(ids) - binned()
    began = time.perf_counter()
    app.http.post(f"/api/v1/images/undo/{answer['undo']}").raise_for_status()
    back = time.perf_counter() - began
    count = f"{len(ids)}"
    return {f"bin_{count}_s": deleted, f"undo_{count}_s": back, "not_binned": float(lost), "not_back": float(binned())}


def _ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
