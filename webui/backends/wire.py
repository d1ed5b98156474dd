"""The way out to one backend: its key to its own address, results from its own hosts, bounded; nothing past `--offline`."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from webui import __version__
from webui.backends.pinning import CertificateUnknown, context_of, in_groups
from webui.core.addresses import address_of, is_loopback
from webui.core.names import printable
from webui.errors import BackendError
from webui.plugins.backends import Answer, BackendSpec

MOST_ANSWER = 192 * 2**20
MOST_RESULT = 96 * 2**20
MOST_REDIRECTS = 4
PATIENCE = 60.0
LEAST_KEY = 8
MOST_PAUSE = 600.0
_DETAIL = 300
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class HttpWire:
    """A `Wire` over httpx. `offline` is asked before each call; `key` gives the key as it is now."""

    def __init__(self, spec: BackendSpec, url: str, key: Callable[[], str], offline: Callable[[], bool]) -> None:
        """Raises `BackendError` for what is no address."""
        self._spec, self.url, self._key, self._offline = spec, checked_url(url, spec.title), key, offline
        self._home = urlsplit(self.url)
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()

    def _client(self) -> httpx.Client:
        """One client for all threads; made when it is first needed, for it reads certificates."""
        with self._lock:
            if self._http is None:
                self._http = httpx.Client(
                    follow_redirects=False,
                    trust_env=not (is_loopback(self._home.hostname or "") or self._spec.fingerprint),
                    verify=context_of(self._spec.fingerprint) if self._spec.fingerprint else True,
                    headers={"User-Agent": f"darkroom/{__version__}", "Accept-Encoding": "identity"},
                    limits=httpx.Limits(max_connections=32),
                )
            return self._http

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._http = None

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """See `Wire.call`."""
        self._check_online()
        patience, key = float(options.pop("patience", PATIENCE)), self._key()
        headers = {**self._spec.authorize(key), **options.pop("headers", {})}
        url = self.url.rstrip("/") + path
        answer = self._sent(method, url, MOST_ANSWER, headers=headers, timeout=httpx.Timeout(20, read=patience, write=60), **options)
        if 300 <= answer.status < 400:
            raise BackendError(f"{self._spec.title} sends on to another address, which is refused. Is {printable(self.url)} right?")
        if answer.status >= 400:
            raise self._refusal(method, answer, key)
        return _without(answer, key)

    def hidden(self, text: str) -> str:
        """A text without the key, and without what cannot be stored or shown."""
        return hidden(text, self._key()).encode("utf-8", "replace").decode()

    def fetch(self, url: str) -> bytes:
        """See `Wire.fetch`."""
        self._check_online()
        first = url = self._joined(self.url.rstrip("/") + "/", url)
        for _ in range(MOST_REDIRECTS + 1):
            self._check_host(url)
            answer = self._sent("GET", url, MOST_RESULT, headers=self._credentials(url), timeout=httpx.Timeout(20, read=PATIENCE))
            if 300 <= answer.status < 400 and answer.headers.get("location"):
                url = self._joined(url, answer.headers["location"])
                continue
            if answer.status >= 400:
                raise self._refusal("GET", answer, self._key(), "its picture")
            if not answer.body:
                raise BackendError(f"{self._spec.title} gave an empty file for the picture.", 5)
            return answer.body
        raise BackendError(f"{self._spec.title} sends from one address to the next without end: {_host(first)}.")

    def _joined(self, base: str, url: str) -> str:
        try:
            return urljoin(base, url)
        except ValueError:
            raise BackendError(f"{self._spec.title} names an address for its picture that cannot be read.") from None

    def _credentials(self, url: str) -> Mapping[str, str]:
        return self._spec.authorize(self._key()) if self._is_home(url) else {}

    def _is_home(self, url: str) -> bool:
        parts, home = urlsplit(url), self._home
        same = parts.hostname == home.hostname or (is_loopback(parts.hostname or "") and is_loopback(home.hostname or ""))
        return same and (parts.scheme, parts.port) == (home.scheme, home.port)

    def _check_online(self) -> None:
        if self._offline():
            raise BackendError(f"Darkroom runs offline: nothing is sent to {self._spec.title}. Start it without --offline, or choose here.")

    def _check_host(self, url: str) -> None:
        """Raises `BackendError` for a result that lies elsewhere than at the backend."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise BackendError(f"{self._spec.title} names an address for its picture that cannot be read.") from None
        if self._is_home(url):
            return
        if is_private(host, port or 443):
            raise BackendError(f"{self._spec.title} says that its picture is at {_host(url)}, in a private network. That is refused.")
        if parts.scheme != "https":
            raise BackendError(f"{self._spec.title} says that its picture is at {_host(url)} without https. That is refused.")
        home = (self._home.hostname or "",) if self._home.scheme == "https" else ()
        if not any(host == known or host.endswith(f".{known}") for known in (*self._spec.hosts, *home)):
            raise BackendError(
                f"{self._spec.title} says that its picture is at {_host(url)}, which is none of its own hosts. That is refused."
            )

    def _sent(self, method: str, url: str, most: int, **options: Any) -> Answer:
        with self._connected(method):
            request = self._client().build_request(method, url, **options)
            response = self._client().send(request, stream=True)
            try:
                self._check_peer(response, url)
                body = bytearray()
                if int(response.headers.get("content-length") or 0) > most:
                    raise BackendError(f"{self._spec.title} answers with more than {most // 2**20} MB. That is refused.")
                for chunk in response.iter_bytes(2**16):
                    body += chunk
                    if len(body) > most:
                        raise BackendError(f"{self._spec.title} answers with more than {most // 2**20} MB. That is refused.")
                return Answer(response.status_code, {name.lower(): text for name, text in response.headers.items()}, bytes(body))
            finally:
                response.close()

    def _check_peer(self, response: httpx.Response, url: str) -> None:
        """A name may mean another address by now: whom we talk to is looked at once more, unless it is the address that was given."""
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        known = address_of(str(peer[0])) if peer else None
        if not self._is_home(url) and known is not None and not known.is_global:
            raise BackendError(f"{_host(url)} is in a private network. That is refused.")

    @contextlib.contextmanager
    def _connected(self, method: str) -> Iterator[None]:
        """The faults of a connection as ours. What may have arrived is told from what never left."""
        title, host = self._spec.title, self._home.netloc.rpartition("@")[2]
        try:
            yield
        except _NEVER_SENT as error:
            if (refused := _about_certificate(error, f"{title} ({host})")) is not None:
                raise refused from None
            raise BackendError(f"{title} ({host}) cannot be reached. Is there a connection?", 5, offline=True) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise BackendError(f"{host} is no address that can be asked.") from None
        except httpx.TimeoutException:
            raise BackendError(f"{title} ({host}) does not answer.", 5, unsure=method == "POST") from None
        except (httpx.HTTPError, OSError, ValueError) as error:
            kind = type(error).__name__
            raise BackendError(f"The connection to {title} ({host}) was lost ({kind}).", 3, unsure=method == "POST") from None

    def _refusal(self, method: str, answer: Answer, key: str, what: str = "") -> BackendError:
        """An answer that is no success, in words."""
        title, code, detail = self._spec.title, answer.status, hidden(detail_of(answer), key)
        told = f": {detail}" if detail else ""
        where = self._spec.key_variable or "its key"
        sentences = {
            401: f"{title} does not take the key{told}. Check {where}.",
            402: f"{title} wants to be paid first{told}. Look at your account there.",
            403: f"{title} does not allow this{told}.",
            404: f"{title} has no such thing{told}. Is the model's name right?" if not what else f"{title} has {what} no more.",
        }
        if code in sentences:
            return BackendError(sentences[code], status=code)
        if code in (408, 409, 425, 429):
            return BackendError(f"{title} asks for a pause{told}.", pause_of(answer, 5), status=code)
        if code >= 500:
            unsure = method == "POST" and code > 503
            return BackendError(f"{title} has a fault of its own ({code}){told}.", pause_of(answer, 3), unsure=unsure, status=code)
        return BackendError(f"{title} refuses this{told or f' ({code})'}.", status=code)


