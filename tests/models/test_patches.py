"""Patches are on for one call: a UNet with one that changes nothing answers to the last bit as without, and nothing stays behind."""

import pytest
import torch
from torch import nn

from tests import tiny
from webui.engine.model_runner import group_requests
from webui.generation.device import ForwardRequest
from webui.models import attention
from webui.models.conditioning import Conditioning
from webui.models.patches import OwnAttention, UNetPatch, applied, has_blocks, in_the_middle, self_attentions


class Blocks(UNetPatch):
    changes_blocks = True

    def __init__(self):
        self.left_at, self.joined = [], 0

    def left(self, number, h, skip):
        self.left_at.append((number, tuple(h.shape[1:])))
        return h, skip

    def join(self, h, skip):
        self.joined += 1
        return h, skip


@pytest.fixture
def unet():
    found = tiny.parts(0, 4)[0]
    attention.choose(found, "sdpa")
    return found


def answer(unet, height=8, width=8):
    generator = torch.Generator().manual_seed(3)
    x, context = torch.randn(2, 4, height, width, generator=generator), torch.randn(2, 77, tiny.WIDTH, generator=generator)
    with torch.no_grad():
        return unet(x, torch.tensor([500.0, 20.0]), context, return_dict=False)[0]


@pytest.mark.parametrize("size", [(8, 8), (9, 14)])
def test_blocks_that_nothing_is_done_to_answer_as_diffusers_own(unet, size):
    plain, patch = answer(unet, *size), Blocks()
    with applied(unet, [patch], size):
        assert torch.equal(answer(unet, *size), plain)
    assert [number for number, _ in patch.left_at] == [1, 2, 3, 4, 5] and patch.joined == 6
    patch.joined = 0
    assert torch.equal(answer(unet, *size), plain) and patch.joined == 0


def test_an_attention_of_its_own_is_taken_off_again_also_after_an_error(unet):
    class Silent(UNetPatch):
        def attention(self, site, processor):
            return OwnAttention(lambda attn, tokens: torch.zeros_like(tokens)) if site.name.startswith("mid_block.") else processor

    before = {name: module.processor for name, module in self_attentions(unet)}
    with pytest.raises(ZeroDivisionError), applied(unet, [Silent()], (8, 8)):
        changed = [name for name, module in self_attentions(unet) if module.processor is not before[name]]
        raise ZeroDivisionError
    assert changed == ["mid_block.attentions.0.transformer_blocks.0.attn1"]
    assert {name: module.processor for name, module in self_attentions(unet)} == before


def test_a_network_of_another_make_has_no_such_places():
    other = nn.Sequential(nn.Linear(2, 2))
    assert not has_blocks(other) and not in_the_middle(other)
    with applied(other, [Blocks()], (8, 8)) if has_blocks(other) else applied(other, [], (8, 8)):
        assert other(torch.ones(2)).shape == (2,)


def request(*patches):
    class Network:
        weights_key = "one"

    cond = Conditioning(torch.zeros(1, 77, 3), patches=patches)
    return ForwardRequest(Network(), torch.zeros(1, 4, 8, 8), torch.zeros(1), cond)


def test_only_calls_with_equal_patches_go_through_the_network_together():
    class Named(UNetPatch):
        def __init__(self, key):
            self.named = key

        @property
        def key(self):
            return self.named

    mine = UNetPatch()
    calls = [request(), request(Named("a")), request(), request(Named("a")), request(Named("b")), request(mine), request(UNetPatch())]
    assert group_requests(calls) == [[0, 2], [1, 3], [4], [5], [6]]
