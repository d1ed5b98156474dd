"""Pictures that come in JSON: base64, alone or as a `data:` address."""

import base64
import binascii
import ipaddress
import re
from urllib.parse import urlsplit

from PIL import Image

from webui.api import outward
from webui.api.encoding import encoded
from webui.api.outward import OutwardError
from webui.api.sdapi.refusals import Refusal
from webui.errors import RequestError
from webui.images.decode import read_image

INVALID = "Invalid encoded image"
_WEB = ("http://", "https://")
_SPACES = re.compile(r"\s+")


def image_bytes(sent: object) -> bytes:
    """The file that a text holds. Raises `Refusal` in A1111's words where it holds none."""
    if not isinstance(sent, str) or not sent:
        raise Refusal(422, INVALID)
    if sent.startswith(_WEB):
        raise Refusal(422, _why_not_fetched(sent))
    text = sent.partition(",")[2] if sent.startswith("data:") else sent
    text = _SPACES.sub("", text) if any(mark in text for mark in "\r\n\t ") else text
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(422, INVALID) from None


def fetched(sent: str, most: int) -> str:
    """What stands at a web address, as base64; any other text as it is. Raises `Refusal`."""
    if not sent.startswith(_WEB):
        return sent
    try:
        return encoded(outward.fetch(sent, most))
    except OutwardError as error:
        raise Refusal(422, f"Request to local resource not allowed: {error}" if "private" in str(error) else str(error)) from None


def picture_of(sent: object) -> tuple[bytes, Image.Image]:
    """A picture's file and its pixels. Raises `Refusal` for what is none, or is too large."""
    data = image_bytes(sent)
    try:
        return data, read_image(data, "image")
    except RequestError as error:
        raise Refusal(422, f"{INVALID}: {error.message}") from None


def _why_not_fetched(address: str) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return INVALID
    if host == "localhost" or _is_private(host):
        return "Request to local resource not allowed"
    return "Darkroom fetches no pictures from elsewhere, unless that is allowed in Settings, Pictures. Send the picture itself, as base64."


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
