"""Named things with owners: samplers, schedules, LoRA loaders, panels, tabs."""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from webui.errors import ExtensionError, RequestError


class Named(Protocol):
    """Whatever a registry can hold."""

    @property
    def name(self) -> str: ...

    @property
    def aliases(self) -> tuple[str, ...]: ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Entries by name and alias, case ignored, in order of registration.

    `kind` is what one entry is called ("sampler"); `field` is the request field that names one, for the error of an unknown name.
    """

    def __init__(self, kind: str, field: str) -> None:
        self.kind = kind
        self.field = field
        self._entries: dict[str, T] = {}
        self._owners: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def register(self, entry: T, owner: str) -> None:
        """Add `entry`. Raises `ExtensionError` naming both owners when its name or an alias is taken."""
        for key in self._names(entry):
            if (taken := self._keys.get(key)) is not None:
                message = f"the {self.kind} name {key!r} is already registered by {self._owners[taken]} ({taken}); choose another"
                raise ExtensionError(owner, f"register_{self.kind}s", message)
        self._entries[entry.name] = entry
        self._owners[entry.name] = owner
        self._keys.update(dict.fromkeys(self._names(entry), entry.name))

    def get(self, name: str) -> T:
        """Look up a name or alias, case ignored. Raises `RequestError` that lists what there is."""
        found = self._keys.get(name.strip().lower())
        if found is None:
            raise RequestError(self.field, f"There is no {self.kind} named {name!r}. There are: {', '.join(self._entries)}.")
        return self._entries[found]

    def owner(self, name: str) -> str:
        """Who registered the entry of that name."""
        return self._owners[self.get(name).name]

    def forget(self, owner: str) -> None:
        """Take out everything that `owner` registered (its extension failed or was switched off)."""
        for name in [name for name, who in self._owners.items() if who == owner]:
            del self._entries[name], self._owners[name]
        self._keys = {key: name for key, name in self._keys.items() if name in self._entries}

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    @staticmethod
    def _names(entry: T) -> Iterable[str]:
        return {key.strip().lower() for key in (entry.name, *entry.aliases)}
