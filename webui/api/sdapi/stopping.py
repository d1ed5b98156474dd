"""A1111's routes that stop the server. They are there only where it was started with `--api-server-stop`."""

import signal
import threading
from typing import Any

from fastapi.responses import JSONResponse

from webui.api.native import Who
from webui.api.router import Router
from webui.api.sdapi.refusals import A1111Route
from webui.api.sdapi.routes import REFUSED

_AFTER = 0.2
"""Seconds until it stops, so that the answer is sent before."""
router = Router(prefix="/sdapi/v1", tags=["A1111"], route_class=A1111Route, responses=REFUSED)


@router.post("/server-stop")
@router.post("/server-kill")
def stop(who: Who) -> dict[str, Any]:
    """Stop as Ctrl+C does: what runs is made again at the next start."""
    who.must_be_admin("stop this server")
    threading.Timer(_AFTER, signal.raise_signal, (signal.SIGTERM,)).start()
    return {}


@router.post("/server-restart", responses={501: {"description": "It cannot start itself again."}})
def restart(who: Who) -> JSONResponse:
    """It cannot start itself again: what started it can."""
    who.must_be_admin("start this server again")
    said = "Darkroom cannot start itself again. Stop it by /sdapi/v1/server-stop, and let what started it start it again."
    return JSONResponse({"detail": said}, 501)
