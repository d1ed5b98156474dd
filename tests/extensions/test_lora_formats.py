"""Every kind of adapter on a tiny model: the changed weight against its formula in numpy, and the base again after it."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from tests.whole_requests import resolved
from webui.core.job import Plan
from webui.core.registry import Registry
from webui.errors import CheckpointError
from webui.generation.conditioning import EncodeInputs, encode, read_texts
from webui.library import Library
from webui.library.lora_keys import KINDS, left_out
from webui.models.adapters import LoraUse
from webui.models.cache import ModelCache
from webui.models.conditioning import Conditioning
from webui.models.patcher import patched
from webui.plugins.manager import Extensions

RANK = 3
MID = "mid_block.attentions.0"
SQUARE, WIDE = f"unet.{MID}.transformer_blocks.0.attn1.to_v", f"unet.{MID}.transformer_blocks.0.ff.net.2"
POINT, CONV = f"unet.{MID}.proj_in", "unet.down_blocks.0.resnets.0.conv1"
TEXT, NORM = "text_encoder.text_model.encoder.layers.1.mlp.fc1", f"unet.{MID}.transformer_blocks.0.norm1"
LAYERS = (SQUARE, WIDE, POINT, CONV, TEXT)
EPSILON = 2.0**-23


@pytest.fixture(scope="module")
def loaders():
    extensions = Extensions("engine")
    extensions.load([Path("extensions")], off=["aspect_calculator", "detail_euler", "film_grain"])
    assert extensions.failed() == ()
    registry = Registry("LoRA loader", "prompt")
    for _ in extensions.call("register_lora_loaders", register=registry.register):
        pass
    return registry


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "Lora").mkdir()
    tiny.write(folder / "Stable-diffusion" / "tiny.safetensors")
    library = Library([folder])
    return folder / "Lora", library, ModelCache(library).get("tiny", None, Plan(channels_last=False))


@pytest.fixture(scope="module")
def names():
    return (f"case{number}" for number in itertools.count())


def layer_of(model, layer):
    part, _, name = layer.partition(".")
    return getattr(model, part).get_submodule(name.removeprefix("text_model."))


def drawn(seed):
    generator = np.random.default_rng(seed)
    return lambda *shape: generator.standard_normal(shape)


def kohya(layer):
    return layer.replace("unet.", "lora_unet_", 1).replace("text_encoder.", "lora_te_", 1).replace(".", "_")


def flat(weight):
    return weight.reshape(len(weight), -1)


# The formulas: each gives the file's parts for a weight of this shape, and the weight at a strength ------------------------------


def lora(shape, draw, alpha):
    up, down = draw(shape[0], RANK), draw(RANK, *shape[1:])
    parts = {"lora_up.weight": up.reshape(shape[0], RANK, *[1] * (len(shape) - 2)), "lora_down.weight": down}
    return parts, lambda weight: alpha / RANK * (up @ flat(down)).reshape(shape)


def lora_flat(shape, draw, alpha):
    """Matrices, whatever the layer is."""
    up, down = draw(shape[0], RANK), draw(RANK, math.prod(shape[1:]))
    return {"lora_up.weight": up, "lora_down.weight": down}, lambda weight: alpha / RANK * (up @ down).reshape(shape)


def locon_mid(shape, draw, alpha):
    up, down, mid = draw(shape[0], RANK, 1, 1), draw(RANK, shape[1], 1, 1), draw(RANK, RANK, *shape[2:])

    def delta(weight):
        found = np.zeros(shape)
        for y, x in itertools.product(range(shape[2]), range(shape[3])):
            found[:, :, y, x] = up[:, :, 0, 0] @ mid[:, :, y, x] @ down[:, :, 0, 0]
        return alpha / RANK * found

    return {"lora_up.weight": up, "lora_down.weight": down, "lora_mid.weight": mid}, delta


def loha(shape, draw, alpha):
    rows, columns = shape[0], math.prod(shape[1:])
    a1, b1, a2, b2 = draw(rows, RANK), draw(RANK, columns), draw(rows, RANK), draw(RANK, columns)
    parts = {"hada_w1_a": a1, "hada_w1_b": b1, "hada_w2_a": a2, "hada_w2_b": b2}
    return parts, lambda weight: alpha / RANK * ((a1 @ b1) * (a2 @ b2)).reshape(shape)


def tucker(core, a, b):
    """Σ core[i,j,y,x]·a[i,o]·b[j,c]"""
    return np.stack([[a.T @ core[:, :, y, x] @ b for x in range(core.shape[3])] for y in range(core.shape[2])]).transpose(2, 3, 0, 1)


def loha_tucker(shape, draw, alpha):
    pairs = [(draw(RANK, RANK, *shape[2:]), draw(RANK, shape[0]), draw(RANK, shape[1])) for _ in range(2)]
    parts = {}
    for number, (core, a, b) in enumerate(pairs, 1):
        parts |= {f"hada_t{number}": core, f"hada_w{number}_a": a, f"hada_w{number}_b": b}
    return parts, lambda weight: alpha / RANK * tucker(*pairs[0]) * tucker(*pairs[1])


def lokr(first_is_whole, second):
    def made(shape, draw, alpha):
        rows, columns = shape[0] // 4, shape[1] // 4
        parts, scale = {}, alpha / RANK
        if first_is_whole:
            first = parts["lokr_w1"] = draw(4, 4)
        else:
            parts |= {"lokr_w1_a": draw(4, RANK), "lokr_w1_b": draw(RANK, 4)}
            first = parts["lokr_w1_a"] @ parts["lokr_w1_b"]
        if second == "whole":
            inner = parts["lokr_w2"] = draw(rows, columns, *shape[2:])
            scale = 1.0 if first_is_whole else scale
        elif second == "tucker":
            core, a, b = draw(RANK, RANK, *shape[2:]), draw(RANK, rows), draw(RANK, columns)
            parts |= {"lokr_t2": core, "lokr_w2_a": a, "lokr_w2_b": b}
            inner = tucker(core, a, b)
        else:
            parts |= {"lokr_w2_a": draw(rows, RANK), "lokr_w2_b": draw(RANK, columns * math.prod(shape[2:]))}
            inner = (parts["lokr_w2_a"] @ parts["lokr_w2_b"]).reshape(rows, columns, *shape[2:])
        product = np.zeros(shape)
        for i, j in itertools.product(range(4), range(4)):
            product[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns] = first[i, j] * inner
        return parts, lambda weight: scale * product

    return made


def glora(shape, draw, alpha):
    rows, columns, places = shape[0], shape[1], math.prod(shape[2:])
    a1, a2, b1, b2 = draw(columns, RANK), draw(RANK, columns), draw(rows, RANK), draw(RANK, columns * places)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2.reshape(RANK, *shape[1:])}

    def delta(weight):
        turned = np.einsum("oip,ij->ojp", weight.reshape(rows, columns, places), a1 @ a2)
        return alpha / RANK * (turned.reshape(shape) + (b1 @ b2).reshape(shape))

    return parts, delta


def glora_old(shape, draw, alpha):
    columns = math.prod(shape[1:])
    a1, a2, b1, b2 = draw(RANK, columns), draw(columns, RANK), draw(RANK, columns), draw(shape[0], RANK)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2}
    return parts, lambda weight: alpha / RANK * (b2 @ b1 + flat(weight) @ a2 @ a1).reshape(shape)


LINEAR_KINDS = {
    "lora": (lora, LAYERS),
    "lora-flat": (lora_flat, LAYERS),
    "locon-mid": (locon_mid, (CONV,)),
    "loha": (loha, LAYERS),
    "loha-tucker": (loha_tucker, (CONV,)),
    "lokr-whole": (lokr(True, "whole"), LAYERS),
    "lokr-second": (lokr(True, "product"), LAYERS),
    "lokr-first": (lokr(False, "whole"), LAYERS),
    "lokr-both": (lokr(False, "product"), LAYERS),
    "lokr-tucker": (lokr(True, "tucker"), (CONV,)),
    "glora": (glora, LAYERS),
    "glora-old": (glora_old, (SQUARE, POINT)),
}


def write(folder, library, name, tensors, metadata=None, dtype=torch.float32):
    held = {key: torch.as_tensor(np.ascontiguousarray(value)) for key, value in tensors.items()}
    held = {key: value.to(dtype) if value.is_floating_point() else value for key, value in held.items()}
    save_file(held, folder / f"{name}.safetensors", metadata=metadata)
    library.scan()
    assert left_out(held) == "", left_out(held)
    return {key: value.double().numpy() for key, value in held.items()}


def check(place, loaders, name, wanted, text=0.5, unet=0.8, atol=2e-4):
    """The model with a file on has the wanted weights, without a note; and its own again after it, bit for bit."""
    _, library, model = place
    before = {key: tensor.clone() for part in (model.unet, model.text_encoder) for key, tensor in part.state_dict().items()}
    with patched(model, [LoraUse(name, text, unet)], library, loaders) as notes:
        assert notes == ()
        for (layer, parameter), make in wanted.items():
            tensor = getattr(layer_of(model, layer), parameter)
            own = model.weights.bases()[tensor].double().numpy()
            expected = make(own, text if layer.startswith("text") else unet)
            assert np.abs(expected - own).max() > 1e-3
            np.testing.assert_allclose(tensor.double().numpy(), expected, atol=atol, rtol=1e-4)
    after = {key: tensor for part in (model.unet, model.text_encoder) for key, tensor in part.state_dict().items()}
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("alpha", [2.0, None])
@pytest.mark.parametrize("kind", LINEAR_KINDS)
def test_what_is_added_is_as_the_formula_has_it(place, loaders, names, kind, alpha):
    folder, library, model = place
    make, layers = LINEAR_KINDS[kind]
    tensors, wanted, name = {}, {}, next(names)
    for number, layer in enumerate(layers):
        parts, delta = make(tuple(layer_of(model, layer).weight.shape), drawn(number), RANK if alpha is None else alpha)
        tensors |= {f"{kohya(layer)}.{part}": value for part, value in parts.items()}
        if alpha is not None:
            tensors[f"{kohya(layer)}.alpha"] = np.array(alpha)
        wanted[layer, "weight"] = lambda weight, strength, delta=delta: weight + strength * delta(weight)
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_a_file_may_be_in_any_precision(place, loaders, names, dtype):
    folder, library, model = place
    name, key = next(names), kohya(SQUARE)
    parts, _ = lora(tuple(layer_of(model, SQUARE).weight.shape), drawn(1), 1.0)
    held = write(folder, library, name, {f"{key}.{part}": value for part, value in parts.items()}, dtype=dtype)
    up, down = held[f"{key}.lora_up.weight"], held[f"{key}.lora_down.weight"]
    check(place, loaders, name, {(SQUARE, "weight"): lambda weight, strength: weight + strength * up @ down})


def test_a_product_is_rounded_before_it_is_added_as_in_forge(place, loaders, names):
    """To the bit: added within the multiplication it is right as well, and the picture is 7 dB further from Forge's (`g-lora`)."""
    folder, library, model = place
    name, key = next(names), kohya(SQUARE)
    parts, _ = lora(tuple(layer_of(model, SQUARE).weight.shape), drawn(1), 1.0)
    held = write(folder, library, name, {f"{key}.{part}": value for part, value in parts.items()})
    up, down = (torch.from_numpy(held[f"{key}.lora_{part}.weight"].astype(np.float32)) for part in ("up", "down"))
    with patched(model, [LoraUse(name, 0.5, 0.7)], library, loaders):
        weight = layer_of(model, SQUARE).weight
        assert torch.equal(weight.data, model.weights.bases()[weight] + 0.7 * (up @ down))


