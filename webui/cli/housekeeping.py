"""`models duplicates`, `unused`, `bin` and `export`: keeping models in order from the command line."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from webui.collection.bin import move_to_bin
from webui.collection.cards import Entry
from webui.collection.export import export
from webui.collection.notes import Notes, NoteStore
from webui.collection.service import Collection
from webui.core.names import printable
from webui.db import open_database
from webui.errors import WebUIError
from webui.library import Library, ModelFile
from webui.settings import Settings

ACTIONS = ("duplicates", "unused", "bin", "export")
Named = Callable[[str], ModelFile]


def run(arguments: argparse.Namespace, settings: Settings, library: Library, named: Named) -> int:
    """Carry out `arguments.kind`, one of `ACTIONS`; `named` finds a model by what it is called. 1 where something failed."""
    if arguments.kind == "bin":
        return _each(arguments.sources, lambda name: str(move_to_bin(named(name))))
    with _collection(settings, library) as collection:
        if arguments.kind == "export":
            return _export(arguments.sources, collection, named)
        if arguments.kind == "unused":
            found = collection.unused(arguments.days)
        else:
            for model in library.all_models:
                if not model.error:
                    library.sha256(model)
            found = [each for group in collection.duplicates() for each in group]
    for each in found:
        print(f"{each.card.kind:<14}{each.card.name}  {each.card.size / 1e6:.0f} MB  {each.card.sha256[:10]}  {each.card.file}".rstrip())
    return 0


def _export(names: list[str], collection: Collection, named: Named) -> int:
    by_path = {each.model.path: each for each in collection.entries()}
    if not names:
        names = [str(each.model.path) for each in by_path.values() if each.card.kept != Notes()]

    def written(name: str) -> str:
        found: Entry = by_path[named(name).path]
        return "\n".join(printable(str(path)) for path in export(found.model, found.card))

    return _each(names, written)


def _each(names: list[str], act: Callable[[str], str]) -> int:
    failed = 0
    for name in names:
        try:
            print(act(name))
        except WebUIError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


@contextmanager
def _collection(settings: Settings, library: Library) -> Iterator[Collection]:
    """The models with what is kept of them; nothing is watched."""
    database = open_database(settings.data_dir, settings.database_url, settings.durability)
    try:
        yield Collection(library, NoteStore(database), lambda kind, body: None, lambda: False, lambda: False)
    finally:
        database.close()
