"""Which backends there are, whether jobs may be sent to them, and the connections to them."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from webui.backends.keys import KeyStore
from webui.backends.pinning import pinned
from webui.backends.wire import HttpWire
from webui.core.addresses import in_address
from webui.core.backend import AUTO, HERE, BackendModel
from webui.core.registry import Registry
from webui.core.sentences import in_words
from webui.errors import BackendError, ExtensionError, RequestError, SettingsError, WebUIError
from webui.plugins.backends import Backend, BackendSpec
from webui.plugins.manager import Extensions
from webui.settings import Settings

KEPT = 300.0
"""Seconds that a model's description is believed."""
PORTS = {"darkroom": 7860, "a1111": 7860}


@dataclass(frozen=True)
class Connection:
    """An open way to a backend."""

    spec: BackendSpec
    wire: HttpWire
    backend: Backend


class Backends:
    """All backends that are registered, and the machines that the settings name."""

    def __init__(
        self, registered: Registry[BackendSpec], settings: Callable[[], Settings], keys: KeyStore, environment: Mapping[str, str]
    ) -> None:
        self._registered, self._settings, self.keys, self._environment = registered, settings, keys, environment
        self._open: dict[tuple[str, str, str], Connection] = {}
        self._models: dict[tuple[str, str, str], tuple[float, BackendModel | None]] = {}
        self._lists: dict[str, tuple[float, tuple[BackendModel, ...]]] = {}
        self._lock = threading.Lock()

    # Which there are ----------------------------------------------------------------------------------------------------

    def specs(self) -> dict[str, BackendSpec]:
        """Return every backend by name: providers, then the other machines."""
        found = {spec.name: spec for spec in self._registered if spec.kind == "cloud"}
        for entry in self._settings().boxes:
            try:
                box = self.box(entry)
            except RequestError:
                continue
            found.setdefault(box.name, box)
        return found

    def usable(self) -> dict[str, BackendSpec]:
        """Return those that are switched on."""
        return {name: spec for name, spec in self.specs().items() if self.is_on(spec)}

    def spec(self, name: str) -> BackendSpec:
        """Return a backend. Raises `RequestError` that lists what there is."""
        known = {each.lower(): spec for each, spec in self.specs().items()}
        if (found := known.get(name.strip().lower())) is None:
            raise RequestError("where", f"There is no place named {name[:100]!r} to make pictures. There are: {', '.join((HERE, *known))}.")
        return found

    def box(self, entry: str) -> BackendSpec:
        """Return the backend of another machine, `[name=]kind://host[:port][#sha256=…]`. Raises `RequestError` for what names none."""
        label, equals, address = entry.strip().partition("=") if "=" in entry.partition("://")[0] else ("", "", entry.strip())
        kind, mark, host = address.strip().partition("://")
        secure, kind = kind.endswith("+https"), kind.removesuffix("+https").lower()
        templates = {spec.name: spec for spec in self._registered if spec.kind == "box"}
        if not mark or kind not in templates or not host.strip("/"):
            kinds = ", ".join(f"{name}://HOST" for name in templates) or "none: the extensions for them are off"
            raise RequestError("where", f"{entry[:100]!r} is no other machine. Write {kinds}.")
        known = pinned(host.strip(), secure)
        host = known.host.rstrip("/")
        name = label.strip() or f"{kind}://{host}"
        url = _http(host, secure, PORTS.get(kind, 80))
        return replace(templates[kind], name=name, title=name, url=url, url_variable="", fingerprint=known.fingerprint)

    def is_on(self, spec: BackendSpec) -> bool:
        """Whether the owner has switched it on; a machine that the settings name is on."""
        return spec.kind == "box" or spec.name in self._settings().backends

    def is_accepted(self, spec: BackendSpec) -> bool:
        """Whether somebody has confirmed where it is and what is sent there."""
        return spec.kind == "box" or spec.name in self._settings().backends_accepted

    def url(self, spec: BackendSpec) -> str:
        """Return its address: the setting's, the variable's, else its own."""
        given = dict(entry.partition("=")[::2] for entry in self._settings().backend_urls)
        own = self._environment.get(spec.url_variable, "").strip() if spec.url_variable else ""
        return (given.get(spec.name, "").strip() or own or spec.url).rstrip("/")

    def told(self, spec: BackendSpec) -> str:
        """Return the sentence on where a job goes and what is sent there."""
        return f"{spec.title} is at {self.url(spec)}. There are sent: {spec.sends}."

    def check(self, spec: BackendSpec) -> None:
        """Raises `RequestError` where nothing may be sent to it now."""
        if self._settings().offline:
            said = f"Darkroom runs offline: nothing is sent to {spec.title}. Start it without --offline, or choose here."
            raise RequestError("where", said)
        if not self.is_on(spec):
            raise RequestError(
                "where", f"{spec.title} is off. Who runs this Darkroom switches it on: Settings, Elsewhere, or docs/cloud.md."
            )
        self.check_key(spec)
        if not self.is_accepted(spec):
            said = f"{self.told(spec)} Nobody has confirmed that yet: the page asks, or POST /api/v1/backends/{spec.name}/accept."
            raise RequestError("where", said)

    def check_key(self, spec: BackendSpec) -> None:
        """Raises `RequestError` where it needs a key and has none."""
        try:
            missing = spec.needs_key and not self.keys.get(spec)
        except SettingsError as error:
            raise RequestError("where", str(error)) from None
        if missing:
            raise RequestError("where", f"{spec.title} has no key here. Set {spec.key_variable}, or give it as docs/cloud.md says.")

    def key_source(self, spec: BackendSpec) -> str:
        """Return where a backend's key is from; empty for none, or one that cannot be read."""
        try:
            return self.keys.source(spec)
        except SettingsError:
            return ""

    def forget(self, name: str) -> None:
        """Ask a backend anew for its models."""
        with self._lock:
            self._lists.pop(name, None)
            for key in [key for key in self._models if key[0] == name]:
                del self._models[key]

    # Connections --------------------------------------------------------------------------------------------------------

    def connection(self, spec: BackendSpec) -> Connection:
        """Return the way to a backend, made once for each address. Raises `BackendError`."""
        url = self.url(spec)
        with self._lock:
            known = self._open.get((spec.name, url, spec.fingerprint))
            if known is None:
                wire = HttpWire(spec, url, lambda: self.keys.get(spec), lambda: self._settings().offline)
                known = self._open[spec.name, url, spec.fingerprint] = Connection(spec, wire, _connected(spec, wire))
            return known

    def model(self, spec: BackendSpec, name: str) -> BackendModel:
        """Return a model of a backend, asked for or from a short memory. Raises `RequestError`, `BackendError`."""
        key = (spec.name, self.url(spec), name)
        with self._lock:
            at, known = self._models.get(key, (0.0, None))
        if known is None or time.monotonic() - at > KEPT:
            known = self.connection(spec).backend.model(name)
            with self._lock:
                self._models[key] = (time.monotonic(), known)
        return known

    def known_model(self, name: str, model: str) -> BackendModel | None:
        """Return a model that was asked for before; nothing is asked."""
        with self._lock:
            return self._models.get((name, self.url(self.spec(name)), model), (0.0, None))[1]

    def known_price(self, name: str, model: str) -> float | None:
        """Return a model's price for a picture, where it is known without asking."""
        known = self.known_model(name, model)
        return known.price if known is not None else None

    def models(self, spec: BackendSpec) -> tuple[BackendModel, ...]:
        """Return the models that a backend offers; none while it cannot be asked."""
        with self._lock:
            at, known = self._lists.get(spec.name, (-KEPT, ()))
        if time.monotonic() - at > KEPT / 5:
            try:
                self.check_key(spec)
                known = tuple(self.connection(spec).backend.models())
            except WebUIError:
                pass
            with self._lock:
                self._lists[spec.name] = (time.monotonic(), known)
        return known

    def close(self) -> None:
        """Give all connections back."""
        with self._lock:
            for each in self._open.values():
                each.wire.close()
            self._open.clear()


