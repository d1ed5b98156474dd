"""Extras on a folder go on after kill -9 of web, engine and both: no picture is lost, none is made twice."""

import time

import httpx
import numpy as np
import pytest
from PIL import Image

from webui.bench.faults import AppProcess

PICTURES = 12
VICTIMS = ("engine", "web", "both")


def results(app, jobs):
    """(place, id) of what is there of each job, in order, and whether all have ended; waits for an app that is being started."""
    for _ in range(600):
        try:
            found = [app.http.get(f"/api/v1/jobs/{job}").raise_for_status().json() for job in jobs]
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        assert not [job["error"] for job in found if job["error"]]
        made = [(number, image["index"], image["id"]) for number, job in enumerate(found) for image in job["images"]]
        return sorted(made), all(job["state"] == "done" for job in found)
    raise AssertionError("the app does not answer")


@pytest.mark.timeout(1200)  # web is started three times
def test_a_folder_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(PICTURES):
        pixels = np.random.default_rng(number).integers(0, 256, (40 + 2 * number, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    (folder / "notes.txt").write_text("no picture")
    app = AppProcess(tmp_path / "data")
    app.start()
    try:
        wish = {"folder": str(folder), "finish": [{"kind": "upscale", "upscaler": "darkroom-4x", "scale": 4}]}
        queued = app.http.post("/api/v1/extras", json=wish).raise_for_status().json()
        assert [each["name"] for each in queued["passed_over"]] == ["notes.txt"]
        jobs = [job["id"] for job in queued["jobs"]]
        before = []
        for number, victim in enumerate(VICTIMS, 1):
            while len(before) < number * PICTURES // 4:
                time.sleep(0.02)
                before, is_done = results(app, jobs)
            assert not is_done, "too quick: nothing was left to be killed"
            app.kill(victim)
            after, _ = results(app, jobs)
            assert set(before) <= set(after), "what was made stays as it was"
        while not is_done:
            time.sleep(0.1)
            after, is_done = results(app, jobs)
        files = list((tmp_path / "data" / "outputs").rglob("*.png"))
    finally:
        app.stop()
    assert len(after) == len(files) == len({image for *_, image in after}) == PICTURES
    assert sorted(Image.open(file).height for file in files) == [4 * (40 + 2 * number) for number in range(PICTURES)]
