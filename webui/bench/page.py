"""`bench page`: what opening the page costs a browser that has never seen it: first paint, Generate usable, bytes, shifts, long tasks.

It runs the real app and Chromium (Playwright's, with the packages for development). Each visit is a person of their own, with an empty
cache; one more opens the page again. Seconds depend on what else the machine does: the load stands beside the figures.
"""

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webui.bench.results import keep
from webui.bench.start import ready, started
from webui.errors import WebUIError

GOALS = {
    "skeleton_s": 0.3,
    "usable_s": 1.0,
    "usable_again_s": 0.4,
    "kilobytes": 450.0,
    "kilobytes_without_gradio": 140.0,
    "layout_shift": 0.01,
    "longest_task_after_ms": 100.0,
    "next_picture_ms_p95": 50.0,
}
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
).split()
_PATIENCE, _SETTLING = 120_000, 2_500
_WATCH = """(() => {
    const seen = window.seen = { shift: 0, tasks: [], usable: 0 };
    const watch = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
    watch('layout-shift', (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
    watch('longtask', (entry) => seen.tasks.push([entry.startTime, entry.duration]));
    const look = () => {
        const button = document.querySelector('#generate'), { state } = document.body?.dataset ?? {};
        const there = state && state !== 'joining' && button?.checkVisibility({ visibilityProperty: true }) && !button.disabled;
        if (there) seen.usable = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()"""
_TOLD = "({ ...seen, painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0 })"
_TURNS = """async (times) => {
    const spent = [], shown = () => document.querySelector('.viewer-picture > .pane .zoomed:not(.small)');
    const frame = () => new Promise(requestAnimationFrame);
    for (let n = 0; n < times; n += 1) {
        const before = document.querySelector('.look-where').textContent, began = performance.now();
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
        while (document.querySelector('.look-where').textContent === before || !shown()?.complete) await frame();
        await frame();
        spent.push(performance.now() - began);
        await new Promise((done) => setTimeout(done, 150));
    }
    return spent;
}"""


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="bench page", description=__doc__)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print only, keep no JSON")
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder, started(Path(folder), None) as (url, web, _):
        import httpx

        with httpx.Client(trust_env=False, base_url=url, timeout=60) as client:
            ready(client, web)
            figures = measure(url, client, options.visits)
    for name, goal in GOALS.items():
        print(f"{name:<26}{figures[name]:9.3f}   goal ≤ {goal:g}{'' if figures[name] <= goal else '   MISSED'}")
    if not options.dry:
        print(f"kept in {keep('page', figures)}")
    return 1 if any(figures[name] > goal for name, goal in GOALS.items()) else 0


def measure(url: str, client: Any, visits: int) -> dict[str, Any]:
    """So many first visits, one again, and the way through pictures."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise WebUIError("This bench drives a browser: install the packages for development (pip install -e .[dev]).") from None
    browser = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        told = [_visit(chromium.new_context(viewport={"width": 1440, "height": 900}), url) for _ in range(visits)]
        kept = chromium.new_context(viewport={"width": 1440, "height": 900})
        _visit(kept, url)
        again = _visit(kept, url)
        turned = _turned(kept, url, client)
        chromium.close()
    return {
        "skeleton_s": statistics.median(each["painted"] for each in told) / 1000,
        "usable_s": statistics.median(each["usable"] for each in told) / 1000,
        "usable_again_s": again["usable"] / 1000,
        "kilobytes": max(each["all"] for each in told) / 1000,
        "kilobytes_without_gradio": max(each["own"] for each in told) / 1000,
        "layout_shift": max(each["shift"] for each in told),
        "longest_task_after_ms": max(each["after"] for each in told),
        "next_picture_ms_p95": statistics.quantiles(turned, n=20)[-1],
        "visits": visits,
    }


def _visit(context: Any, url: str) -> dict[str, float]:
    """Open the page in this context; what it took. Bytes are those on the wire, heads included."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    addresses: dict[str, str] = {}
    sizes = {"all": 0.0, "own": 0.0}

    def arrived(event: dict[str, Any]) -> None:
        sizes["all"] += event["encodedDataLength"]
        path = addresses.get(event["requestId"], "").removeprefix(url)
        sizes["own"] += 0 if path.startswith(("/assets/", "/gradio_api/", "/theme.css", "/static/")) else event["encodedDataLength"]

    session.on("Network.responseReceived", lambda event: addresses.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", arrived)
    page.add_init_script(_WATCH)
    page.goto(url, wait_until="commit", timeout=_PATIENCE)
    page.wait_for_function("window.seen?.usable", timeout=_PATIENCE)
    page.wait_for_timeout(_SETTLING)
    told = page.evaluate(_TOLD)
    page.close()
    after = max((duration for began, duration in told["tasks"] if began > told["usable"]), default=0.0)
    return {"painted": told["painted"], "usable": told["usable"], "shift": told["shift"], "after": after, **sizes}


def _turned(context: Any, url: str, client: Any, pictures: int = 24) -> list[float]:
    """Milliseconds from the arrow key to the frame with the next picture, in the viewer."""
    job = {"prompt": "a red apple", "steps": 1, "width": 64, "height": 64, "batch_count": pictures, "seed": 1}
    made = client.post("/api/v1/jobs", json=job).raise_for_status().json()["id"]
    with client.stream("GET", f"/api/v1/jobs/{made}/events", timeout=600) as events:
        for line in events.iter_lines():
            if line.startswith("data:") and any(f'"type":"{end}"' in line.replace(" ", "") for end in ("done", "failed", "cancelled")):
                break
    page = context.new_page()
    page.goto(f"{url}/#gallery", timeout=_PATIENCE)
    page.locator(".tile .thumb").first.dblclick(timeout=_PATIENCE)
    page.locator(".look-where").wait_for(timeout=_PATIENCE)
    page.wait_for_timeout(1_000)
    spent: list[float] = page.evaluate(_TURNS, pictures - 3)
    return spent
