"""Hypernetworks as A1111 saves them, on a tiny model: what keys and values are taken from, by the formula, and nothing after it."""

import pytest
import torch
from torch import nn

from tests import tiny
from webui.core.job import Plan
from webui.errors import CheckpointError
from webui.models.conditioning import Conditioning
from webui.models.hypernetworks import HypernetworkUse, read_hypernetwork, steered

PLAN = Plan(channels_last=False)
WIDTHS = (16, 32)
CROSS, OWN = "mid_block.attentions.0.transformer_blocks.0.attn2", "mid_block.attentions.0.transformer_blocks.0.attn1"


def networks(width, structure=(1, 2, 1), make=lambda: None, norm=False, seed=0):
    """A1111's two networks for a width, without the dropouts that it has while training."""
    torch.manual_seed(seed)
    pair = []
    for _ in range(2):
        layers = []
        for number in range(len(structure) - 1):
            layers.append(nn.Linear(int(width * structure[number]), int(width * structure[number + 1])))
            if make() is not None and number < len(structure) - 2:
                layers.append(make())
            if norm:
                layers.append(nn.LayerNorm(int(width * structure[number + 1])))
        pair.append(nn.Sequential(*layers))
    return pair


def state(net):
    return {f"linear.{name}": value for name, value in net.state_dict().items()}


def write(path, pairs, **facts):
    path.parent.mkdir(exist_ok=True)
    content = {
        width: tuple({f"linear.{name}": value for name, value in net.state_dict().items()} for net in pair) for width, pair in pairs.items()
    }
    torch.save(content | {"step": 100, "name": "x", "sd_checkpoint": None} | facts, path)


@pytest.fixture
def model(model_cache):
    return model_cache.get("tiny", None, PLAN)


def inputs():
    torch.manual_seed(1)
    return torch.randn(1, 4, 8, 8), torch.tensor([500.0]), Conditioning(torch.randn(1, 77, tiny.WIDTH))


def seen(model, block):
    """What the layers of an attention get: (before hooks, after), for keys and for values."""
    before, after, hooks = {}, {}, []
    for name in ("to_k", "to_v"):
        layer = model.unet.get_submodule(f"{block}.{name}")
        hooks.append(layer.register_forward_hook(lambda module, given, out, name=name: after.update({name: given[0]})))
    attention = model.unet.get_submodule(block)

    def keep(module, args, kwargs):
        context = kwargs.get("encoder_hidden_states")
        before["context"] = args[0] if context is None else context

    hooks.append(attention.register_forward_pre_hook(keep, with_kwargs=True))
    model.predict(*inputs())
    for hook in hooks:
        hook.remove()
    return before["context"], after


@pytest.mark.parametrize("block", [CROSS, OWN])
@pytest.mark.parametrize(
    ("facts", "made"),
    [
        ({}, {}),
        ({"layer_structure": [1, 2, 1], "activation_func": "linear"}, {}),
        ({"layer_structure": [1, 2, 1], "activation_func": "relu", "activate_output": False}, {"make": nn.ReLU}),
        (
            {"layer_structure": [1, 1.5, 2, 1], "activation_func": "swish", "activate_output": False},
            {"make": nn.Hardswish, "structure": (1, 1.5, 2, 1)},
        ),
        ({"layer_structure": [1, 2, 1], "is_layer_norm": True}, {"norm": True}),
        ({"layer_structure": [1, 1], "activation_func": "tanh", "activate_output": False}, {"structure": (1, 1)}),
    ],
)
def test_keys_and_values_come_from_a_changed_context(folder, library, model, block, facts, made):
    pairs = {width: networks(width, seed=width, **made) for width in WIDTHS}
    write(folder / "hypernetworks" / "one.pt", pairs, **facts)
    context, plain = seen(model, block)
    assert torch.equal(plain["to_k"], context)
    with steered(model, [HypernetworkUse("one", 0.8)], library) as notes:
        assert notes == ()
        context, changed = seen(model, block)
        for name, net in zip(("to_k", "to_v"), pairs[context.shape[-1]], strict=True):
            assert torch.allclose(changed[name], context + 0.8 * net(context), atol=1e-5)
    assert torch.equal(seen(model, block)[1]["to_k"], plain["to_k"])