def _connected(spec: BackendSpec, wire: HttpWire) -> Backend:
    """An extension's backend. Raises `BackendError` for one that cannot be made, such as one that lacks a method."""
    try:
        return spec.connect(wire)
    except WebUIError:
        raise
    except Exception as error:
        raise BackendError(f"{spec.title} cannot be used{in_words(error)}. Its extension is to be mended.") from error


def registered(extensions: Extensions) -> Registry[BackendSpec]:
    """Return the backends that the extensions of this process add."""
    registry: Registry[BackendSpec] = Registry("backend", "where")

    def register(spec: BackendSpec, owner: str) -> None:
        if spec.name in (AUTO, HERE) or "=" in spec.name or "/" in spec.name:
            raise ExtensionError(owner, "register_backends", f"{spec.name!r} is no name for a backend")
        registry.register(spec, owner)

    failed = set(extensions.failed())
    for _ in extensions.call("register_backends", register=register):
        pass
    for owner in set(extensions.failed()) - failed:
        registry.forget(owner)
    return registry


def _http(host: str, secure: bool, port: int) -> str:
    name, _, rest = host.partition("/")
    bare = name.startswith("[") and name.endswith("]")
    has_port = not bare and ":" in name and (name.count(":") == 1 or name.startswith("["))
    place = name if has_port or secure else f"{in_address(name.strip('[]'))}:{port}"
    return f"{'https' if secure else 'http'}://{place}{'/' + rest if rest else ''}"
