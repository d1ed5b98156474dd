"""Addresses of pictures that open without a key, for an hour: what OpenAI's clients are given as `url`, and fetch as they fetch any other.

Nothing in them is a key, and nothing else opens with them.
"""

import hashlib
import hmac
import secrets
import time
from urllib.parse import parse_qs

from starlette.types import Scope

from webui.jobs.store import JobStore

SECONDS = 3600
FOLDER = "/v1/images/files/"
_SECRET = "address_secret"


class SignedAddresses:
    """Signs paths below `FOLDER`, and knows its signatures again, also after a restart and in another process of the same database."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def signed(self, path: str) -> str:
        """The path with its end and its signature."""
        until = int(time.time()) + SECONDS
        return f"{path}?until={until}&signature={self._signature(path, until)}"

    def opens(self, scope: Scope, path: str) -> bool:
        """Whether a request's address was signed here, and is not over."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not path.startswith(FOLDER):
            return False
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        until, given = query.get("until", [""])[0], query.get("signature", [""])[0]
        if not (until.isascii() and until.isdigit() and len(until) < 12) or int(until) < time.time():
            return False
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._signature(path, int(until)).encode())

    def _signature(self, path: str, until: int) -> str:
        secret: str = self._store.get_value(_SECRET) or self._store.change_value(_SECRET, lambda known: known or secrets.token_hex(32))
        return hmac.new(secret.encode(), f"{path}?{until}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
