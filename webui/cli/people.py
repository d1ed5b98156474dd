"""`people`: who is invited, as what, and who did what; also while the studio runs."""

import argparse
import sys

from webui.api.identity import checked_name
from webui.core.names import printable
from webui.db import open_database
from webui.db.database import Database
from webui.errors import NotFound, RequestError
from webui.jobs.store import JobStore
from webui.people import links
from webui.people.audit import AT_THE_SHELL, Audit
from webui.people.keys import ApiKey, ApiKeys
from webui.people.names import folded
from webui.people.roles import ROLES
from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `people`."""
    parser.add_argument(
        "action",
        choices=("invite", "list", "role", "revoke", "log"),
        help="invite a person and print the link, this once; list who is invited; change a role; take an invitation back; who did what",
    )
    parser.add_argument("name", nargs="?", default="", help="whose invitation it is")
    parser.add_argument("--role", choices=ROLES, default="", help="what they may do (an invitation's default: guest)")
    parser.add_argument("--url", default="", help="the page's address as they open it (default: this machine's on the LAN)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do it."""
    database = open_database(settings.data_dir, settings.database_url, settings.durability)
    try:
        _act(arguments, settings, database)
    finally:
        database.close()
    return 0


def _act(arguments: argparse.Namespace, settings: Settings, database: Database) -> None:
    keys, audit = ApiKeys(JobStore(database)), Audit(database)
    if arguments.action == "invite":
        address = links.checked_address(arguments.url)
        text, key = keys.invite(checked_name(arguments.name), arguments.role or "guest")
        audit.note(AT_THE_SHELL, f"invited {key.owner} as {key.role}")
        link = links.link(address or f"http://{links.lan_address()}:{settings.port}{settings.root_path}", text)
        print(link)
        if sys.stdout.isatty():
            print(links.qr_text(link, invert=True), end="")
    elif arguments.action == "role":
        if not arguments.role:
            raise RequestError("role", f"Say what they are to be: --role {', '.join(ROLES)}.")
        key = keys.change_role(_named(keys, arguments.name).id, arguments.role)
        audit.note(AT_THE_SHELL, f"made {key.owner} {arguments.role}")
        print(f"{printable(key.owner)} is {key.role} now.")
    elif arguments.action == "revoke":
        key = keys.take_back(_named(keys, arguments.name).id)
        audit.note(AT_THE_SHELL, f"took back the invitation of {key.owner}")
        print(f"{printable(key.owner)} comes in no more. Their jobs are stopped, their webhooks end; their pictures stay.")
    elif arguments.action == "list":
        for key in keys.people():
            since = f"taken back {key.ended:%Y-%m-%d}" if key.ended else f"since {key.created:%Y-%m-%d}"
            print(f"{key.id}  {key.role}  {printable(key.owner)}  {since}")
    else:
        for entry in reversed(audit.entries(limit=200)):
            print(f"{entry.at.astimezone():%Y-%m-%d %H:%M}  {entry.who} {entry.did}")


def _named(keys: ApiKeys, name: str) -> ApiKey:
    """Who is invited by this name, or with this id. Raises `RequestError`, `NotFound`."""
    if not name:
        raise RequestError("name", "Say whose invitation it is, by the name or the id that `people list` shows.")
    found = next((key for key in keys.people() if key.ended is None and (name == key.id or folded(name) == folded(key.owner))), None)
    if found is None:
        raise NotFound(f"Nobody named {name} is invited.")
    return found
