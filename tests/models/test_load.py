import json

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file

from tests import tiny
from webui.core.job import Plan
from webui.errors import CheckpointError, JobCancelled, RequestError
from webui.models.conditioning import Conditioning
from webui.models.families import ldm
from webui.models.weights import open_weights

PLAN = Plan(channels_last=False)


def test_every_tensor_arrives(model_cache):
    model = model_cache.get("tiny", None, PLAN)
    for module, original in zip((model.unet, model.vae, model.text_encoder), tiny.parts(), strict=True):
        loaded, wanted = module.state_dict(), original.state_dict()
        assert loaded.keys() == wanted.keys()
        assert all(torch.equal(loaded[name], wanted[name]) for name in wanted)


def test_computes_what_the_original_computes(model_cache):
    model = model_cache.get("tiny", None, PLAN)
    unet, vae, text = tiny.parts()
    x, cond, steps = torch.randn(2, 4, 8, 8), torch.randn(2, 77, tiny.WIDTH), torch.tensor([3.5, 900.0])
    ids = torch.randint(0, 512, (2, 77))
    with torch.no_grad():
        assert torch.equal(model.predict(x, steps, Conditioning(cond)), unet(x, steps, cond).sample)
        assert torch.equal(model.decode(x * 0.18215), vae.decode(x * 0.18215 / 0.18215).sample.add(1).div(2).clamp(0, 1))
        assert torch.equal(model.text_encoder(ids).last_hidden_state, text(ids).last_hidden_state)


def test_names_agree_with_diffusers_own_conversion():
    """Our table against an independent one, for a UNet and a VAE with attention at every level but the last."""
    state = tiny.ldm_state(*tiny.parts())
    ours = ldm.rename(state, ldm.unet_rows(tiny.UNET), ldm.UNET)
    theirs = convert_ldm_unet_checkpoint(dict(state), tiny.UNET | {"class_embed_type": None, "addition_embed_type": None})
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    ours = ldm.flatten_attention(ldm.rename(state, ldm.vae_rows(tiny.VAE), ldm.VAE))
    theirs = convert_ldm_vae_checkpoint(dict(state), tiny.VAE)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_facts_come_from_the_metadata(model_cache):
    model = model_cache.get("tiny", None, PLAN)
    assert (model.name, model.family, model.variant, model.prediction.name) == ("tiny", "sd1", "", "eps")
    assert (model.native.width, model.native.steps, model.text_width) == (64, 4, tiny.WIDTH)
    assert len(model.tokenizer) == 514
    assert len(model.hash) == 64
    levels = model.prediction.table
    alphas = 1 / (1 + levels.sigmas**2)
    assert alphas.shape == (1000,)
    assert float(alphas[0]) == pytest.approx(1 - 0.00085)
    assert float(alphas[-1]) == pytest.approx(0.0046602, rel=1e-4)
    assert (levels.low, levels.high) == pytest.approx((0.029167158, 14.614641229), rel=1e-8)


@pytest.mark.parametrize(("channels", "variant"), [(9, "inpaint"), (8, "ip2p")])
def test_variants_take_their_further_channels(folder, model_cache, channels, variant):
    tiny.write(folder / "Stable-diffusion" / "other.safetensors", in_channels=channels)
    model = model_cache.get("other", None, PLAN)
    assert model.variant == variant
    x, cond, further = torch.randn(1, 4, 8, 8), torch.randn(1, 77, tiny.WIDTH), torch.randn(1, channels - 4, 8, 8)
    out = model.predict(x, torch.tensor([10.0]), Conditioning(cond), concat=further)
    assert out.shape == x.shape
    assert not torch.equal(out, model.predict(x, torch.tensor([10.0]), Conditioning(cond), concat=further + 1))


