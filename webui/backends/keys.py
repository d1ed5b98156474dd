"""Keys of backends: from the provider's own variable, else the system's keyring, else a file that only its owner can read.

A key is held here and in the connection that sends it; it is in no setting, row, log, answer or error.
"""

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webui.errors import SettingsError, StorageError
from webui.plugins.backends import BackendSpec

SERVICE = "darkroom"
FILE = "backend-keys.json"
MAX_KEY = 10_000


class KeyStore:
    """Keys by backend. `folder` holds the file for machines without a keyring."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, keyring: Any = None) -> None:
        self._path = folder / FILE
        self._environment = os.environ if environment is None else environment
        self._keyring = keyring if keyring is not None else _system_keyring()
        self._lock = threading.Lock()

    def get(self, spec: BackendSpec) -> str:
        """Return a backend's key; empty where there is none. Raises `SettingsError` for a file that others can read."""
        return self._found(spec)[0]

    def source(self, spec: BackendSpec) -> str:
        """Return where the key is from: the variable's name, `keyring`, `file`, or empty for no key."""
        return self._found(spec)[1]

    def _found(self, spec: BackendSpec) -> tuple[str, str]:
        if spec.key_variable and (key := self._environment.get(spec.key_variable, "").strip()):
            return key, spec.key_variable
        if self._keyring is not None:
            with contextlib.suppress(Exception):  # a keyring that is locked or broken is none
                if key := self._keyring.get_password(SERVICE, spec.name):
                    return str(key), "keyring"
        key = self._read().get(spec.name, "")
        return key, "file" if key else ""

    def set(self, name: str, key: str) -> None:
        """Keep a key, or forget it where it is empty. Raises `SettingsError`, `StorageError`."""
        key = key.strip()
        if len(key) > MAX_KEY or not key.isprintable() or not key.isascii():
            raise SettingsError("This is no key: it has letters that no key has.")
        with self._lock:
            if self._keyring is not None:
                with contextlib.suppress(Exception):
                    self._keyring.set_password(SERVICE, name, key) if key else self._keyring.delete_password(SERVICE, name)
                    if key:
                        return
            kept = {other: value for other, value in self._read().items() if other != name}
            self._write(kept | ({name: key} if key else {}))

    def _read(self) -> dict[str, str]:
        try:
            if os.name == "posix" and self._path.stat().st_mode & 0o077:
                raise SettingsError(f"Others can read {self._path}. Take that right away (chmod 600), and better change the keys in it.")
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(name): str(key) for name, key in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError):
            raise SettingsError(f"{self._path} cannot be read. Rename it, and give the keys again.") from None

    def _write(self, keys: Mapping[str, str]) -> None:
        part = self._path.with_name(f".{FILE}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(keys, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}.") from None


def _system_keyring() -> Any:
    """The system's keyring, where the package `keyring` is installed and has one."""
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]

        return keyring if getattr(keyring.get_keyring(), "priority", 0) > 0 else None
    except Exception:  # whatever a desktop's service raises: there is none
        return None
