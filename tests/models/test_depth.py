"""MiDaS of SD 2's depth checkpoints: the file's own names, any shape of picture, and what it leaves behind."""

import pytest
import torch

from tests.models import folders, tiny_depth
from webui.core.job import Plan
from webui.errors import CheckpointError
from webui.library import Library
from webui.models.cache import ModelCache
from webui.models.depth import nearness, seen_size
from webui.models.model import DEPTH

FILE = "Stable-diffusion/depth.safetensors"
PLAN = Plan(threads=1, channels_last=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_depth.write(folder / FILE, tiny_depth.state())
    return folder


def loaded(folder, name="depth", plan=PLAN):
    return ModelCache(Library([folder])).get(name, None, plan)


@pytest.mark.parametrize("size", [(384, 384), (576, 384), (384, 512)])
def test_it_says_what_midas_says(folder, size):
    model = loaded(folder)
    assert model.variant == "depth"
    pixels = torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(1)) * 2 - 1
    wanted = tiny_depth.midas(tiny_depth.state(), pixels)
    found = model.nearness(pixels)
    assert found.shape == wanted.shape and float(wanted.std()) > 0.01
    assert torch.allclose(found, wanted, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("size", "seen"),
    [((512, 512), (384, 384)), ((64, 64), (384, 384)), ((768, 512), (576, 384)), ((512, 768), (384, 576)), ((640, 512), (480, 384))],
)
def test_a_picture_is_seen_in_its_shape(size, seen):
    assert seen_size(*size) == seen


def test_weights_rest_as_the_file_has_them_and_are_computed_with_in_float32(tmp_path, folder):
    tiny_depth.write(tmp_path / FILE, tiny_depth.state(), dtype=torch.float16)
    model = loaded(tmp_path, plan=Plan(threads=1, channels_last=False, dtype="bfloat16"))
    network = model.components[DEPTH]
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float16}
    pixels = torch.rand(1, 3, 384, 384) * 2 - 1
    halved = {name: tensor.half().float() for name, tensor in tiny_depth.state().items()}
    found = model.nearness(pixels)
    assert found.dtype == torch.float32 and torch.allclose(found, tiny_depth.midas(halved, pixels), atol=2e-5, rtol=1e-4)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float16}
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_batch_is_seen_picture_by_picture(folder):
    network = loaded(folder).components[DEPTH]
    pixels = torch.rand(2, 3, 64, 64) * 2 - 1
    both = nearness(network, pixels, torch.device("cpu"))
    assert torch.allclose(both[1:], nearness(network, pixels[1:], torch.device("cpu")), atol=1e-5)


def test_a_file_without_midas_sees_no_depth(tmp_path):
    tiny_depth.write(tmp_path / FILE, {})
    model = loaded(tmp_path)
    assert model.variant == "depth" and DEPTH not in model.components
    assert model.nearness(torch.zeros(1, 3, 64, 64)) is None


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("scratch.output_conv.4.bias", "lacks 1 tensors of DPTForDepthEstimation, the first is head.head.4.bias"),
        ("pretrained.model.blocks.2.attn.qkv.weight", "lacks 3 tensors of DPTForDepthEstimation"),
    ],
)
def test_a_torn_midas_is_a_sentence(tmp_path, lost, said):
    tiny_depth.write(tmp_path / FILE, {name: tensor for name, tensor in tiny_depth.state().items() if name != lost})
    with pytest.raises(CheckpointError, match=said):
        loaded(tmp_path)


def test_a_lying_configuration_is_a_sentence(tmp_path):
    tiny_depth.write(tmp_path / FILE, tiny_depth.state(), tiny_depth.CONFIG | {"num_attention_heads": 5})
    with pytest.raises(CheckpointError, match="its configuration does not make a Stable Diffusion 2.x model"):
        loaded(tmp_path)


def test_a_folder_of_diffusers_has_the_same_midas(tmp_path, folder):
    single = loaded(folder)
    parts = dict(single.components)
    folders.write_folder(tmp_path / "Stable-diffusion" / "mine", "StableDiffusionDepth2ImgPipeline", parts)
    found = loaded(tmp_path, "mine")
    assert (found.family, found.variant) == ("sd2", "depth")
    for name, part in parts.items():
        theirs = part.state_dict()
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in found.components[name].state_dict().items()), name
    pixels = torch.rand(1, 3, 64, 64) * 2 - 1
    assert torch.equal(found.nearness(pixels), single.nearness(pixels))


def test_a_folder_without_its_midas_is_a_sentence(tmp_path, folder):
    parts = {name: part for name, part in loaded(folder).components.items() if name != DEPTH}
    folders.write_folder(tmp_path / "Stable-diffusion" / "mine", "StableDiffusionDepth2ImgPipeline", parts)
    with pytest.raises(CheckpointError, match="names no depth_estimator"):
        loaded(tmp_path, "mine")