def test_dropouts_of_the_training_count_in_the_names(folder, library, model):
    """A1111's network of four layers with dropouts behind the second and third: their places are part of the tensors' names."""
    torch.manual_seed(3)
    sizes, nets = (16, 32, 32, 32, 16), []
    for _ in range(2):
        layers = []
        for number in range(4):
            layers += [nn.Linear(sizes[number], sizes[number + 1]), *([nn.ReLU()] if number < 3 else [])]
            layers += [nn.Dropout(0.3)] if number < 2 else []
        nets.append(nn.Sequential(*layers).eval())
    facts = {"layer_structure": [1, 2, 2, 2, 1], "activation_func": "relu", "activate_output": False, "use_dropout": True}
    write(folder / "hypernetworks" / "one.pt", {16: nets}, **facts)
    with steered(model, [HypernetworkUse("one")], library) as notes:
        context, changed = seen(model, CROSS)
        assert notes == () and torch.allclose(changed["to_k"], context + nets[0](context), atol=1e-5)


def test_an_activated_output_and_the_first_names(folder, library, model):
    torch.manual_seed(3)
    nets = [nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU()) for _ in range(2)]
    write(folder / "hypernetworks" / "one.pt", {16: nets}, layer_structure=[1, 2, 1], activation_func="relu")
    old = networks(16, seed=9)
    renamed = tuple({f"linear{int(name[0]) + 1}{name[1:]}": value for name, value in net.state_dict().items()} for net in old)
    torch.save({16: renamed}, folder / "hypernetworks" / "old.pt")
    with steered(model, [HypernetworkUse("one", 0.5), HypernetworkUse("old", 2.0)], library) as notes:
        context, changed = seen(model, CROSS)
        after_first = context + 0.5 * nets[1](context)
        assert notes == () and torch.allclose(changed["to_v"], after_first + 2 * old[1](after_first), atol=1e-5)


def test_blocks_of_several_jobs_overlap(folder, library, model):
    write(folder / "hypernetworks" / "one.pt", {width: networks(width) for width in WIDTHS})
    plain, uses = model.predict(*inputs()), [HypernetworkUse("one")]
    with steered(model, uses, library):
        changed = model.predict(*inputs())
        with steered(model, uses, library):
            assert torch.equal(model.predict(*inputs()), changed) and not torch.equal(changed, plain)
        assert torch.equal(model.predict(*inputs()), changed)
    assert torch.equal(model.predict(*inputs()), plain)


def test_what_cannot_be_used_is_a_note(folder, library, model):
    write(folder / "hypernetworks" / "wide.pt", {768: networks(768)})
    write(folder / "hypernetworks" / "odd.pt", {16: networks(16)}, activation_func="eval")
    write(folder / "hypernetworks" / "lies.pt", {16: networks(16)}, layer_structure=[1, 3, 1])
    write(folder / "hypernetworks" / "silly.pt", {16: networks(16)}, layer_structure=[1, 10**9, 1])
    (folder / "hypernetworks" / "broken.pt").write_bytes(b"nothing")
    said = {
        "gone": "There is no hypernetwork named 'gone'",
        "wide": "made for another kind of model (widths 768)",
        "odd": "uses the activation 'eval', which is not known here",
        "lies": "holds other layers than it says",
        "silly": "has layers that make no sense",
        "broken": "broken.pt",
    }
    plain = model.predict(*inputs())
    with steered(model, [HypernetworkUse(name) for name in said], library) as notes:
        assert len(notes) == len(said)
        for name, text in said.items():
            assert any(f"Hypernetwork {name!r} was left out" in note and text in note for note in notes), name
        assert torch.equal(model.predict(*inputs()), plain)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(folder, value):
    pair = networks(16)
    with torch.no_grad():
        pair[0][0].weight[0, 0] = value
    path = folder / "hypernetworks" / "bad.pt"
    write(path, {16: pair})
    with pytest.raises(CheckpointError, match="bad.pt holds NaN or Inf"):
        read_hypernetwork(path)


def test_no_code_of_a_file_runs(folder, library, model, tmp_path):
    class Opens:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    (folder / "hypernetworks").mkdir()
    torch.save({16: (Opens(), Opens())}, folder / "hypernetworks" / "evil.pt")
    with steered(model, [HypernetworkUse("evil")], library) as notes:
        assert len(notes) == 1 and not (tmp_path / "ran").exists()
