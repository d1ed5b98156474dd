"""Texts at random from a seed: whatever is in a picture gives a valid request and lines to read, or nothing; never an exception."""

import random

from webui.bench.fuzz_metadata import SAMPLES, metadata


def test_changed_metadata_gives_a_request_or_nothing():
    for seed in range(300):
        try:
            metadata(random.Random(seed))
        except Exception as error:
            raise AssertionError(f"bench fuzz --target metadata --seed {seed} --cases 1") from error
    assert len(SAMPLES) >= 12