def test_v_prediction_by_metadata_and_by_yaml(folder, model_cache, checkpoint):
    tiny.write(folder / "Stable-diffusion" / "meta.safetensors", prediction="v_prediction")
    (folder / "Stable-diffusion" / "yaml.safetensors").symlink_to(checkpoint)
    (folder / "Stable-diffusion" / "yaml.yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    assert model_cache.get("meta", None, PLAN).prediction.name == "v"
    assert model_cache.get("yaml", None, PLAN).prediction.name == "v"


def test_dtype_and_layout_follow_the_plan(model_cache):
    model = model_cache.get("tiny", None, Plan(dtype="bfloat16", channels_last=True))
    assert {parameter.dtype for part in (model.unet, model.vae, model.text_encoder) for parameter in part.parameters()} == {torch.bfloat16}
    assert model.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    x = torch.randn(1, 4, 8, 8)
    assert model.predict(x, torch.tensor([10.0]), Conditioning(torch.randn(1, 77, tiny.WIDTH))).dtype == torch.float32
    assert model.decode(x).dtype == torch.float32


def test_latents_survive_a_round_trip_of_types(model_cache):
    model = model_cache.get("tiny", None, PLAN)
    pixels = torch.rand(2, 3, 64, 64) * 2 - 1
    mean = model.encode_image(pixels)
    assert mean.shape == (2, 4, 8, 8)
    assert torch.equal(model.encode_image(pixels, torch.zeros(2, 4, 8, 8)), mean)
    assert not torch.equal(model.encode_image(pixels, torch.ones(2, 4, 8, 8)), mean)


def test_same_again_is_the_loaded_one(model_cache):
    first = model_cache.get("tiny", None, PLAN)
    assert model_cache.get("tiny.safetensors", "Automatic", PLAN) is first
    assert model_cache.loaded == f"tiny [{first.hash[:10]}]", "requests name it so, and the queue compares the two"
    model_cache.unload()
    assert model_cache.loaded == ""
    assert model_cache.get("tiny", None, PLAN) is not first


def test_another_vae_keeps_the_rest(folder, model_cache):
    state = {name.removeprefix(ldm.VAE): tensor for name, tensor in tiny.ldm_state(*tiny.parts(seed=7)).items() if name.startswith(ldm.VAE)}
    save_file(state, folder / "VAE" / "other.safetensors", metadata={"darkroom.vae": json.dumps(tiny.VAE)})
    before = model_cache.get("tiny", None, PLAN)
    unet, own = before.unet, before.decode(torch.ones(1, 4, 8, 8))
    after = model_cache.get("tiny", "other", PLAN)
    assert after.unet is unet
    assert after.vae_name == "other.safetensors"
    assert not torch.equal(after.decode(torch.ones(1, 4, 8, 8)), own)
    assert torch.equal(model_cache.get("tiny", None, PLAN).decode(torch.ones(1, 4, 8, 8)), own)


def test_a_vae_file_in_diffusers_names(folder, model_cache):
    vae = tiny.parts(seed=7)[1]
    save_file(vae.state_dict(), folder / "VAE" / "plain.safetensors", metadata={"darkroom.vae": json.dumps(tiny.VAE)})
    loaded = model_cache.get("tiny", "plain", PLAN).vae.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in vae.state_dict().items())


def test_old_pickle_of_tensors_loads_and_code_does_not_run(folder, model_cache, checkpoint):
    """A .ckpt has no metadata, so it is taken for full size: our narrow one is refused with the first shape that differs."""
    torch.save({"state_dict": load_file(checkpoint)}, folder / "Stable-diffusion" / "old.ckpt")
    with pytest.raises(CheckpointError, match=r"old\.ckpt"):
        model_cache.get("old", None, PLAN)
    marker = folder / "ran"
    torch.save({"state_dict": _Runs(marker)}, folder / "Stable-diffusion" / "evil.ckpt")
    with pytest.raises(CheckpointError, match="holds code"):
        model_cache.get("evil", None, PLAN)
    assert not marker.exists()


class _Runs:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("model.diffusion_model.joint_blocks.0.x", "Stable Diffusion 3"),
        ("double_blocks.0.x", "Flux"),
        ("model.diffusion_model.double_layers.0.x", "AuraFlow"),
    ],
)
def test_other_families_are_refused_by_name(folder, model_cache, name, family):
    save_file({name: torch.zeros(1)}, folder / "Stable-diffusion" / "big.safetensors")
    with pytest.raises(CheckpointError, match=f"big.safetensors is {family}: coming; this version loads SD 1.x, SD 2.x and SDXL"):
        model_cache.get("big", None, PLAN)


