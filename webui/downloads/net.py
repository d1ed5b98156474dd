"""The way out: one client for all fetching, which follows no redirect to where the internet has no business."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from functools import cache
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from webui import __version__
from webui.core.addresses import address_of, is_loopback
from webui.errors import WebUIError

MOST_REDIRECTS = 8
MOST_JSON = 32 * 2**20
READ_TIMEOUT_S = 60.0
TIMEOUT = httpx.Timeout(30, read=READ_TIMEOUT_S)


class FetchError(WebUIError):
    """It could not be fetched. `again`: seconds after which another try may help; None where none will without the user.

    `asked`: the site asked for that pause. `status`: what it answered; 0 where that is not what was wrong.
    """

    def __init__(self, message: str, again: float | None = None, asked: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.again, self.asked, self.status = again, asked, status


class Egress:
    """Fetches for one site. `token` goes to `home` alone; a private address is met only as `home` itself, and this machine only from here.

    Every call raises `FetchError`.
    """

    def __init__(self, home: str, token: str = "") -> None:
        self._home, self._token = urlsplit(home), token
        self._is_here = is_loopback(self._home.hostname or "")
        self._client = httpx.Client(
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=not self._is_here,
            verify=_known_certificates(not self._is_here),
            headers={"User-Agent": f"darkroom/{__version__}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def json(self, url: str) -> object:
        """A JSON answer. An answer that is none raises `FetchError`."""
        return self.page(url)[0]

    def page(self, url: str) -> tuple[object, str]:
        """A JSON answer, and the address of the next page where its header names one."""
        with self.open(url) as response:
            check(response, self._home.hostname or "")
            after = str(response.links.get("next", {}).get("url", ""))
            data = bytearray()
            with connected(url):
                for chunk in response.iter_bytes(2**16):
                    data += chunk
                    if len(data) > MOST_JSON:
                        raise FetchError(f"{_host(url)} answered with more than a description has.")
        try:
            return httpx.Response(200, content=bytes(data)).json(), after
        except (ValueError, RecursionError):
            raise FetchError(f"{_host(url)} did not answer as it should. Is the address right?") from None

    def beginning(self, url: str, most: int) -> bytes:
        """The first bytes of a file; fewer where it is shorter."""
        data = bytearray()
        with self.open(url, {"Range": f"bytes=0-{most - 1}"}) as response:
            check(response, self._home.hostname or "")
            with connected(url):
                for chunk in response.iter_raw():
                    data += chunk
                    if len(data) >= most:
                        break
        return bytes(data[:most])

    def small(self, url: str, most: int) -> bytes:
        """A small file, such as a picture."""
        with self.open(url) as response:
            check(response, self._home.hostname or "")
            with connected(url):
                data = b"".join(response.iter_bytes(2**16)) if int(response.headers.get("content-length") or 0) <= most else b""
        if not data or len(data) > most:
            raise FetchError("It is too large.")
        return data

    @contextlib.contextmanager
    def open(self, url: str, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        """An answer whose body is not read yet, after redirects."""
        for _ in range(MOST_REDIRECTS + 1):
            self._check_address(url)
            request = self._client.build_request("GET", url, headers={**(headers or {}), **self._credentials(url)})
            with connected(url):
                response = self._client.send(request, stream=True)
            try:
                if response.is_redirect:
                    url = urljoin(url, response.headers.get("location", ""))
                    continue
                self._check_peer(response, url)
                yield response
                return
            finally:
                response.close()
        raise FetchError(f"{_host(url)} sends from one address to the next without end.")

    def _credentials(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        is_home = (parts.scheme, parts.hostname, parts.port) == (self._home.scheme, self._home.hostname, self._home.port)
        return {"Authorization": f"Bearer {self._token}"} if self._token and is_home else {}

    def _may_be_private(self, url: str) -> bool:
        """Whether somebody here has named this host: a site's answers name others, and redirects do. A mirror on this machine may send on
        to another of its ports, and to no other machine of the network.
        """
        host = urlsplit(url).hostname
        return host == self._home.hostname or (self._is_here and is_loopback(host or ""))

    def _check_address(self, url: str) -> None:
        """Refuse what is no web address, and what a site names that is not on the internet."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise FetchError("The site names an address that cannot be read.") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FetchError(f"{url[:80]} is no address on the web.")
        if self._may_be_private(url):
            return
        try:
            found = socket.getaddrinfo(parts.hostname, port or 443, type=socket.SOCK_STREAM)
        except OSError:
            return  # behind a proxy names need not be known here; without one the connection says so
        if any(_is_private(str(entry[4][0])) for entry in found):
            raise _private(parts.hostname)

    def _check_peer(self, response: httpx.Response, url: str) -> None:
        """A name may mean another address by now than when it was checked: whom we talk to is looked at once more."""
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        if not self._may_be_private(url) and peer and _is_private(str(peer[0])):
            raise _private(_host(url))


@cache
def _known_certificates(trust_env: bool) -> ssl.SSLContext:
    """Whose certificates are believed, read once: it takes longer than many an answer. `trust_env`: `SSL_CERT_FILE` says so too."""
    return httpx.create_ssl_context(trust_env=trust_env)


def check(response: httpx.Response, site: str) -> None:
    """Raises `FetchError` for an answer that is no success, with what to do."""
    code = response.status_code
    if code in (200, 206):
        return
    name = {"civitai.com": "Civitai", "huggingface.co": "Hugging Face"}.get(site, site)
    detail = response.headers.get("x-error-message", "")[:200]
    sentences = {
        401: f"{name} asks who you are. Make a token there and give it to Darkroom: docs/models.md says how.",
        403: f"{name} does not give you this file{f' ({detail})' if detail else ''}. Gated: open its page and accept the terms, with the"
        " account that your token is of. Early access or paid: buy it there, or wait until it is free.",
        404: f"{name} has nothing at this address. It may have been removed, renamed or made private.",
        410: f"{name} has removed this.",
        416: f"{name} has a shorter file than before.",
        451: f"{name} may not give this where you are.",
    }
    if code in sentences:
        raise FetchError(sentences[code], status=code)
    if code == 429:
        raise FetchError(f"{name} asks for a pause: too much was fetched. It goes on later.", _pause(response, 30), asked=True)
    if code >= 500 or code == 408:
        raise FetchError(f"{name} has a fault of its own ({code}). Try again later.", _pause(response, 5), asked=True)
    raise FetchError(f"{name} answered {code}.")


def _pause(response: httpx.Response, usual: float) -> float:
    given = response.headers.get("retry-after", "")
    return min(float(given), 600.0) if given.isdigit() else usual


@contextlib.contextmanager
def connected(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL:
        raise FetchError(f"{url[:80]} is no address on the web.") from None
    except (httpx.TimeoutException, httpcore.TimeoutException):
        raise FetchError(f"{_host(url)} does not answer. It goes on later.", 5) from None
    except httpx.ConnectError:
        raise FetchError(f"{_host(url)} cannot be reached. Is there a connection, and is the site's address right?", 5) from None
    except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise FetchError(f"The connection to {_host(url)} was lost ({str(error)[:120] or type(error).__name__}).", 2) from None


def _is_private(address: str) -> bool:
    known = address_of(address)
    return known is not None and not known.is_global


def _private(host: str) -> FetchError:
    return FetchError(f"The site names {host[:80]}, which is not on the internet but in a private network. That is refused.")


def _host(url: str) -> str:
    with contextlib.suppress(ValueError):
        return urlsplit(url).hostname or url[:80]
    return url[:80]
