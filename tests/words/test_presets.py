"""Presets: whole requests under a name, each owner's own."""

import pytest

from webui.db import open_database
from webui.errors import NotFound, RequestError
from webui.words.presets import Preset, PresetStore


@pytest.fixture
def store(tmp_path):
    database = open_database(tmp_path)
    yield PresetStore(database)
    database.close()


def test_kept_replaced_and_forgotten(store):
    store.save("ann", Preset(name=" portrait ", request={"steps": 30, "hires": {"scale": 2}, "init": "x", "mode": "img2img"}))
    store.save("ann", Preset(name="Fast", request={"steps": 4}))
    store.save("ann", Preset(name="Fast", request={"steps": 5}))
    store.save("bob", Preset(name="Fast", request={}))
    assert [(each.name, each.request) for each in store.all("ann")] == [
        ("Fast", {"steps": 5}),
        ("portrait", {"steps": 30, "hires": {"scale": 2}}),
    ]
    store.remove("ann", "Fast")
    assert [each.name for each in store.all("ann")] == ["portrait"] and len(store.all("bob")) == 1
    with pytest.raises(NotFound):
        store.remove("ann", "Fast")


@pytest.mark.parametrize(
    ("preset", "field"),
    [
        (Preset(name=" "), "name"),
        (Preset(name="a\nb"), "name"),
        (Preset(name="x", request={"steps": 0}), "steps"),
        (Preset(name="x", request={"nonsense": 1}), "nonsense"),
    ],
)
def test_what_is_no_preset_is_refused(store, preset, field):
    with pytest.raises(RequestError) as caught:
        store.save("ann", preset)
    assert caught.value.field == field and store.all("ann") == []