DECOMPOSED = [
    *itertools.product(("lora", "locon-mid", "loha", "loha-tucker", "lokr-second", "glora"), ("out", "in")),
    *itertools.product(("lora", "locon-mid"), ("magnitude",)),
    *itertools.product(("lora", "lokr-both"), ("flat",)),
]


@pytest.mark.parametrize(("kind", "axis"), DECOMPOSED)
def test_a_decomposed_weight(place, loaders, names, kind, axis):
    folder, library, model = place
    make, layers = LINEAR_KINDS[kind]
    tensors, wanted, name = {}, {}, next(names)
    for number, layer in enumerate(layers):
        shape = tuple(layer_of(model, layer).weight.shape)
        if axis == "flat" and shape[0] == shape[1]:
            continue
        draw = drawn(number)
        parts, delta = make(shape, draw, 2.0)
        ones = [1] * (len(shape) - 2)
        sizes = {"out": (shape[0], 1, *ones), "in": (1, shape[1], *ones), "magnitude": (shape[0],), "flat": (shape[1],)}
        scale = draw(*sizes[axis]) + 2
        parts["lora_magnitude_vector.weight" if axis == "magnitude" else "dora_scale"] = scale
        tensors |= {f"{kohya(layer)}.{part}": value for part, value in parts.items()} | {f"{kohya(layer)}.alpha": np.array(2.0)}

        def expected(weight, strength, delta=delta, scale=scale, shape=shape, ones=ones):
            changed = weight + delta(weight)
            rows, columns = (shape[0], 1, *ones), (1, shape[1], *ones)
            if axis in ("in", "flat"):
                norm = np.sqrt((changed**2).sum(axis=(0, *range(2, len(shape))))).reshape(columns)
                scaled = changed * scale.reshape(columns) / (norm + EPSILON)
            else:
                norm = np.sqrt(((weight if axis == "out" else changed) ** 2).sum(axis=tuple(range(1, len(shape))))).reshape(rows)
                scaled = changed * scale.reshape(rows) / (norm + EPSILON)
            return weight + strength * (scaled - weight)

        wanted[layer, "weight"] = expected
    assert wanted
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted, atol=1e-3)


