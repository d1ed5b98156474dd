"""What surrounds the program and may be odd: closed or narrow standard streams, an ASCII locale, proxies that nothing understands.

Called once at the start of a command, before anything that would stumble over them is imported.
"""

import contextlib
import ipaddress
import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO
from urllib.parse import urlsplit

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
SCHEMES = ("http", "https", "socks5", "socks5h")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[\w.*-]+(:\d{1,5})?")


def use_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale (`LC_ALL=C`, cron, containers) would make names of files ASCII.

    Returns when that is not needed; else this process becomes the new one.
    """
    if os.name == "posix" and sys.getfilesystemencoding().lower() not in ("utf-8", "utf8") and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"
        words = [word for word in sys.orig_argv[1:] if word != "-E"]
        with contextlib.suppress(OSError):
            os.execv(sys.executable, [sys.executable, "-X", "utf8", *words])


def prepare_streams() -> None:
    """Nothing printed can fail for a letter that the terminal does not know; closed streams lead nowhere instead of into the next file."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def outlive_readers() -> None:
    """For a server: whoever read its words may go, and a log's disk may be full, without ending it."""
    sys.stdout, sys.stderr = _Outliving(sys.stdout), _Outliving(sys.stderr)


class _Outliving:
    """A stream whose writes never fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or not."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def mend_proxies(environment: MutableMapping[str, str] | None = None) -> list[str]:
    """Leave only proxies that httpx understands, and let loopback addresses past them; gives a sentence for each that was taken out.

    `socks://` is what desktops write for SOCKS 5. What httpx does not understand stops every library that uses it.
    """
    environment = os.environ if environment is None else environment
    said = []
    for name in [name for name in environment if name.lower() in PROXIES]:
        value = environment[name].strip()
        mended = _proxy(value)
        if mended is None:
            said.append(
                f"{name} is no proxy that can be used ({value}) and is left out. Write it as http://host:port or socks5://host:port."
            )
            del environment[name]
        else:
            environment[name] = mended
    given = [entry for name in ("no_proxy", "NO_PROXY") for entry in environment.get(name, "").split(",")]
    hosts = [host for entry in given if (host := _past_proxies(entry.strip()))]
    if said or any(name.lower() in PROXIES for name in environment):
        for name in ("no_proxy", "NO_PROXY"):
            environment[name] = ",".join(dict.fromkeys(hosts if "*" in hosts else (*hosts, *LOOPBACK)))
    return said


def _proxy(value: str) -> str | None:
    """A proxy's address as httpx takes it; None when there is no way to."""
    if not value:
        return ""
    address = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(address)
        scheme = {"socks": "socks5"}.get(parts.scheme.lower(), parts.scheme.lower())
        usable = scheme in SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0) and not re.search(r"\s", address)
    except ValueError:
        return None
    return f"{scheme}://{address.partition('://')[2]}" if usable and address.isprintable() else None


def _past_proxies(entry: str) -> str:
    """An entry of NO_PROXY that httpx can read; empty for others (networks such as ::1/128 would stop it)."""
    bare = entry.strip("[]")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(bare))
    return entry if _HOST.fullmatch(entry) else ""
