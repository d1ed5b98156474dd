"""Which pictures are made together, with which seeds."""

from tests.whole_requests import resolved
from webui.core.request import MAX_SEED
from webui.generation.batching import plan_batches


def test_seeds_count_up_over_batches():
    found = list(plan_batches(resolved(seed=5, variation_seed=9, batch_size=2, batch_count=2)))
    assert [batch.indexes for batch in found] == [(0, 1), (2, 3)]
    assert [batch.seeds for batch in found] == [(5, 6), (7, 8)]
    assert [batch.variation_seeds for batch in found] == [(9, 10), (11, 12)]


def test_with_a_variation_the_seed_stays():
    (batch,) = plan_batches(resolved(seed=5, variation_seed=9, variation_strength=0.1, batch_size=3))
    assert batch.seeds == (5, 5, 5)
    assert batch.variation_seeds == (9, 10, 11)


def test_seeds_start_again_after_the_largest():
    (batch,) = plan_batches(resolved(seed=MAX_SEED, batch_size=2))
    assert batch.seeds == (MAX_SEED, 0)


def test_batches_that_are_saved_are_not_made_again():
    request = resolved(seed=0, batch_size=2, batch_count=3)
    assert [batch.number for batch in plan_batches(request, saved={0, 1, 2})] == [1, 2]
    assert list(plan_batches(request, saved=set(range(6)))) == []
