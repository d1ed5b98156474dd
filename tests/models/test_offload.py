"""Blocks are lent to a device one at a time, the next on its way while one computes; each has its own tensors again afterwards."""

import pytest
import torch
from torch import nn

from webui.core.job import Plan
from webui.models.offload import Lane, Offload, blocks

PLAN = Plan(offload="sequential")


class SlowLane(Lane):
    """A device without streams: a copy is there when somebody waits for it, and every call is written down."""

    def __init__(self):
        self.said = []
        self.copies = 0

    def fetch(self, copy):
        number = self.copies
        self.copies += 1
        self.said.append(f"fetch {number}")
        copy()
        return lambda: self.said.append(f"arrive {number}")

    def computed(self):
        self.said.append("computed")


class Step(nn.Module):
    """A block that says when it computes."""

    def __init__(self, name, said):
        super().__init__()
        self.name, self.said = name, said
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        self.said.append(f"compute {self.name}")
        return self.linear(x)


class Network(nn.Module):
    """Calls its blocks in an order that may be changed."""

    def __init__(self, said, names="abc"):
        super().__init__()
        self.steps = nn.ModuleList(Step(name, said) for name in names)
        self.order = range(len(names))

    def forward(self, x):
        for number in self.order:
            x = self.steps[number](x)
        return x


@pytest.fixture
def lane():
    return SlowLane()


@pytest.fixture
def network(lane):
    torch.manual_seed(0)
    return Network(lane.said).requires_grad_(False)


def called(network, lane):
    """What one call writes down, and its result."""
    lane.said.clear()
    lane.copies = 0
    result = network(torch.ones(1, 4))
    return lane.said.copy(), result


def test_the_next_block_is_fetched_while_one_computes_and_before_its_memory_is_free(network, lane):
    wanted = network(torch.ones(1, 4))
    offload = Offload(PLAN, lane)
    offload.register(network)
    said, first = called(network, lane)
    assert said[:5] == ["fetch 0", "arrive 0", "compute a", "computed", "fetch 1"], "nothing was known of the order"
    called(network, lane)
    said, third = called(network, lane)
    assert said == [
        *("arrive 3", "compute a", "fetch 0", "computed"),
        *("arrive 0", "compute b", "fetch 1", "computed"),
        *("arrive 1", "compute c", "fetch 2", "computed"),
    ]
    assert torch.equal(first, wanted) and torch.equal(third, wanted)


def test_another_order_than_last_time_computes_the_same(network, lane):
    offload = Offload(PLAN, lane)
    offload.register(network)
    called(network, lane)
    network.order = (2, 1, 0)
    wanted = network.steps[0].linear(network.steps[1].linear(network.steps[2].linear(torch.ones(1, 4))))
    assert torch.equal(called(network, lane)[1], wanted)


def test_tensors_are_the_own_ones_after_everything_is_unloaded(network, lane):
    own = {name: tensor.data_ptr() for name, tensor in network.named_parameters()}
    offload = Offload(PLAN, lane)
    offload.register(network)
    called(network, lane)
    called(network, lane)
    offload.unload_all()
    assert {name: tensor.data_ptr() for name, tensor in network.named_parameters()} == own
    with torch.no_grad():
        network.steps[0].linear.weight.fill_(0.0)
    assert torch.equal(called(network, lane)[1], network.steps[2].linear(network.steps[1].linear(network.steps[0].linear.bias[None])))


def test_a_call_that_fails_leaves_nothing_on_the_device(network, lane):
    offload = Offload(PLAN, lane)
    offload.register(network)
    wanted = called(network, lane)[1]
    failing = network.steps[1].linear.register_forward_pre_hook(lambda module, inputs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        network(torch.ones(1, 4))
    failing.remove()
    assert torch.equal(called(network, lane)[1], wanted)
    offload.unload_all()
    assert offload._blocks._there == []


def test_large_blocks_are_split_and_every_number_is_in_one():
    class Block(nn.Module):
        def __init__(self, count):
            super().__init__()
            self.resnets = nn.ModuleList(nn.Linear(8, 8) for _ in range(count))

    network = nn.Module()
    network.first, network.steps = nn.Linear(8, 8), nn.ModuleList([Block(1), Block(30)])
    found = list(blocks(network))
    assert len(found) == 32 and sum(isinstance(block, nn.Linear) for block in found) == 31
    numbers = [id(parameter) for block in found for parameter in block.parameters()]
    assert sorted(numbers) == sorted(id(parameter) for parameter in network.parameters())
