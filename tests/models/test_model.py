"""What a loaded model does beyond loading: the same numbers every time, previews, tiles, kernels, words of its own."""

import io
import sys

import pytest
import torch
from diffusers.models.autoencoders.vae import DecoderTiny
from PIL import Image
from safetensors.torch import save_file
from torch.nn.functional import scaled_dot_product_attention

from tests import tiny
from webui.core.job import Plan
from webui.core.stopping import stoppable
from webui.errors import CheckpointError, JobCancelled, RequestError
from webui.models import attention
from webui.models.conditioning import Conditioning
from webui.models.preview_decoders import LONGEST, PreviewDecoders, linear
from webui.models.seamless import seamless

PLAN = Plan(channels_last=True)


@pytest.fixture
def model(model_cache):
    return model_cache.get("tiny", None, PLAN)


def psnr(a, b):
    return float(10 * torch.log10(b.abs().max() ** 2 / (a - b).square().mean().clamp_min(1e-30)))


def inputs(count, size=16):
    generator = torch.Generator().manual_seed(count)
    return (
        torch.randn(count, 4, size, size, generator=generator),
        torch.rand(count, generator=generator) * 999,
        torch.randn(count, 77, tiny.WIDTH, generator=generator),
    )


def test_the_same_numbers_every_time(folder, model, model_cache):
    x, steps, cond = inputs(2)
    first, picture = model.predict(x, steps, Conditioning(cond)), model.decode(x)
    for _ in range(3):
        assert torch.equal(model.predict(x.clone(), steps.clone(), Conditioning(cond.clone())), first)
        assert torch.equal(model.decode(x.clone()), picture)
    model_cache.unload()
    again = model_cache.get("tiny", None, PLAN)
    assert again is not model
    assert torch.equal(again.predict(x, steps, Conditioning(cond)), first)


@pytest.mark.parametrize("call", ["predict", "decode", "encode_image"])
def test_a_call_may_be_stopped_on_its_way(model, call):
    x, steps, cond = inputs(1)
    seen = []

    def check():
        seen.append(1)
        if len(seen) == 3:
            raise JobCancelled("stopped")

    calls = {
        "predict": lambda: model.predict(x, steps, Conditioning(cond)),
        "decode": lambda: model.decode(x),
        "encode_image": lambda: model.encode_image(torch.zeros(1, 3, 64, 64)),
    }
    whole = calls[call]()
    with pytest.raises(JobCancelled), stoppable(check):
        calls[call]()
    assert torch.equal(calls[call](), whole), "and the next one is as if nothing had been"


def test_attention_in_parts_is_the_same_to_the_last_bit_and_may_be_stopped():
    query, key, value = (torch.randn(1, 2, attention.MOST_QUERIES + 700, 8) for _ in range(3))
    points = []
    with stoppable(lambda: points.append(1)):
        parts = attention.in_parts(scaled_dot_product_attention, query, key, value)
    assert torch.equal(parts, scaled_dot_product_attention(query, key, value)) and len(points) == 9


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_picture_is_the_same_in_any_batch(model, count):
    x, steps, cond = inputs(count)
    together = model.predict(x, steps, Conditioning(cond))
    alone = torch.cat([model.predict(x[i : i + 1], steps[i : i + 1], Conditioning(cond[i : i + 1])) for i in range(count)])
    assert psnr(together, alone) > 100


def test_inputs_are_left_alone(model):
    x, steps, cond = inputs(1)
    before = x.clone(), steps.clone(), cond.clone()
    model.predict(x, steps, Conditioning(cond))
    model.decode(x)
    assert all(torch.equal(a, b) for a, b in zip(before, (x, steps, cond), strict=True))


def test_predictions_may_be_changed_in_place(model):
    x, steps, cond = inputs(1)
    out = model.predict(x, steps, Conditioning(cond))
    out.mul_(2)
    assert not out.is_inference()


@pytest.mark.parametrize("name", ["tiled", "sdpa"])
def test_kernels_agree(model, name):
    x, steps, cond = inputs(1, 48)
    wanted = model.predict(x, steps, Conditioning(cond))
    attention.choose(model.unet, name)
    assert psnr(model.predict(x, steps, Conditioning(cond)), wanted) > 90


def test_xformers_that_is_not_there_is_said(model):
    there = attention.xformers_present()  # then it has no kernel for a CPU
    with pytest.raises(RequestError, match="built for another" if there else "xformers is not installed"):
        attention.choose(model.unet, "xformers")


