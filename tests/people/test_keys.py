"""Invitations are keys with a role: shown once, kept as hashes, taken back with all that was made by them."""

import pytest

from webui.db import open_database
from webui.errors import Conflict, NotFound, RequestError
from webui.jobs.store import JobStore
from webui.people.audit import Audit
from webui.people.keys import ApiKeys, session_of

OLD = [{"id": "a1", "owner": "ann", "name": "Krita", "scopes": ["read", "generate"], "created": "2026-01-02T03:04:05Z", "digest": "d" * 64}]


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def store(database):
    return JobStore(database)


def test_an_invitation_opens_as_its_person_until_it_is_taken_back(store):
    keys, elsewhere = ApiKeys(store), ApiKeys(store)
    text, mia = keys.invite("Mia", "member")
    made, program = keys.make("Mia", maker=mia.id)
    assert keys.find(text) == keys.find(session_of(text)) == mia and keys.role_of("Mia") == "member"
    kept = str(store.get_value("api_keys"))
    assert text not in kept and session_of(text) not in kept and "dk_" not in kept
    with pytest.raises(Conflict):
        keys.invite("mia", "guest")
    assert keys.stands(mia.id, "member") and keys.change_role(mia.id, "guest").role == "guest" and not keys.stands(mia.id, "member")
    assert keys.role_through(program) == "guest", "a program may do no more than who made its key"
    keys.take_back(mia.id)
    assert keys.find(text) is keys.find(session_of(text)) is keys.find(made) is None and not keys.stands(mia.id, "guest")
    assert keys.person("MIA") is not None, "nobody else comes by the name to the pictures"
    assert elsewhere.people()[0].ended is not None
    with pytest.raises(NotFound):
        keys.take_back(mia.id)
    again, back = keys.invite("mia", "guest")
    assert back.owner == "Mia" and keys.find(again) == back and len(keys.people()) == 1


def test_keys_of_before_there_were_people_stay_what_they_were(store):
    store.set_value("api_keys", OLD)
    keys = ApiKeys(store)
    (old,) = keys.all()
    assert (old.owner, old.role, old.scopes, keys.role_through(old)) == ("ann", None, ("read", "generate"), "member")
    keys.invite("Ben", "owner")
    assert [key.id for key in keys.all()] == ["a1"] and keys.person("ann") is None
    with pytest.raises(NotFound):
        keys.remove(keys.people()[0].id)


@pytest.mark.parametrize("name", ["", "local"])
def test_nobody_is_invited_by_no_name(store, name):
    with pytest.raises(RequestError, match="Give the name"):
        ApiKeys(store).invite(name, "guest")


def test_the_list_of_who_did_what_is_bounded(database):
    audit = Audit(database, kept=3)
    for number in range(5):
        audit.note("Mia", f"did thing {number}" + "x" * 1000)
    kept = audit.entries()
    assert [entry.did[:11] for entry in kept] == ["did thing 4", "did thing 3", "did thing 2"] and len(kept[0].did) == 300
    assert audit.entries(before=kept[0].number, limit=1) == kept[1:2]
