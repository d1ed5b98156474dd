"""Changing settings while the app runs: checked, then written to `settings.toml` whole or not at all."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from webui.errors import RequestError, StorageError
from webui.settings import Settings, complaint, read_file


def change_settings(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Check `changes`, write them beside what the file already says, and give the new settings.

    A value of None takes the setting out of the file (back to its default).
    Raises `RequestError` naming the setting, `StorageError` when the file cannot be written.
    """
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    try:
        values = {name: defaults[name] if value is None else value for name, value in changes.items()}
        changed = Settings.model_validate({**settings.model_dump(), **values})
    except KeyError as error:
        raise RequestError(str(error.args[0]), f"There is no setting named {error.args[0]}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RequestError(str(first["loc"][0]), complaint(first, "This setting")) from None
    kept = {name: value for name, value in read_file(settings.file).items() if changes.get(name, value) is not None}
    new = {name: getattr(changed, name) for name, value in changes.items() if value is not None}
    _write(settings.file, {**kept, **new})
    return changed


def _write(path: Path, values: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    text = "# Darkroom's settings; the Settings tab writes this file too.\n" + tomli_w.dumps(
        {name: _plain(value) for name, value in sorted(values.items())}
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise StorageError(f"{path} cannot be written: {error.strerror}. The old settings are kept.") from None


def _plain(value: Any) -> Any:
    """A setting in TOML's own types."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


class SettingsStore:
    """The settings as they are now, and the one way to change them while the app runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listeners: list[Callable[[tuple[str, ...]], None]] = []

    def listen(self, listener: Callable[[tuple[str, ...]], None]) -> None:
        """Call a function with the names of settings that have been changed here."""
        self._listeners.append(listener)

    def read_again(self, names: Sequence[str]) -> None:
        """Take over settings that another process has changed in the file. Raises `SettingsError`."""
        kept = read_file(self._settings.file)
        defaults = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
        values = {name: kept.get(name, defaults[name]) for name in names if name in defaults}
        self._settings = Settings.model_validate({**self._settings.model_dump(), **values})

    def current(self) -> Settings:
        """Return the settings as they are now."""
        return self._settings

    def change(self, changes: Mapping[str, Any]) -> Settings:
        """Change and keep settings, as `change_settings` does, and return the new ones."""
        self._settings = change_settings(self._settings, changes)
        for listener in self._listeners:
            listener(tuple(changes))
        return self._settings
