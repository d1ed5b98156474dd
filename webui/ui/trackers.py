"""Gradio's status trackers with a clock of ten ticks a second.

The tracker of Gradio's loading screen is taken away with its clock running (6.31), and asks for every frame as long as the page is open:
the browser draws sixty times a second what does not change. What a clock of theirs shows are tenths of a second.
"""

from pathlib import Path

import gradio
from fastapi import FastAPI
from starlette.responses import Response

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
_EACH_FRAME, _EACH_TENTH = "window.requestAnimationFrame", "(tick=>setTimeout(tick,100))"


def serve_trackers(app: FastAPI) -> None:
    """Answer for Gradio's scripts of status trackers, before Gradio does. A Gradio that is written another way answers itself."""
    for path in ASSETS.glob("statustracker-*.js"):
        script = path.read_text(encoding="utf-8")
        if script.count(_EACH_FRAME) == 1:
            _serve(app, f"/assets/{path.name}", script.replace(_EACH_FRAME, _EACH_TENTH))


def _serve(app: FastAPI, address: str, script: str) -> None:
    @app.get(address, include_in_schema=False)
    def tracker() -> Response:
        return Response(script, media_type="text/javascript")
