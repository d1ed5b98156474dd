"""Model files saved anew: every number where it was, in the type that was asked for, and nothing replaced."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from webui.core.foreign import identity_of
from webui.errors import CheckpointError, StorageError
from webui.library import ModelFile
from webui.models.convert import convert
from webui.models.weights import open_weights


def model(path: Path) -> ModelFile:
    return ModelFile(kind="checkpoint", name=path.stem, path=path, size=path.stat().st_size, identity=identity_of(path))


def quiet(done: int, of: int) -> None:
    assert 0 < done <= of


WEIGHTS = {
    "model.diffusion_model.a.weight": torch.randn(6, 4),
    "model.diffusion_model.a.bias": torch.randn(6),
    "first_stage_model.decoder.b.weight": torch.randn(3, 3, 2, 2),
    "cond_stage_model.position_ids": torch.arange(7).reshape(1, 7),
    "alphas": torch.randn(5, dtype=torch.float64),
    "empty": torch.zeros(0, 4),
    "one": torch.tensor(2.5),
}


def test_a_pickled_checkpoint_becomes_safetensors_with_the_same_numbers(tmp_path):
    torch.save({"state_dict": {**WEIGHTS, "turned": torch.randn(4, 6).t()}, "global_step": 7}, tmp_path / "old.ckpt")
    (tmp_path / "old.yaml").write_text("model: {}")
    (tmp_path / "old.preview.png").write_bytes(b"png")
    (tmp_path / "older.txt").write_text("another's")
    made = convert(model(tmp_path / "old.ckpt"), "keep", quiet)
    assert made == tmp_path / "old.safetensors"
    found, wanted = load_file(made), open_weights(tmp_path / "old.ckpt").tensors
    assert found.keys() == wanted.keys() >= WEIGHTS.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    assert open_weights(made).metadata == {"darkroom.converted_from": "old.ckpt"}
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize(("to", "short", "dtype"), [("float16", "fp16", torch.float16), ("bfloat16", "bf16", torch.bfloat16)])
def test_the_type_is_changed_and_whole_numbers_are_not(tmp_path, to, short, dtype):
    kept = {"ss_network_dim": "4", "sshs_model_hash": "of the old bytes", "modelspec.hash_sha256": "too"}
    save_file(WEIGHTS, tmp_path / "a.safetensors", metadata=kept)
    (tmp_path / "a.civitai.info").write_text("{}")
    made = convert(model(tmp_path / "a.safetensors"), to, quiet)
    assert made.name == f"a-{short}.safetensors" and (tmp_path / f"a-{short}.civitai.info").read_text() == "{}"
    for name, tensor in load_file(made).items():
        wanted = WEIGHTS[name] if name.endswith("ids") else WEIGHTS[name].to(dtype)
        assert tensor.dtype == wanted.dtype and torch.equal(tensor, wanted), name
    assert open_weights(made).metadata == {"ss_network_dim": "4", "darkroom.converted_from": "a.safetensors"}


def test_float8_is_for_matrices_outside_the_vae(tmp_path):
    save_file(WEIGHTS, tmp_path / "a.safetensors")
    found = load_file(convert(model(tmp_path / "a.safetensors"), "float8", quiet))
    eight = {name for name, tensor in found.items() if tensor.dtype == torch.float8_e4m3fn}
    assert eight == {"model.diffusion_model.a.weight", "empty"}
    assert found["first_stage_model.decoder.b.weight"].dtype == torch.float16


def test_the_scales_of_eight_bit_weights_are_multiplied_in(tmp_path):
    numbers = torch.randn(4, 4).to(torch.float8_e4m3fn)
    save_file({"a.weight": numbers, "a.scale_weight": torch.tensor(0.5), "scaled_fp8": torch.zeros(1)}, tmp_path / "a.safetensors")
    found = load_file(convert(model(tmp_path / "a.safetensors"), "bfloat16", quiet))
    assert list(found) == ["a.weight"] and torch.equal(found["a.weight"], (numbers.float() * 0.5).bfloat16())


def test_numbers_that_the_type_cannot_hold_are_said_and_nothing_is_left(tmp_path):
    save_file({"a.weight": torch.tensor([[1e6, 1.0]])}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="too large for float16"):
        convert(model(tmp_path / "a.safetensors"), "float16", quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_nothing_is_replaced_and_an_end_leaves_nothing(tmp_path):
    save_file(WEIGHTS, tmp_path / "a.safetensors")
    (tmp_path / "a-fp16.safetensors").write_bytes(b"mine")
    with pytest.raises(StorageError, match="there already"):
        convert(model(tmp_path / "a.safetensors"), "float16", quiet)
    assert (tmp_path / "a-fp16.safetensors").read_bytes() == b"mine"

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(model(tmp_path / "a.safetensors"), "bfloat16", stop)
    assert sorted(os.listdir(tmp_path)) == ["a-fp16.safetensors", "a.safetensors"]


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "bad.ckpt").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="bad.ckpt"):
        convert(model(tmp_path / "bad.ckpt"), "keep", quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.ckpt"]
