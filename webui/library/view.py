"""One job's look at the library: what it has found once stays the same file until it has ended."""

from webui.errors import RequestError
from webui.library.models import ModelFile
from webui.library.scan import Library, Listing


class View(Library):
    """A library that stands still. A name means the same file, with the same identity, at its first use and at its last.

    So a job's second picture is made with the weights of its first one, or not at all: whoever reads a file checks its identity.
    """

    def __init__(self, library: Library) -> None:
        super().__init__((), families=library.families)
        self._library, self._cache, self._listing = library, library._cache, library._listed()
        self._found: dict[tuple[str, str], ModelFile | RequestError] = {}

    def scan(self) -> tuple[ModelFile, ...]:
        """The list as it was when the job began."""
        return self._listed().models

    def look(self) -> None:
        """Nothing changes."""

    def find(self, kind: str, name: str) -> ModelFile:
        """The file meant; the first time as it is now. Raises `RequestError`, the same each time."""
        key = (kind, name)
        if key not in self._found:
            try:
                self._found[key] = self._library.find(kind, name)
            except RequestError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, RequestError):
            raise found
        return found

    def _listed(self) -> Listing:
        assert self._listing is not None
        return self._listing
