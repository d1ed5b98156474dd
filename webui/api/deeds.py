"""What is done to the machine is noted, whichever route does it: who, and what, as the route says it."""

import re
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api.identity import rights_of
from webui.people.audit import Audit
from webui.people.roles import MAY, Need

KEY = "darkroom.deed"
_WORDS = {
    r"POST .*/models/downloads": "began a download",
    r"POST .*/models/downloads/([^/]+)/pause": "paused the download {}",
    r"POST .*/models/downloads/([^/]+)/resume": "resumed the download {}",
    r"DELETE .*/models/downloads/([^/]+)": "removed the download {}",
    r"DELETE .*/models/conversions/([^/]+)": "removed the conversion {}",
    r"POST .*/models/export": "wrote what is kept of all models beside them",
    r"POST .*/models/([^/]+)/export": "wrote what is kept of the model {} beside it",
    r"POST .*/models/([^/]+)/convert": "had the model {} converted",
    r"POST .*/models/([^/]+)/recognise": "asked Civitai about the model {}",
    r"PATCH .*/models/([^/]+)": "changed what is kept of the model {}",
    r"DELETE .*/models/([^/]+)": "moved the model {} to the bin",
    r"POST .*/models/offers": "",
    r"POST .*/create/(embedding|hypernetwork)": "made an empty {}",
    r"PUT .*/styles": "kept a style",
    r"DELETE .*/styles": "removed a style",
    r"POST .*/grids/folder": "made pictures of a folder of this machine",
    r"POST .*/server-(stop|kill|restart)": "asked the server for a {}",
    r"POST .*/(?:unload-checkpoint|free)": "freed the models' memory",
}
"""How a deed is called whose route says nothing of its own."""


class Deed:
    """What one request did, in words that go on after who did it; the route's address where it says nothing."""

    def __init__(self) -> None:
        self.did = ""

    def say(self, did: str) -> None:
        """These are the words. No secret, value or prompt may be in them."""
        self.did = did


async def get_deed(request: Request) -> Deed:
    """The request's deed."""
    found = request.scope.get(KEY)
    return found if isinstance(found, Deed) else Deed()


Done = Annotated[Deed, Depends(get_deed)]


class Witness:
    """Lets an app answer, and notes what it did, if it did it."""

    def __init__(self, audit: Audit | None) -> None:
        self._audit = audit

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, need: Need) -> None:
        """What only some may do is always noted; other requests where their route says so."""
        if self._audit is None or scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await app(scope, receive, send)
            return
        deed = Deed()

        async def write(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                await self._note(scope, deed, need)  # before the answer: whoever has it finds the deed in the list
            await send(message)

        await app({**scope, KEY: deed}, receive, write)

    async def _note(self, scope: Scope, deed: Deed, need: Need) -> None:
        did = deed.did or ("" if need in MAY["guest"] else _called(f"{scope['method']} {scope['path']}"))
        if did and self._audit is not None:
            who = rights_of(scope)
            await run_in_threadpool(self._audit.note, who.name, did + (" (API key)" if who.by_key and who.scopes else ""))


def _called(request: str) -> str:
    for pattern, words in _WORDS.items():
        if found := re.fullmatch(pattern, request):
            return words.format(*found.groups())
    return request
