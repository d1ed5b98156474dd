"""Pictures of one job with prompts of their own: each is what its prompt gives alone, and says so."""

import numpy as np
import pytest

from webui.images.metadata import read_metadata

WORDS = ("a red fox", "a red fox", "a blue cat", "a green dog")


@pytest.fixture
def templates():
    return {"prompt": {"text": "a {red fox|blue cat|green dog}", "filled": WORDS}}


def test_each_picture_is_what_its_own_prompt_makes(engine, templates):
    made = engine.make(prompt=WORDS[0], templates=templates, dynamic_prompts=True, batch_size=2, batch_count=2, sampler="Euler a")
    records = [event.record for event in engine.events if event.type == "image"]
    assert [record.index for record in records] == [0, 1, 2, 3]
    alone = [engine.make(prompt=text, seed=1 + place, sampler="Euler a")[0] for place, text in enumerate(WORDS)]
    assert all(np.abs(one.astype(int) - other).max() <= 1 for one, other in zip(made, alone, strict=True))
    assert not np.array_equal(made[2], engine.make(prompt=WORDS[0], seed=3, sampler="Euler a")[0])
    said = read_metadata(engine.context.images.path(records[2]))
    assert said.fields["prompt"] == "a blue cat" and said.fields["seed"] == 3
    assert said.text.startswith("a blue cat\nSteps: ") and said.text.endswith("\nTemplate: a {red fox|blue cat|green dog}")


def test_a_retry_makes_what_is_missing_alike(engine, templates):
    fields = {"prompt": WORDS[0], "templates": templates, "dynamic_prompts": True, "batch_size": 4}
    whole = engine.make(**fields)
    rest = engine.make(saved=(0, 2), **fields)
    assert [event.record.index for event in engine.events if event.type == "image"] == [1, 3]
    assert np.array_equal(rest[0], whole[1]) and np.array_equal(rest[1], whole[3])
