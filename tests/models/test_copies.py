"""Copies of tensors: side by side, to the same bits as torch's own conversion, no more ahead than is wanted."""

import threading

import pytest
import torch

from webui.models.copies import Wanted, copied

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_tensors_are_copied_side_by_side_each_by_one_thread(two_threads):
    """Two copies wait for each other: neither would end if one came after the other."""
    both, threads = threading.Barrier(2), set()

    def release(tensor):
        both.wait(60)
        threads.add(torch.get_num_threads())

    tensors = {"a": torch.randn(3, 4, 2, 2), "b": torch.arange(5)}
    made = dict(copied(tensors, Wanted(torch.bfloat16, CPU, channels_last=True), release))
    assert list(made) == ["a", "b"] and threads == {1} and torch.get_num_threads() == 2
    assert torch.equal(made["a"], tensors["a"].to(torch.bfloat16)) and made["a"].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made["b"], tensors["b"]) and made["b"].dtype == torch.int64


def test_threads_that_begin_later_compute_as_before(two_threads):
    dict(copied({"a": torch.ones(2), "b": torch.ones(2)}, Wanted(torch.float32, CPU)))
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [2]


def test_every_half_becomes_the_same_bfloat16_as_by_torch():
    """But for those that are no numbers."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.float16)
    every = every[~every.isnan()]
    many = every.repeat(9)[: 2**19 + 5]
    for tensors in (
        {"one": many},
        {"one": many, "two": every},
        {"turned": every[:4096].view(64, 64).T},
        {"scalar": every[5], "empty": every[:0]},
    ):
        for name, made in copied(tensors, Wanted(torch.bfloat16, CPU)):
            assert torch.equal(made.view(torch.int16), tensors[name].to(torch.bfloat16).view(torch.int16))


def test_a_scaled_weight_is_multiplied_in_float32():
    halves = torch.tensor([1.0, 3.0], dtype=torch.float16)
    ((_, made),) = copied({"x": halves}, Wanted(torch.bfloat16, CPU), scales={"x": torch.tensor(0.1)})
    assert torch.equal(made, (halves.float() * 0.1).to(torch.bfloat16))


def test_little_is_copied_ahead_of_who_takes_it(two_threads):
    """Eight tensors of 32 MB share their numbers; two are ahead and one is at work when the first is taken."""
    numbers, copies = torch.zeros(2**23), []
    arriving = copied({str(number): numbers for number in range(8)}, Wanted(torch.float32, CPU), copies.append)
    next(arriving)
    arriving.close()
    assert len(copies) <= 4


def test_an_error_of_a_copy_comes_to_who_takes_it(two_threads):
    def fails(tensor):
        raise MemoryError("all taken")

    with pytest.raises(MemoryError, match="all taken"):
        list(copied({"a": torch.ones(2), "b": torch.ones(2)}, Wanted(torch.float32, CPU), fails))


@pytest.mark.parametrize("threads", [1, 2])
def test_what_passes_lies_where_others_lay_before(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        tensors = {str(number): torch.randn(2**10 * (100 - number)) for number in range(100)}
        wanted = Wanted(torch.float32, CPU, passing=[name for name in tensors if name != "7"])
        places, kept = set(), torch.empty(0)
        for name, made in copied(tensors, wanted):
            assert torch.equal(made, tensors[name])
            places.add(made.data_ptr())
            kept = made if name == "7" else kept
    finally:
        torch.set_num_threads(before)
    assert torch.equal(kept, tensors["7"]), "it does not pass: its memory is its own"
    assert len(places) <= (3 if threads == 1 else 70)