def test_differences_of_weights_and_biases_and_norms(place, loaders, names):
    folder, library, model = place
    name, tensors, wanted, draw = next(names), {}, {}, drawn(1)
    for layer, weight_part, bias_part in (
        (WIDE, "diff", "diff_b"),
        (CONV, "diff", "diff_b"),
        (TEXT, "diff", "diff_b"),
        (NORM, "w_norm", "b_norm"),
    ):
        for part, parameter in ((weight_part, "weight"), (bias_part, "bias")):
            value = tensors[f"{kohya(layer)}.{part}"] = draw(*getattr(layer_of(model, layer), parameter).shape)
            wanted[layer, parameter] = lambda weight, strength, value=value: weight + strength * value
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


def test_a_whole_weight_takes_the_place_at_any_strength(place, loaders, names):
    folder, library, model = place
    name, tensors, wanted, draw = next(names), {}, {}, drawn(1)
    for layer in LAYERS:
        value = tensors[f"{kohya(layer)}.set_weight"] = draw(*layer_of(model, layer).weight.shape)
        wanted[layer, "weight"] = lambda weight, strength, value=value: value
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


@pytest.mark.parametrize("on_input", [0, 1])
def test_rows_or_columns_are_scaled(place, loaders, names, on_input):
    folder, library, model = place
    name, tensors, wanted, draw = next(names), {}, {}, drawn(1)
    for layer in LAYERS:
        shape = layer_of(model, layer).weight.shape
        value = draw(shape[1 if on_input else 0])
        tensors |= {f"{kohya(layer)}.weight": value.reshape(1, -1), f"{kohya(layer)}.on_input": np.array(on_input)}
        sides = (1, -1, *[1] * (len(shape) - 2)) if on_input else (-1, *[1] * (len(shape) - 1))
        wanted[layer, "weight"] = lambda weight, strength, value=value, sides=sides: weight * (1 + strength * value.reshape(sides))
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


