"""Talking to a machine by the fingerprint of its certificate, whoever has signed it: a box of one's own signs its own."""

import hashlib
import re
import socket
import ssl
from typing import Any

from webui.core.request import FrozenModel
from webui.errors import RequestError

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class CertificateUnknown(ssl.SSLError):
    """The machine shows another certificate than the pinned one. `shown` is its fingerprint."""

    def __init__(self, shown: str) -> None:
        super().__init__("another certificate than the pinned one")
        self.shown = shown


class PinnedAddress(FrozenModel):
    """An address, and the fingerprint that was written behind it, `#sha256=…`; empty for none."""

    host: str
    fingerprint: str = ""


def pinned(host: str, secure: bool) -> PinnedAddress:
    """Read an address. Raises `RequestError` for what is no fingerprint, or has no certificate."""
    bare, mark, pin = host.partition("#")
    if not mark:
        return PinnedAddress(host=host)
    kind, _, digits = pin.partition("=")
    fingerprint = digits.replace(":", "").lower()
    if kind.lower() != "sha256" or not _FINGERPRINT.fullmatch(fingerprint):
        raise RequestError(
            "where", f"{pin[:100]!r} is no fingerprint. Write #sha256= and the 64 digits that openssl shows (docs/cloud.md)."
        )
    if not secure:
        raise RequestError("where", "A fingerprint is a certificate's, and this address has none. Write +https before ://.")
    return PinnedAddress(host=bare, fingerprint=fingerprint)


class PinnedContext(ssl.SSLContext):
    """TLS with one certificate and no other: neither its signer nor its names count. Nothing is sent before it has been seen."""

    fingerprint = ""

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Shake hands. Raises `CertificateUnknown`."""
        wrapped = super().wrap_socket(sock, *arguments, **options)
        shown = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()
        if shown != self.fingerprint:
            wrapped.close()
            raise CertificateUnknown(shown)
        return wrapped


def context_of(fingerprint: str) -> ssl.SSLContext:
    """Return the TLS of who talks to the machine with this fingerprint alone."""
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.fingerprint = fingerprint
    return context


def in_groups(fingerprint: str) -> str:
    """A fingerprint as openssl writes it."""
    return ":".join(re.findall("..", fingerprint.upper()))