def _about_certificate(error: BaseException, who: str) -> BackendError | None:
    """What is wrong with a certificate, where that is why there is no connection."""
    while error is not None:
        if isinstance(error, CertificateUnknown):
            return BackendError(
                f"{who} shows another certificate than the pinned one: sha256 {in_groups(error.shown)}. Nothing was sent. If it has a new"
                " one, compare that there and write it behind the address."
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            return BackendError(
                f"{who} shows a certificate that nobody vouches for ({error.verify_message}). Nothing was sent. If the machine is yours,"
                " write its fingerprint behind the address, #sha256=…, as docs/cloud.md says."
            )
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return None


def checked_url(url: str, title: str) -> str:
    """An address, whole. Raises `BackendError` for what is none."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or len(url) > 2000:
        raise BackendError(f"{printable(url[:100])} is no address of {title}. Write one such as https://example.org.")
    return url.rstrip("/")


def detail_of(answer: Answer) -> str:
    """What an answer says of itself: the sentence in JSON, or nothing."""
    try:
        body: Any = answer.json()
    except BackendError:
        return ""
    for name in ("detail", "message", "error", "errors", "title", "name"):
        found = body.get(name) if isinstance(body, dict) else None
        if isinstance(found, dict):
            found = found.get("message") or found.get("detail")
        if isinstance(found, list) and found:
            found = "; ".join(
                str(each.get("msg") or each.get("message") or each) if isinstance(each, dict) else str(each) for each in found
            )
        if isinstance(found, str) and found.strip():
            return printable(re.sub(r"\s+", " ", found.strip()))[:_DETAIL].rstrip(".")
    return ""


def _without(answer: Answer, key: str) -> Answer:
    """An answer without the key, should somebody send it back. One of a few letters may stand there by chance."""
    secret = key.encode()
    return replace(answer, body=answer.body.replace(secret, b"...")) if len(key) >= LEAST_KEY and secret in answer.body else answer


def hidden(text: str, key: str) -> str:
    """A text without the key, should somebody send it back."""
    return text.replace(key, "…") if key else text


def pause_of(answer: Answer, usual: float) -> float:
    """Seconds that the answer asks one to wait."""
    given = answer.headers.get("retry-after", "")
    return min(float(given), MOST_PAUSE) if re.fullmatch(r"\d{1,6}(\.\d+)?", given) else usual


def is_private(host: str, port: int) -> bool:
    """Whether a host is not on the internet, by its address or by what its name means now."""
    known = address_of(host)
    if known is not None:
        return not known.is_global
    if host.lower().rstrip(".") == "localhost" or "." not in host:
        return True
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False  # behind a proxy names need not be known here; without one the connection says so
    return any((each := address_of(str(entry[4][0]))) is not None and not each.is_global for entry in found)


def _host(url: str) -> str:
    with contextlib.suppress(ValueError):
        return printable((urlsplit(url).hostname or url)[:80])
    return printable(url[:80])
