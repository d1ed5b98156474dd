"""The address and the key of a Darkroom, checked before anything is sent."""

import httpx

from webui.errors import RequestError


def checked_address(url: str) -> httpx.URL:
    """The server's address without a slash at its end. Raises `RequestError` for what is none."""
    try:
        found = httpx.URL(url.strip().rstrip("/"))
    except (httpx.InvalidURL, ValueError):
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise RequestError("server", f"{url[:200]!r} is no server's address. Write one such as http://127.0.0.1:7860.")
    return found


def checked_key(key: str) -> str:
    """The key as a header can hold it. Raises `RequestError` for one that no Darkroom gave."""
    if not key.isascii() or not key.isprintable():
        raise RequestError("key", "This is no key of a Darkroom: it has letters that none has.")
    return key
