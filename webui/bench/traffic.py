"""`bench traffic`: many users at random, with random sizes, samplers, wishes and cancels. Is anything lost, mixed up, or kept waiting?

Through the real queue and a real engine. After it, every job must have ended, every finished one must have all its pictures, each with its
own owner and its own request inside, and nobody may have been overtaken in their turn more often than the bound says.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from webui.app import App, open_app
from webui.bench.results import keep
from webui.core.job import FINAL_STATES, Job
from webui.core.request import GenerationRequest, parse_request
from webui.images.metadata import read_metadata
from webui.jobs.fair_queue import PREFERENCE
from webui.settings import load_settings

SAMPLERS = ("Euler", "Euler a", "DPM++ 2M", "DPM++ SDE", "Heun", "DDIM", "LCM", "UniPC")
SIZES = ((128, 128), (128, 128), (128, 128), (64, 128), (192, 128))
PROMPTS = ("a red apple", "a cat, blue background", "a sunflower AND a rose", "[a lemon:a lime:0.5]", "a (tulip:1.3), " * 30)


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when something was lost, mixed up or kept waiting for too long."""
    parser = argparse.ArgumentParser(prog="python -m webui bench traffic")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=60.0, help="submit no more after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default=None)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(load_settings({"data_dir": folder}, environment={}), options)
    for name, value in figures.items():
        print(f"{name:<24}{value}")
    print(keep("traffic", figures))
    bad = ("lost", "wrong_owner", "wrong_picture", "failed", "missing_pictures")
    return 1 if any(figures[name] for name in bad) or figures["most_overtaken"] > PREFERENCE else 0


def measure(settings: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Submit, cancel, wait, and look at what came of it."""
    app = open_app(settings)
    watched = Overtaking(app)
    app.start()
    source, jobs, told = random.Random(options.seed), list[Job](), dict[str, str]()
    began = time.monotonic()
    while len(jobs) < options.jobs and time.monotonic() - began < options.minutes * 60:
        if app.services.queue.store.count("queued") < 3 * options.users:
            owner = f"user{source.randrange(options.users)}"
            jobs.append(app.services.queue.submit(random_request(source, options.checkpoint), owner))
            if source.random() < 0.1:
                told[source.choice(jobs).id] = how = source.choice(["stop", "stop", "skip", "after"])
                app.services.queue.cancel(list(told)[-1], how)
        else:
            time.sleep(0.01)
    while app.services.queue.store.count("queued", "running"):
        time.sleep(0.05)
    seconds = time.monotonic() - began
    figures = judge(app, jobs, told)
    engine = app.services.queue.engines()[0]
    app.stop()
    share = {"jobs_in_a_pass": round(engine.batch.answered / max(engine.batch.passes, 1), 2)}
    return {"jobs": len(jobs), "cancels": len(told), "seconds": round(seconds, 1), **share, **figures, "most_overtaken": watched.most}


def random_request(source: random.Random, checkpoint: str | None) -> GenerationRequest:
    """Any request that the default model takes."""
    width, height = source.choice(SIZES)
    return parse_request(
        {
            "prompt": source.choice(PROMPTS),
            "checkpoint": checkpoint,
            "width": width,
            "height": height,
            "steps": source.randint(1, 12),
            "sampler": source.choice(SAMPLERS),
            "guidance": source.choice([1.0, 4.0, 7.0]),
            "seed": source.randrange(2**32),
            "batch_size": source.choice([1, 1, 1, 2]),
            "batch_count": source.choice([1, 1, 2]),
            "deterministic": source.random() < 0.05,
        }
    )


def judge(app: App, jobs: Sequence[Job], told: Mapping[str, str]) -> dict[str, Any]:
    """What is wrong with the jobs that have ended. `told` are the stops; a job that skipped a batch may be done with fewer pictures."""
    ended = [app.services.queue.get(job.id) for job in jobs]
    found = [(job, image, read_metadata(app.services.gallery.path(image))) for job in ended for image in job.images]
    files = len(list((app.services.settings.current().outputs).rglob("*.png")))
    done = [job for job in ended if job.state == "done" and told.get(job.id) != "skip"]
    states = Counter(job.state for job in ended)
    return {
        "done": states["done"],
        "stopped": states["cancelled"],
        "failed": states["failed"],
        "lost": sum(job.state not in FINAL_STATES for job in ended) + files - len(found),
        "missing_pictures": sum(len(job.images) != job.request.count for job in done),
        "wrong_owner": sum(job.owner != before.owner for job, before in zip(ended, jobs, strict=True))
        + sum(image.owner != job.owner for job, image, _ in found),
        "wrong_picture": sum(
            reading is None or reading.job_id != job.id or reading.fields["seed"] != image.seed for job, image, reading in found
        ),
        "pictures": len(found),
    }


class Overtaking:
    """Counts, at every choice, how many jobs went past the one whose turn it was. An owner who has a job running has had their turn."""

    def __init__(self, app: App) -> None:
        self.most = 0
        self._queue = app.services.queue
        self._due, self._past = "", 0
        self._take = app.dispatch.take
        self._order = app.services.queue.waiting_order
        app.dispatch.take = self._watched  # type: ignore[method-assign, assignment]

    def _watched(self, *arguments: Any) -> Job | None:
        served = {self._queue.owner_of(job_id) for engine in self._queue.engines() for job_id in engine.jobs}
        due = next((job_id for job_id in self._order() if self._queue.owner_of(job_id) not in served), "")
        job = self._take(*arguments)
        if job is None:
            return None
        if due != self._due:
            self._due, self._past = due, 0
        self._past += due not in ("", job.id)
        self.most = max(self.most, self._past)
        return job
