"""What each route needs is said in one table, and every route of the program stands in it."""

import pytest

from webui.people.roles import MAY, NEEDS, ROLES, SCOPED, WORDS, refusal, rights
from webui.people.routes import is_listed, listed, need_of


def test_each_role_may_all_that_the_one_before_may():
    assert MAY["guest"] < MAY["member"] < MAY["owner"] == set(NEEDS) == set(WORDS)
    assert {need for _, _, need in listed()} == set(NEEDS)
    assert rights("guest", ("read", "generate", "admin")) == MAY["guest"]
    assert rights("owner", ("read",)) == SCOPED["read"] and rights("member", ("read", "generate")) == SCOPED["generate"]


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/", "look"),
        ("HEAD", "/api/v1/jobs", "look"),
        ("POST", "/api/v1/jobs/", "make"),
        ("GET", "/api/v1/models/downloads", "models"),
        ("GET", "/api/v1/models/abc", "look"),
        ("POST", "/sdapi/v1/unload-checkpoint", "queue"),
        ("POST", "/sdapi/v1/txt2img", "make"),
        ("POST", "/sdapi/v1/png-info", "look"),
        ("POST", "/api/free", "queue"),
        ("WEBSOCKET", "/api/ws", "look"),
        ("GET", "/of-an-extension", "look"),
        ("DELETE", "/of-an-extension", "make"),
        ("POST", "/api/v1/people", "people"),
    ],
)
def test_a_request_needs_what_its_route_needs(method, path, need):
    assert need_of(method, path) == need


def test_what_is_like_a_route_is_not_one():
    assert not is_listed("POST", "/api/v1/txt2img") and not is_listed("GET", "/api/v1/images/a/b/c")


def test_a_refusal_says_what_and_what_to_do():
    assert "invite you as a member" in refusal("keys", "guest")
    assert all(refusal(need, role).endswith((".", "prints.")) for role in ROLES for need in set(NEEDS) - MAY[role])
