"""The way out to addresses that a caller names: to the internet alone, and to the very address that was checked."""

import contextlib
import ipaddress
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from webui import __version__
from webui.core.addresses import address_of, in_address
from webui.core.names import printable
from webui.errors import WebUIError

MOST_REDIRECTS = 4
TIMEOUT = httpx.Timeout(10)
_DETOURS = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""Networks of IPv6 that lead to an address of IPv4, private ones among them."""


class OutwardError(WebUIError):
    """It could not be sent or fetched, or may not be; `refused`: no other try would help."""

    def __init__(self, message: str, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True)
class Target:
    """An address on the web, as it was written and as it is gone to."""

    url: httpx.URL
    address: str

    @classmethod
    def of(cls, url: str, allowed: Sequence[str] = ()) -> "Target":
        """Check an address. `allowed`: hosts with or without a port that may lie in a private network. Raises `OutwardError`."""
        try:
            parts = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            parts = httpx.URL()
        if parts.scheme not in ("http", "https") or not parts.host or parts.port == 0 or len(url) > 2000:
            raise OutwardError(f"{printable(url[:80])} is no address on the web.", refused=True)
        if parts.userinfo:
            raise OutwardError("An address with a name or password in it is not used.", refused=True)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = _addresses(parts.host, port)
        if not {parts.host, f"{in_address(parts.host)}:{port}"} & set(allowed) and not all(map(is_public, found)):
            raise OutwardError(f"{printable(parts.host[:80])} is in a private network. That is refused.", refused=True)
        return cls(parts, found[0])


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's, and stands for no other."""
    known = address_of(address)
    if known is None or not known.is_global or known.is_multicast:
        return False
    return not any(known in network for network in _DETOURS if network.version == known.version)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutwardError(f"{printable(host[:80])} is not known.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Sequence[str] = ()) -> int:
    """Send a body; gives the status of the answer, which is not read. No redirect is followed. Raises `OutwardError`."""
    with _asked("POST", Target.of(url, allowed), body, headers) as response:
        return response.status_code


def fetch(url: str, most: int, allowed: Sequence[str] = ()) -> bytes:
    """A file of at most `most` bytes. Raises `OutwardError`."""
    for _ in range(MOST_REDIRECTS + 1):
        with _asked("GET", Target.of(url, allowed)) as response:
            if response.is_redirect:
                url = urljoin(url, response.headers.get("location", ""))
                continue
            if response.status_code != 200:
                raise OutwardError(f"{_name(url)} answered {response.status_code}.")
            return _read(response, most, url)
    raise OutwardError(f"{_name(url)} sends from one address to the next without end.")


def _read(response: httpx.Response, most: int, url: str) -> bytes:
    data = bytearray()
    for chunk in response.iter_raw(2**16):
        data += chunk
        if len(data) > most:
            raise OutwardError(f"What {_name(url)} sends is larger than {most // 2**20} MB.", refused=True)
    return bytes(data)


@contextlib.contextmanager
def _asked(method: str, target: Target, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
    """Talk to the address that was checked, under the name that was written: no name is looked up a second time."""
    told = {"Host": target.url.netloc.decode(), "User-Agent": f"darkroom/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
    where = target.url.copy_with(host=target.address)
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as http,
            http.stream(method, where, content=body, headers=told, extensions={"sni_hostname": target.url.host}) as response,
        ):
            yield response
    except httpx.HTTPError as error:
        raise OutwardError(f"{_name(str(target.url))} does not answer ({type(error).__name__}).") from None


def _name(url: str) -> str:
    with contextlib.suppress(httpx.InvalidURL):
        return printable(httpx.URL(url).host[:80])
    return printable(url[:80])
