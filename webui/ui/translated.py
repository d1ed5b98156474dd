"""The language of whoever asks, and extensions' tabs in it.

Gradio draws labels from the configuration in its HTML, so its words are changed there.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.ui.languages import ENGLISH, Catalogue, Languages

COOKIE = "language"
_BEFORE, _AFTER = "window.gradio_config = ", ";</script>"
_TEXTS = ("label", "info", "placeholder")


def wanted(headers: Mapping[str, str], languages: Languages) -> Catalogue:
    """The catalogue for a request with these headers."""
    return languages.wanted(headers.get("accept-language", ""), _chosen(headers.get("cookie", "")))


class Translated:
    """ASGI: the pages at `/ext-…` in the language of whoever asks."""

    def __init__(self, app: ASGIApp, languages: Languages) -> None:
        self._app = app
        self._languages = languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if not path.startswith("/ext-") or scope["method"] != "GET":
            return await self._app(scope, receive, send)
        catalogue = wanted(Headers(scope=scope), self._languages)
        if catalogue.tag == ENGLISH:
            return await self._app(scope, receive, send)
        await self._app(scope, receive, _Changed(send, lambda html: translated(html, catalogue)))


class _Changed:
    """Sends an answer on, a page of HTML as a whole and changed."""

    def __init__(self, send: Send, change: Callable[[str], str]) -> None:
        self._send = send
        self._change = change
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"vary", b"Accept-Language, Cookie")]
            is_page = message["status"] == 200 and Headers(raw=headers).get("content-type", "").startswith("text/html")
            if not is_page:
                await self._send({**message, "headers": headers})
            else:
                self._start = {**message, "headers": headers}
            return
        if self._start is None:
            return await self._send(message)
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = self._change(self._body.decode()).encode()
        headers = [each for each in start["headers"] if each[0].lower() != b"content-length"]
        await self._send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})


def _chosen(cookies: str) -> str:
    """The language that was chosen in this browser; nothing where none was."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def translated(html: str, catalogue: Catalogue) -> str:
    """Gradio's page in a language: the direction, and the labels in its configuration."""
    html = html.replace('lang="en"', f'lang="{catalogue.tag}" dir="{"rtl" if catalogue.rtl else "ltr"}"', 1)
    before, mark, rest = html.partition(_BEFORE)
    config, end, after = rest.partition(_AFTER)
    if not mark or not end:
        return html
    return f"{before}{mark}{_safe(in_language(json.loads(config), catalogue))}{end}{after}"


def _safe(value: Any) -> str:
    """JSON that may stand in a script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("'", "\\u0027")


def in_language(config: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Gradio's configuration with its words translated."""
    for place, key in places(config):
        place[key] = catalogue(place[key])
    return config


def places(config: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Where a person's words stand in Gradio's configuration: (the object or list, the key)."""
    for component in config.get("components", ()):
        props = component.get("props") or {}
        field = (props.get("props") or {}).get("field")
        for part in (props, field if isinstance(field, dict) else {}):
            yield from ((part, key) for key in _TEXTS if _is_text(part.get(key)))
        if component.get("type") == "button" and _is_text(props.get("value")):
            yield props, "value"
        for choice in props.get("choices") or ():
            if isinstance(choice, list) and _is_text(choice[0]):
                yield choice, 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
