"""`key`: API keys, made, listed and taken back; also while the studio runs."""

import argparse

from webui.api.identity import checked_name
from webui.core.job import LOCAL_OWNER
from webui.core.names import printable
from webui.db import open_database
from webui.jobs.store import JobStore
from webui.people.keys import ApiKeys, parse_scopes
from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `key`."""
    parser.add_argument("action", choices=("make", "list", "remove"), help="make a key and print it, this once; list keys; take one back")
    parser.add_argument("id", nargs="?", default="", help="of the key that is taken back, as the list shows it")
    parser.add_argument("--owner", default=LOCAL_OWNER, help="whose jobs a new key submits (default: local, this machine's user)")
    parser.add_argument("--name", default="", help="what it is for")
    parser.add_argument("--scopes", default="read,generate", help="read, generate, admin, with commas (default: read,generate)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do it."""
    database = open_database(settings.data_dir, settings.database_url, settings.durability)
    try:
        keys = ApiKeys(JobStore(database))
        if arguments.action == "make":
            text, key = keys.make(checked_name(arguments.owner), arguments.name, parse_scopes(arguments.scopes))
            print(text)
        elif arguments.action == "remove":
            keys.remove(arguments.id)
        else:
            for key in keys.all():
                print(f"{key.id}  {printable(key.owner)}  {','.join(key.scopes)}  {key.created:%Y-%m-%d}  {printable(key.name)}")
    finally:
        database.close()
    return 0
