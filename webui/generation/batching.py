"""Splits a job into batches and assigns the seeds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from webui.core.pictures import image_seeds, same_prompts, with_prompts
from webui.core.request import ResolvedRequest


@dataclass(frozen=True)
class Batch:
    """Images that go through the model together. `indexes` count the job's images from 0."""

    number: int
    indexes: tuple[int, ...]
    seeds: tuple[int, ...]
    variation_seeds: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indexes)

    def parts(self, request: ResolvedRequest) -> Iterator[tuple["Batch", ResolvedRequest]]:
        """The batch as runs of neighbours with the same prompts, each with the request that has them; most often one."""
        start = 0
        for end in range(1, len(self) + 1):
            if end == len(self) or not same_prompts(request, self.indexes[start], self.indexes[end]):
                among = slice(start, end)
                part = replace(self, indexes=self.indexes[among], seeds=self.seeds[among], variation_seeds=self.variation_seeds[among])
                yield part, with_prompts(request, self.indexes[start])
                start = end


def plan_batches(request: ResolvedRequest, saved: Collection[int] = ()) -> Iterator[Batch]:
    """The job's batches in order, without those whose pictures are all saved.

    A batch that is saved in part is made again whole, so that its pictures are the same bit for bit.
    """
    for number in range(request.batch_count):
        indexes = tuple(range(number * request.batch_size, (number + 1) * request.batch_size))
        if not set(indexes) <= set(saved):
            seeds = [image_seeds(request, index) for index in indexes]
            yield Batch(number, indexes, tuple(seed for seed, _ in seeds), tuple(variation for _, variation in seeds))
