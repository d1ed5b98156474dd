"""A person's link, and its QR code."""

import contextlib
import socket
from io import StringIO
from urllib.parse import quote, urlsplit

from webui.core.addresses import host_name, in_address, is_loopback
from webui.errors import RequestError


def lan_address() -> str:
    """This machine's address as others see it; asking the routing table sends nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def for_others(host: str) -> str:
    """A host, with its port, as others can reach it: this machine's own name for itself says nothing to them."""
    if not is_loopback(host_name(host)):
        return host
    port = host.rpartition(":")[2]
    return in_address(lan_address()) + (f":{port}" if port.isdigit() else "")


def checked_address(given: str) -> str:
    """A page's address; nothing of nothing. Raises `RequestError` for what no link can begin with."""
    parts = urlsplit(given)
    if given and not (parts.scheme in ("http", "https") and parts.netloc and not parts.query and not parts.fragment):
        raise RequestError("url", "Give the page's address as it is opened: http:// or https://, and nothing behind the path.")
    return given


def link(address: str, key: str) -> str:
    """What is opened to sign in, below the page's own address."""
    return f"{address.rstrip('/')}/?key={quote(key)}"


def qr_svg(text: str) -> str:
    """A QR code as SVG, without a size of its own: dark squares on nothing."""
    import qrcode
    import qrcode.image.svg

    image = qrcode.make(text, image_factory=qrcode.image.svg.SvgPathImage, border=2)
    return str(image.to_string(encoding="unicode"))


def qr_text(text: str, *, invert: bool) -> str:
    """A QR code in letters, for a terminal; `invert` for a dark one."""
    import qrcode

    code = qrcode.QRCode(border=1)
    code.add_data(text)
    out = StringIO()
    code.print_ascii(out=out, invert=invert)
    return out.getvalue()