def test_xformers_of_another_build_is_said(model, tmp_path, monkeypatch):
    """As xformers 0.0.35 does under a torch that it was not built for: the import goes well, the call does not."""
    (tmp_path / "xformers").mkdir()
    (tmp_path / "xformers" / "__init__.py").touch()
    (tmp_path / "xformers" / "ops.py").write_text("def memory_efficient_attention(*_):\n    raise NotImplementedError('no operator')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RequestError, match="built for another torch.*Choose sdpa"):
        attention.choose(model.unet, "xformers")
    for name in ("xformers", "xformers.ops"):
        sys.modules.pop(name, None)


def test_seamless_pictures_roll(model):
    """A picture on a torus: rolling what goes in rolls what comes out, and only within the block."""
    x = torch.randn(1, 4, 8, 8)
    rolled = torch.roll(x, (2, 3), (2, 3))
    with seamless(model):
        assert psnr(model.decode(rolled), torch.roll(model.decode(x), (16, 24), (2, 3))) > 80
    assert psnr(model.decode(rolled), torch.roll(model.decode(x), (16, 24), (2, 3))) < 60
    with seamless(model, on=False):
        assert model.unet.conv_in.padding_mode == "zeros"


def test_embeddings_that_fit_are_words(folder, model_cache, library):
    vectors = torch.randn(2, tiny.WIDTH)
    save_file({"emb_params": vectors.half()}, folder / "embeddings" / "fox.safetensors")
    save_file({"<cat>": vectors[0]}, folder / "embeddings" / "cat.safetensors")
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "old"}, folder / "embeddings" / "old.pt")
    save_file({"emb_params": torch.randn(2, 768)}, folder / "embeddings" / "wide.safetensors")
    (folder / "embeddings" / "broken.pt").write_bytes(b"not at all")
    words = model_cache.get("tiny", None, PLAN).embeddings
    assert sorted(words) == ["cat", "fox", "old"]
    assert torch.equal(words["old"][0], vectors)
    assert torch.equal(words["fox"][0], vectors.half().float())
    assert words["cat"][0].shape == (1, tiny.WIDTH)


def test_linear_previews_are_the_published_map():
    latents = torch.zeros(4, 2, 3)
    latents[0] = 1
    table = ((0.5, 0.0, -0.5), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.2, 0.0))
    assert torch.allclose(linear(latents, table)[:, 0, 0], torch.tensor([0.75, 0.6, 0.25]))


def test_a_map_is_fitted_where_none_is_told(model, library):
    """The fit must be nearer to decoded pictures than their mean colour is."""
    assert model.latent_rgb is None
    many = torch.randn(64, 4, 2, 2, generator=torch.Generator().manual_seed(1)).repeat_interleave(4, 2).repeat_interleave(4, 3)
    frame = PreviewDecoders(library).frame(model, many[0])
    assert frame.size == (8, 8)
    assert model.latent_rgb is not None
    assert len(model.latent_rgb) == 5
    decoded = torch.nn.functional.avg_pool2d(model.decode(many), 8)
    shown = torch.stack([linear(latents, model.latent_rgb) for latents in many])
    assert (shown - decoded).square().mean() < (decoded - decoded.mean((0, 2, 3), keepdim=True)).square().mean()


def test_frames_are_jpegs_of_the_pictures_shape(model, library):
    width, height, data = PreviewDecoders(library).jpeg(model, torch.randn(4, 8, 16))
    assert (width, height) == (128, 64)
    assert Image.open(io.BytesIO(data)).size == (128, 64)
    assert PreviewDecoders(library).jpeg(model, torch.randn(4, 128, 64))[:2] == (LONGEST // 2, LONGEST)


def test_the_whole_vae_as_preview(model, library):
    assert PreviewDecoders(library).frame(model, torch.randn(4, 8, 8), "full").size == (64, 64)


def test_taesd_when_its_file_is_there(folder, model, library):
    model.latent_space = "sd1"
    latents = torch.randn(4, 8, 8)
    assert PreviewDecoders(library).frame(model, latents, "taesd").size == (8, 8)
    torch.manual_seed(0)
    decoder = DecoderTiny(4, 3, (3, 3, 3, 1), (64,) * 4, 2, "relu", "nearest").requires_grad_(False)
    names = {f"{int(name.split('.')[1]) + 1}.{name.split('.', 2)[2]}": tensor for name, tensor in decoder.state_dict().items()}
    save_file(names, folder / "VAE-approx" / "taesd_decoder.safetensors")
    library.scan()
    shown = PreviewDecoders(library).frame(model, latents, "taesd")
    wanted = decoder(latents[None])[0].add(1).div(2).clamp(0, 1).mul(255).round().byte()
    assert shown.size == (64, 64)
    assert torch.equal(torch.frombuffer(bytearray(shown.tobytes()), dtype=torch.uint8).reshape(64, 64, 3).permute(2, 0, 1), wanted)
    save_file({"1.weight": torch.zeros(1)}, folder / "VAE-approx" / "taesd_decoder.safetensors")
    with pytest.raises(CheckpointError, match="taesd_decoder"):
        PreviewDecoders(library).frame(model, latents, "taesd")


@pytest.mark.parametrize("mode", ["model", "sequential"])
def test_offloading_computes_the_same(folder, model_cache, mode):
    """With the CPU as the device the weights go nowhere, but every hook runs."""
    x, steps, cond = inputs(1)
    plain = model_cache.get("tiny", None, Plan(channels_last=False))
    wanted = (
        plain.predict(x, steps, Conditioning(cond)),
        plain.decode(x),
        plain.encode_image(torch.zeros(1, 3, 64, 64)),
        plain.text_encoder(torch.zeros(1, 77, dtype=torch.long)).last_hidden_state,
    )
    model = model_cache.get("tiny", None, Plan(channels_last=False, offload=mode))
    found = (
        model.predict(x, steps, Conditioning(cond)),
        model.decode(x),
        model.encode_image(torch.zeros(1, 3, 64, 64)),
        model.text_encoder(torch.zeros(1, 77, dtype=torch.long)).last_hidden_state,
    )
    assert all(torch.equal(a, b) for a, b in zip(wanted, found, strict=True))