def cayley(blocks, most=0.0):
    skew = blocks - np.swapaxes(blocks, -1, -2)
    norm = np.sqrt((skew**2).sum())
    if most and norm > most:
        skew = skew * most / norm
    still = np.eye(skew.shape[-1])
    return (still + skew) @ np.linalg.inv(still - skew)


@pytest.mark.parametrize(("alpha", "rescaled"), [(None, False), (0.0, True), (1e-2, False), (1e-2, True)])
def test_rows_are_rotated_block_by_block(place, loaders, names, alpha, rescaled):
    folder, library, model = place
    name, tensors, wanted, draw = next(names), {}, {}, drawn(1)
    for layer in LAYERS:
        shape, key = tuple(layer_of(model, layer).weight.shape), kohya(layer)
        blocks = tensors[f"{key}.oft_blocks"] = draw(4, shape[0] // 4, shape[0] // 4)
        if alpha is not None:
            tensors[f"{key}.alpha"] = np.array(alpha)
        factors = np.ones(shape[0])
        if rescaled:
            factors = draw(shape[0]) / 4 + 1
            tensors[f"{key}.rescale"] = factors.reshape(-1, *[1] * (len(shape) - 1))

        def expected(weight, strength, blocks=blocks, factors=factors, shape=shape):
            turned = np.zeros((shape[0], math.prod(shape[1:])))
            size = shape[0] // 4
            for number, block in enumerate(cayley(blocks, (alpha or 0.0) * shape[0])):
                rows = slice(number * size, (number + 1) * size)
                turned[rows] = block.T @ flat(weight)[rows]
            mixed = flat(weight) + strength * (turned - flat(weight))
            return (mixed * (1 + strength * (factors - 1))[:, None]).reshape(shape)

        wanted[layer, "weight"] = expected
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


def test_rotations_keep_lengths(place, loaders, names):
    folder, library, model = place
    name, layer = next(names), layer_of(model, SQUARE)
    before = layer.weight.clone()
    write(folder, library, name, {f"{kohya(SQUARE)}.oft_blocks": drawn(3)(3, 4, 8, 8)})
    with patched(model, [LoraUse(name)], library, loaders):
        assert torch.allclose(layer.weight.norm(dim=0), before.norm(dim=0), rtol=1e-4)
        assert not torch.allclose(layer.weight, before, atol=1e-2)


@pytest.mark.parametrize("blocks", [0, 1])
@pytest.mark.parametrize("trainer", ["peft", "onetrainer", "onetrainer scaled"])
def test_rotated_inputs(place, loaders, names, trainer, blocks):
    """PEFT's layer sees its input times R; OneTrainer's convolution has its kernels times R."""
    folder, library, model = place
    name, tensors, wanted, draw = next(names), {}, {}, drawn(1)
    for layer in LAYERS:
        shape = tuple(layer_of(model, layer).weight.shape)
        inputs = math.prod(shape[1:])
        vectors = draw(blocks or inputs // 4, 6) / 4
        key = f"base_model.model.{layer}" if trainer == "peft" else kohya(layer)
        tensors[f"{key}.oft_R.weight"] = vectors
        if trainer == "onetrainer scaled":
            tensors[f"{key}.oft_R.scaled_oft"] = np.array(1.0)
        factor = 1 / (2 * math.sqrt(3)) if trainer == "onetrainer scaled" else 1.0

        def expected(weight, strength, vectors=vectors * factor, inputs=inputs, shape=shape):
            whole = np.zeros((inputs, inputs))
            for number in range(inputs // 4):
                skew = np.zeros((4, 4))
                skew[np.triu_indices(4, 1)] = vectors[number % len(vectors)]
                skew -= skew.T
                rows = slice(number * 4, number * 4 + 4)
                power = np.linalg.matrix_power
                whole[rows, rows] = np.eye(4) + 2 * skew + 2 * power(skew, 2) + 2 * power(skew, 3) + power(skew, 4)
            kernels = trainer != "peft" and len(shape) == 4
            turned = flat(weight) @ (whole if kernels else whole.T)
            return (flat(weight) + strength * (turned - flat(weight))).reshape(shape)

        wanted[layer, "weight"] = expected
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


def test_butterflies(place, loaders, names):
    """Each factor as the matrix that it is: block-diagonal between a permutation and its inverse (BOFT's equation 5)."""
    folder, library, model = place
    name, tensors, wanted, draw = next(names), {}, {}, drawn(1)
    for layer in (SQUARE, WIDE, POINT):
        shape = tuple(layer_of(model, layer).weight.shape)
        blocks = tensors[f"{kohya(layer)}.oft_blocks"] = draw(3, 8, 4, 4)

        def expected(weight, strength, blocks=blocks, shape=shape):
            turned = flat(weight)
            for number, rotations in enumerate(cayley(blocks)):
                step = 2**number * 2
                order = [c * 2 * step + g * step + k for c in range(shape[0] // (2 * step)) for k in range(step) for g in range(2)]
                permutation = np.eye(shape[0])[order]
                diagonal = np.zeros((shape[0], shape[0]))
                for place, rotation in enumerate(rotations):
                    rows = slice(place * 4, place * 4 + 4)
                    diagonal[rows, rows] = np.eye(4) + strength * (rotation - np.eye(4))
                turned = permutation.T @ diagonal @ permutation @ turned
            return turned.reshape(shape)

        wanted[layer, "weight"] = expected
    write(folder, library, name, tensors)
    check(place, loaders, name, wanted)


def test_lycoris_first_rotations_are_stored_as_they_are(place, loaders, names):
    folder, library, model = place
    name, rotations = next(names), cayley(drawn(2)(4, 8, 8))
    write(folder, library, name, {f"{kohya(SQUARE)}.oft_diag": rotations})

    def expected(weight, strength):
        turned = np.concatenate([rotation.T @ weight[i * 8 : i * 8 + 8] for i, rotation in enumerate(rotations)])
        return weight + strength * (turned - weight)

    check(place, loaders, name, {(SQUARE, "weight"): expected})


# Names ------------------------------------------------------------------------------------------------------------------------------

UP_DOWN = {
    "kohya": ("lora_up.weight", "lora_down.weight"),
    "peft": ("lora_B.weight", "lora_A.weight"),
    "peft-named": ("lora_B.default.weight", "lora_A.default.weight"),
    "diffusers": ("lora.up.weight", "lora.down.weight"),
    "linear": ("lora_linear_layer.up.weight", "lora_linear_layer.down.weight"),
}
COMPVIS = "middle_block.1.transformer_blocks.0.attn1.to_v"
STYLES = [
    (SQUARE, kohya(SQUARE), "kohya"),
    (SQUARE, "lora_unet_" + COMPVIS.replace(".", "_"), "kohya"),
    (SQUARE, SQUARE.replace("unet.", "lycoris_").replace(".", "_"), "kohya"),
    (SQUARE, "diffusion_model." + COMPVIS, "peft"),
    (SQUARE, "diffusion_model." + COMPVIS, "kohya"),
    (SQUARE, SQUARE, "peft"),
    (SQUARE, SQUARE, "diffusers"),
    (SQUARE, SQUARE.removeprefix("unet."), "peft"),
    (SQUARE, "base_model.model." + SQUARE.removeprefix("unet."), "peft"),
    (SQUARE, "base_model.model." + SQUARE.removeprefix("unet."), "peft-named"),
    (TEXT, "lora_te_text_model_encoder_layers_1_mlp_fc1", "kohya"),
    (TEXT, "lora_te1_text_model_encoder_layers_1_mlp_fc1", "kohya"),
    (TEXT, TEXT, "linear"),
    (TEXT, TEXT, "peft"),
    (TEXT, TEXT, "diffusers"),
    (TEXT, "base_model.model.text_model.encoder.layers.1.mlp.fc1", "peft"),
    (TEXT, "clip_l.transformer.text_model.encoder.layers.1.mlp.fc1", "kohya"),
    (TEXT, "text_encoders.clip_l.transformer.text_model.encoder.layers.1.mlp.fc1", "peft"),
]


@pytest.mark.parametrize(("layer", "key", "style"), STYLES)
def test_names_of_every_trainer(place, loaders, names, layer, key, style):
    folder, library, model = place
    name, draw, shape = next(names), drawn(1), layer_of(model, layer).weight.shape
    up, down = draw(shape[0], RANK), draw(RANK, shape[1])
    ends = UP_DOWN[style]
    write(folder, library, name, {f"{key}.{ends[0]}": up, f"{key}.{ends[1]}": down})
    check(place, loaders, name, {(layer, "weight"): lambda weight, strength: weight + strength * up @ down})


@pytest.mark.parametrize("start", ["unet.", ""])
@pytest.mark.parametrize(("key", "place_in_model"), [("processor.to_v", "to_v"), ("processor.to_out", "to_out.0")])
def test_names_of_diffusers_attention_processors(place, loaders, names, start, key, place_in_model):
    folder, library, model = place
    name, draw = next(names), drawn(1)
    block = f"{MID}.transformer_blocks.0.attn1"
    up, down = draw(32, RANK), draw(RANK, 32)
    write(folder, library, name, {f"{start}{block}.{key}_lora.up.weight": up, f"{start}{block}.{key}_lora.down.weight": down})
    check(place, loaders, name, {(f"unet.{block}.{place_in_model}", "weight"): lambda weight, strength: weight + strength * up @ down})


def test_a_bias_of_peft(place, loaders, names):
    folder, library, model = place
    name, draw = next(names), drawn(1)
    up, down, bias = draw(32, RANK), draw(RANK, 128), draw(32)
    write(folder, library, name, {f"{WIDE}.lora_B.weight": up, f"{WIDE}.lora_A.weight": down, f"{WIDE}.lora_B.bias": bias})
    wanted = {
        (WIDE, "weight"): lambda weight, strength: weight + strength * up @ down,
        (WIDE, "bias"): lambda weight, strength: weight + strength * bias,
    }
    check(place, loaders, name, wanted)


# Files that hold several kinds, or are broken ---------------------------------------------------------------------------------------


def test_a_layer_with_two_kinds_has_the_last_and_the_other_is_told(place, loaders, names):
    folder, library, model = place
    name, shape = next(names), tuple(layer_of(model, SQUARE).weight.shape)
    first, second = lora(shape, drawn(1), 1.0)[0], drawn(2)(*shape)
    tensors = {f"{kohya(SQUARE)}.{part}": torch.tensor(value) for part, value in (*first.items(), ("diff", second))}
    save_file(tensors, folder / f"{name}.safetensors")
    library.scan()
    said = "2 of its 3 tensors are"
    assert said in left_out(tensors)
    before = layer_of(model, SQUARE).weight.clone()
    with patched(model, [LoraUse(name)], library, loaders) as notes:
        assert len(notes) == 1 and said in notes[0] and "plain LoRA" in notes[0]
        assert torch.allclose(layer_of(model, SQUARE).weight, before + torch.tensor(second).float())


def hostile():
    """Tensors of one layer that do not make a change of its weight."""
    ok = {"lora_up.weight": torch.ones(32, RANK), "lora_down.weight": torch.ones(RANK, 32)}
    yield "ranks that differ", ok | {"lora_up.weight": torch.ones(32, 4)}, "none of its 1 layers fits"
    yield "no rank", {"lora_up.weight": torch.ones(32, 0), "lora_down.weight": torch.ones(0, 32)}, "none of its 1 layers fits"
    yield "another size", ok | {"lora_down.weight": torch.ones(RANK, 8)}, "none of its 1 layers fits"
    yield (
        "rows and columns changed",
        {"lora_up.weight": torch.ones(16, RANK), "lora_down.weight": torch.ones(RANK, 64)},
        "none of its 1 layers",
    )
    yield "scalars", {"lora_up.weight": torch.tensor(1.0), "lora_down.weight": torch.tensor(1.0)}, "none of its 1 layers fits"
    yield "half of it", {"lora_up.weight": torch.ones(32, RANK)}, "nothing in it can be read"
    yield "no whole LoHa", {name: torch.ones(32, 3) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a")}, "nothing in it can be read"
    yield "several alphas", ok | {"alpha": torch.ones(5)}, "none of its 1 layers fits"
    yield "another core", ok | {"lora_mid.weight": torch.ones(2, 2, 3, 3)}, "none of its 1 layers fits"
    yield "LoKr of another size", {"lokr_w1": torch.ones(3, 3), "lokr_w2": torch.ones(8, 8)}, "none of its 1 layers fits"
    yield "neither GLoRA", {f"{part}.weight": torch.ones(5, 7) for part in ("a1", "a2", "b1", "b2")}, "none of its 1 layers fits"
    yield "blocks that are not square", {"oft_blocks": torch.ones(4, 8, 7)}, "none of its 1 layers fits"
    yield "blocks of another layer", {"oft_blocks": torch.ones(4, 4, 4)}, "none of its 1 layers fits"
    yield "too many butterflies", {"oft_blocks": torch.zeros(9, 8, 4, 4)}, "none of its 1 layers fits"
    yield "a triangle that is none", {"oft_R.weight": torch.ones(8, 5)}, "none of its 1 layers fits"
    yield "input blocks of another layer", {"oft_R.weight": torch.ones(3, 6)}, "none of its 1 layers fits"
    yield "an empty triangle", {"oft_R.weight": torch.ones(8, 0)}, "none of its 1 layers fits"
    yield "IA3 of another size", {"weight": torch.ones(7), "on_input": torch.tensor(0)}, "none of its 1 layers fits"
    yield "a difference turned on its side", {"diff": torch.ones(16, 64)}, "none of its 1 layers fits"
    yield "a weight of another size", {"set_weight": torch.ones(1, 32)}, "none of its 1 layers fits"
    yield "a DoRA scale of another size", ok | {"dora_scale": torch.ones(7)}, "none of its 1 layers fits"
    yield "a bias where there is none", {"diff_b": torch.ones(32)}, "none of its 1 layers fits"


@pytest.mark.parametrize(("tensors", "said"), [case[1:] for case in hostile()], ids=[case[0] for case in hostile()])
def test_what_does_not_fit_is_a_note(place, loaders, names, tensors, said):
    folder, library, model = place
    name = next(names)
    save_file({f"{kohya(SQUARE)}.{part}": tensor for part, tensor in tensors.items()}, folder / f"{name}.safetensors")
    library.scan()
    before = layer_of(model, SQUARE).weight.clone()
    with patched(model, [LoraUse(name)], library, loaders) as notes:
        assert len(notes) == 1 and notes[0].startswith(f"LoRA '{name}' was left out: ") and said in notes[0]
        assert torch.equal(layer_of(model, SQUARE).weight, before)


@pytest.mark.parametrize("part", ["lora_up.weight", "lora_down.weight", "alpha", "dora_scale"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_numbers_that_are_none_fail_by_the_files_name(place, loaders, names, part, value):
    folder, library, model = place
    name = next(names)
    tensors = {"lora_up.weight": torch.full((32, RANK), 10.0), "lora_down.weight": torch.ones(RANK, 32), "alpha": torch.tensor(1e3)}
    tensors[part] = torch.full_like(tensors.get(part, torch.ones(32, 1)), value)
    save_file({f"{kohya(SQUARE)}.{key}": tensor for key, tensor in tensors.items()}, folder / f"{name}.safetensors")
    library.scan()
    with pytest.raises(CheckpointError, match=f"LoRA '{name}' holds NaN or Inf"), patched(model, [LoraUse(name)], library, loaders):
        pass


@pytest.mark.parametrize("key", ["string_to_param.*", "clip_l", "emb_params"])
def test_embeddings_in_a_file_are_words_while_it_is_on(place, loaders, names, key):
    folder, library, model = place
    name = next(names)
    tensors = {f"{kohya(SQUARE)}.{part}": torch.tensor(value) for part, value in lora((32, 32), drawn(1), 1.0)[0].items()}
    tensors[f"bundle_emb.fox.{key}"] = torch.ones(2, tiny.WIDTH)
    save_file(tensors, folder / f"{name}.safetensors")
    library.scan()
    texts, request = read_texts("a fox", ""), resolved()
    plain = encode(EncodeInputs(texts, request, 1), model).positive[0].at(0).cond
    with patched(model, [LoraUse(name)], library, loaders) as notes:
        assert notes == () and torch.equal(model.embeddings["fox"][0], torch.ones(2, tiny.WIDTH))
        assert not torch.equal(encode(EncodeInputs(texts, request, 1), model).positive[0].at(0).cond, plain)
    assert "fox" not in model.embeddings and torch.equal(encode(EncodeInputs(texts, request, 1), model).positive[0].at(0).cond, plain)


def test_an_embedding_of_another_model_in_a_file_is_told(place, loaders, names):
    folder, library, model = place
    name = next(names)
    tensors = {f"{kohya(SQUARE)}.{part}": torch.tensor(value) for part, value in lora((32, 32), drawn(1), 1.0)[0].items()}
    save_file(tensors | {"bundle_emb.fox.clip_l": torch.ones(2, 7)}, folder / f"{name}.safetensors")
    library.scan()
    with patched(model, [LoraUse(name)], library, loaders) as notes:
        assert len(notes) == 1 and "the embedding 'fox' in it was left out: it was made for another kind of model" in notes[0]


def test_odd_embeddings_and_other_models_parts_are_told(place, loaders, names):
    folder, library, model = place
    name = next(names)
    tensors = {f"{kohya(SQUARE)}.{part}": torch.tensor(value) for part, value in lora((32, 32), drawn(1), 1.0)[0].items()}
    tensors |= {"bundle_emb.fox.odd.*": torch.ones(2, 3, 16), "lora_te3_x.lora_up.weight": torch.ones(2, 2)}
    save_file(tensors, folder / f"{name}.safetensors")
    library.scan()
    said = "2 of its 4 tensors are"
    assert said in left_out(tensors)
    with patched(model, [LoraUse(name)], library, loaders) as notes:
        assert len(notes) == 1 and said in notes[0] and "1 of embeddings" in notes[0] and "1 of a third text encoder" in notes[0]


ENDS = {"up": "lora_up.weight", "down": "lora_down.weight", "up_bias": "lora_B.bias", "diff_bias": "diff_b", "norm": "w_norm"}
ENDS |= {"norm_bias": "b_norm", "set": "set_weight", "ia3": "weight", "oft_inputs": "oft_R.weight"}
ENDS |= {part: f"{part}.weight" for part in ("a1", "a2", "b1", "b2")}


def test_every_kind_in_the_list_of_kinds_is_read(loaders):
    """What the list of models counts as read is what the loader reads."""
    loader = next(iter(loaders))
    for kind in KINDS:
        for need in kind.needs:
            names = frozenset(f"lora_unet_x.{ENDS.get(part, part)}" for part in need)
            assert loader.matches(names) and left_out(names) == "", (kind, need)


def test_a_picture_changes_with_it_and_comes_back_without(place, loaders, names):
    folder, library, model = place
    name = next(names)
    write(folder, library, name, {f"{kohya(SQUARE)}.{part}": value for part, value in lora((32, 32), drawn(1), 1.0)[0].items()})
    inputs = torch.randn(1, 4, 8, 8), torch.tensor([500.0]), Conditioning(torch.randn(1, 77, tiny.WIDTH))
    plain = model.predict(*inputs)
    with patched(model, [LoraUse(name)], library, loaders):
        assert not torch.equal(model.predict(*inputs), plain)
    assert torch.equal(model.predict(*inputs), plain)
