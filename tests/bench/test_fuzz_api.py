"""A short run of `bench fuzz-api`: the API against its own schema."""

from tests.api.conftest import server  # noqa: F401 - a fixture
from webui.bench.fuzz_api import _PYTHON, Tried, tried


def test_calls_made_up_from_the_schema_are_answered_as_it_says(server):  # noqa: F811

    calls = list(tried(server.url, 60, seed=7))
    assert [(each.call, each.wrong) for each in calls if each.wrong] == []
    assert len(calls) > 40 and {200, 404, 422} <= {each.status for each in calls}


def test_what_is_wrong_is_seen():
    for text in ("Traceback (most recent call last)", "KeyError: 'x'", "raised at routes.py", "<object at 0x7f>", "pydantic_core"):
        assert _PYTHON.search(text)
    assert not _PYTHON.search("There is no picture with the id x. Upload it first (POST /api/v1/images).")
    assert Tried("GET /", 200, 0.1, "").wrong == ""