def test_broken_files_are_named(folder, model_cache, checkpoint):
    whole = checkpoint.read_bytes()
    for name, content in {"cut": whole[:-1000], "empty": b"", "text": b"hello" * 100, "zip": b"PK\x03\x04" + b"\0" * 50}.items():
        (folder / "Stable-diffusion" / f"{name}.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            model_cache.get(name, None, PLAN)
    (folder / "Stable-diffusion" / "bad.ckpt").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    with pytest.raises(CheckpointError, match=r"bad\.ckpt"):
        model_cache.get("bad", None, PLAN)
    with pytest.raises(RequestError, match="nowhere"):
        model_cache.get("nowhere", None, PLAN)


def test_a_file_that_vanished(folder, model_cache, checkpoint):
    path = tiny.write(folder / "Stable-diffusion" / "gone.safetensors")
    model_cache._library.scan()
    path.unlink()
    with pytest.raises((CheckpointError, RequestError), match="gone"):
        model_cache.get("gone", None, PLAN)


@pytest.mark.parametrize(
    "part",
    ["first_stage_model.decoder.mid.attn_1", "cond_stage_model.transformer.text_model.embeddings.token", "model.diffusion_model.out.2"],
)
def test_missing_tensors_are_named(folder, model_cache, part):
    tiny.write(folder / "Stable-diffusion" / "partial.safetensors", drop=part)
    with pytest.raises(CheckpointError, match=r"partial\.safetensors lacks"):
        model_cache.get("partial", None, PLAN)


def test_tensors_of_training_are_passed_over(folder, model_cache):
    extra = {
        "model_ema.decay": torch.zeros(1),
        ldm.UNET + "strange.weight": torch.zeros(1),
        ldm.TEXT + "text_model.embeddings.position_ids": torch.arange(77)[None],
    }
    tiny.write(folder / "Stable-diffusion" / "rich.safetensors", extra=extra)
    assert model_cache.get("rich", None, PLAN).name == "rich"


def test_a_configuration_that_makes_no_model(folder, model_cache, checkpoint):
    for key, value in {"darkroom.unet": "[]", "darkroom.vae": "{", "darkroom.text_encoder": '{"hidden_size": "wide"}'}.items():
        save_file(load_file(checkpoint), folder / "Stable-diffusion" / "odd.safetensors", metadata=tiny.metadata() | {key: value})
        with pytest.raises(CheckpointError, match=r"odd\.safetensors"):
            model_cache.get("odd", None, PLAN)


def test_cancel_while_loading_leaves_nothing_half_loaded(model_cache):
    def stop(done, of):
        if done > 50:
            raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        model_cache.get("tiny", None, PLAN, stop)
    assert model_cache.loaded == ""
    assert model_cache.get("tiny", None, PLAN).name == "tiny"


def test_progress_rises_to_the_number_of_tensors(model_cache):
    seen = []
    model_cache.get("tiny", None, PLAN, lambda done, of: seen.append((done, of)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({of for _, of in seen}) == 1
    assert all(done <= of for done, of in seen)


class _Inert:
    """Stands for a class of another program's training."""


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrap", ["flat", "state_dict", "twice", "lightning", "numpy", "module", "parameters", "safetensors"])
def test_checkpoints_in_the_wrappings_of_public_files(tmp_path, checkpoint, wrap, legacy):
    import numpy as np

    state = load_file(checkpoint)
    path = tmp_path / ("x.safetensors" if wrap == "module" else "x.ckpt")
    if wrap == "safetensors":
        path.write_bytes(checkpoint.read_bytes())
    else:
        content = {
            "flat": state,
            "state_dict": {"state_dict": state, "epoch": 1},
            "twice": {"model": {"state_dict": state}},
            "lightning": {"state_dict": state, "callbacks": {_Inert: {"best": None}}, "hooks": [_Inert()]},
            "numpy": {"state_dict": state, "step": np.int64(5), "best": np.zeros(3)},
            "module": {"params_ema": {f"module.{name}": tensor for name, tensor in state.items()}},
            "parameters": {"state_dict": {name: torch.nn.Parameter(tensor, requires_grad=False) for name, tensor in state.items()}},
        }[wrap]
        torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    found = open_weights(path).tensors
    assert found.keys() == state.keys() and all(torch.equal(found[name], state[name]) for name in state)
