"""Which place makes a request, and what that means for it: asked at every submit, before anything is stored or sent."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from webui.backends.resolve import Here, remarks, resolve_elsewhere
from webui.backends.service import Backends
from webui.core.backend import AUTO, HERE
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.errors import RequestError, WebUIError
from webui.jobs.quotas import day_of
from webui.jobs.remote_parts import RemoteParts
from webui.jobs.store import backend_of
from webui.library import Library
from webui.plugins.backends import BackendSpec
from webui.settings import Settings
from webui.words.service import NO_WORDS, Words

Resolve = Callable[[GenerationRequest], ResolvedRequest]


class Placing:
    """Decides where a request goes, and resolves it for there."""

    def __init__(
        self,
        backends: Backends,
        library: Library,
        parts: RemoteParts,
        settings: Callable[[], Settings],
        here: Here,
        words: Words = NO_WORDS,
    ) -> None:
        self._backends, self._library, self._parts, self._settings, self._here = backends, library, parts, settings, here
        self._words = words

    def resolve(self, request: GenerationRequest, resolve_here: Resolve) -> ResolvedRequest:
        """Return the request with nothing left to choose. Raises `RequestError`."""
        spec = self.place(request)
        if spec is None:
            if request.where_options:
                raise RequestError("where_options", "A provider's options mean nothing here. Leave them out, or choose the provider.")
            return resolve_here(request)
        return resolve_elsewhere(request, spec, self._backends, replace(self._here, picture=self._picture), self._words)

    def place(self, request: GenerationRequest) -> BackendSpec | None:
        """Return the backend that makes the request; None is here. `auto` never chooses a provider. Raises `RequestError`."""
        where = request.where.strip()
        if request.mode == "extras" or where.lower() == HERE or (where.lower() in (AUTO, "") and not request.checkpoint):
            return None
        if where.lower() not in (AUTO, ""):
            return self._backends.spec(where)
        try:
            self._library.find("checkpoint", str(request.checkpoint))
            return None
        except RequestError:
            return self._box_with(str(request.checkpoint))

    def _box_with(self, checkpoint: str) -> BackendSpec | None:
        """The first other machine that has a checkpoint."""
        if self._settings().offline:
            return None
        boxes = [spec for spec in self._backends.usable().values() if spec.kind == "box"]
        wanted = checkpoint.strip().lower()
        return next((spec for spec in boxes if any(model.name.lower() == wanted for model in self._backends.models(spec))), None)

    def check_budget(self, owner: str, request: ResolvedRequest) -> None:
        """Raises `LimitReached` where a request may cost more than is left today."""
        name = backend_of(request)
        if not name or self._backends.spec(name).kind == "box":
            return
        settings = self._settings()
        price = self._backends.known_price(name, request.checkpoint)
        cost = request.count * (settings.budget_picture if price is None else price)
        self._parts.check(owner, cost, (settings.budget_user, settings.budget_all), day_of(time.time()))

    def remarks(self, request: GenerationRequest, resolved: ResolvedRequest) -> Sequence[str]:
        """Return what is to be said of a request that goes elsewhere."""
        name = backend_of(resolved)
        if not name:
            return ()
        spec = self._backends.spec(name)
        return remarks(request, spec, self._backends.known_model(name, resolved.checkpoint))

    def _picture(self, image_id: str) -> bytes:
        try:
            return self._here.picture(image_id)
        except (WebUIError, OSError):
            raise RequestError("init", "This picture is not here any more. Choose it again.") from None
