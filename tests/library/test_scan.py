"""Model files are found where A1111, Forge and ComfyUI keep them, by the names people use, and a broken one is listed with its reason."""

import errno
import json
import os
import struct

import pytest

from tests.core.test_foreign import write_in_place
from webui.errors import CheckpointError, RequestError
from webui.library import Library, read_header

SD1 = {"cond_stage_model.transformer.text_model.x": (1,), "model.diffusion_model.input_blocks.0.0.weight": (32, 4, 3, 3)}
LORA = {"lora_unet_x.lora_down.weight": (4, 8)}


def write(path, shapes=SD1, metadata=None, cut=0):
    """A safetensors file of zeros with these shapes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header, offset = {"__metadata__": metadata or {}}, 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(offset)
    path.write_bytes(data[: len(data) - cut])
    return path


def test_folders_of_a1111_comfyui_and_a_plain_one(tmp_path):
    write(tmp_path / "a1111" / "models" / "Stable-diffusion" / "sub" / "one.safetensors")
    write(tmp_path / "a1111" / "embeddings" / "fox.safetensors", {"emb_params": (1, 8)})
    write(tmp_path / "comfy" / "models" / "checkpoints" / "two.safetensors")
    write(tmp_path / "comfy" / "models" / "loras" / "style.safetensors", LORA)
    write(tmp_path / "plain" / "three.safetensors")
    write(tmp_path / "plain" / "look.safetensors", LORA)
    library = Library([tmp_path / "a1111", tmp_path / "comfy", tmp_path / "plain", tmp_path / "missing"])
    assert [model.name for model in library.models("checkpoint")] == ["sub/one", "three", "two"]
    assert [model.name for model in library.models("lora")] == ["look", "style"]
    assert [model.name for model in library.models("embedding")] == ["fox"]


@pytest.mark.parametrize("name", ["sub/one", "one", "ONE.safetensors", "sub\\one", "sub/one.safetensors"])
def test_names_people_use(tmp_path, name):
    write(tmp_path / "Stable-diffusion" / "sub" / "one.safetensors")
    library = Library([tmp_path])
    found = library.find("checkpoint", name)
    assert found.name == "sub/one"
    assert library.find("checkpoint", library.title(found)) == found
    assert library.find("checkpoint", f"renamed [{library.sha256(found)[:10]}]") == found


def test_unknown_and_ambiguous_names_are_explained(tmp_path):
    write(tmp_path / "Stable-diffusion" / "a" / "fox.safetensors")
    write(tmp_path / "Stable-diffusion" / "b" / "fox.safetensors")
    library = Library([tmp_path])
    with pytest.raises(RequestError, match="a/fox, b/fox") as caught:
        library.find("checkpoint", "fox")
    assert caught.value.field == "checkpoint"
    with pytest.raises(RequestError, match="Did you mean"):
        library.find("checkpoint", "fxo")
    with pytest.raises(RequestError, match="Put one into models/VAE"):
        library.find("vae", "any")
    with pytest.raises(RequestError, match="no checkpoint named"):
        library.find("checkpoint", "fox [0000000000]")


def test_what_is_meant_is_a_whole_file_that_holds_the_word(tmp_path):
    for name in ("another", "big model [7460a6fa]", "third"):
        write(tmp_path / "Stable-diffusion" / f"{name}.safetensors")
    (tmp_path / "Stable-diffusion" / "a model.safetensors").write_bytes(b"broken")
    library = Library([tmp_path])
    with pytest.raises(RequestError, match=r"Did you mean big model \[7460a6fa\]\?"):
        library.find("checkpoint", "Model")
    with pytest.raises(RequestError, match=r"There are another, big model \[7460a6fa\], third\."):  # nothing like it: nothing is guessed
        library.find("checkpoint", "quux")


def test_a_file_added_later_is_found_without_a_refresh(tmp_path):
    (tmp_path / "Stable-diffusion").mkdir()
    library = Library([tmp_path])
    assert library.models("checkpoint") == ()
    write(tmp_path / "Stable-diffusion" / "new.safetensors")
    assert library.find("checkpoint", "new").name == "new"


def test_the_same_file_through_a_link_loop_is_listed_once(tmp_path):
    write(tmp_path / "Stable-diffusion" / "one.safetensors")
    (tmp_path / "Stable-diffusion" / "again").symlink_to(tmp_path / "Stable-diffusion")
    assert len(Library([tmp_path]).models("checkpoint")) == 1


def test_broken_files_are_listed_with_their_reason(tmp_path):
    folder = tmp_path / "Stable-diffusion"
    write(folder / "cut.safetensors", cut=10)
    (folder / "text.safetensors").write_text("<html>not found</html>")
    (folder / "empty.safetensors").touch()
    errors = {model.name: model.error for model in Library([tmp_path]).models("checkpoint")}
    assert "10 bytes are missing" in errors["cut"]
    assert "is a web page" in errors["text"] and "header does not fit" in errors["empty"]


@pytest.mark.parametrize("body", [b"[]", b'{"a": 1}', b'{"a": {"shape": [1]}}', b"{"])
def test_headers_that_are_not(tmp_path, body):
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(body)) + body)
    with pytest.raises(CheckpointError, match="x.safetensors"):
        read_header(path)


def test_native_defaults_come_from_the_file(tmp_path):
    native = json.dumps({"width": 128, "height": 128, "guidance": 4.0})
    write(tmp_path / "Stable-diffusion" / "tiny.safetensors", metadata={"darkroom.native": native, "prediction_type": "v_prediction"})
    model = Library([tmp_path]).find("checkpoint", "tiny")
    assert (model.native.width, model.native.guidance, model.native.steps, model.prediction) == (128, 4.0, 20, "v")


@pytest.mark.parametrize(
    ("shapes", "family", "variant"),
    [
        (SD1, "sd1", ""),
        ({**SD1, "model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3)}, "sd1", "inpaint"),
        ({**SD1, "model.diffusion_model.input_blocks.0.0.weight": (320, 8, 3, 3)}, "sd1", "ip2p"),
        ({"cond_stage_model.model.x": (1,), "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "sd2", ""),
        ({"conditioner.embedders.0.transformer.x": (1,), "conditioner.embedders.1.model.x": (1,)}, "sdxl", ""),
        ({"conditioner.embedders.0.model.x": (1,)}, "sdxl-refiner", ""),
        ({"model.diffusion_model.joint_blocks.0.x": (1,)}, "sd3", ""),
        ({"double_blocks.0.x": (1,)}, "flux", ""),
    ],
)
def test_families_by_tensor_names(tmp_path, shapes, family, variant):
    write(tmp_path / "Stable-diffusion" / "m.safetensors", shapes)
    model = Library([tmp_path]).models("checkpoint")[0]
    assert (model.family, model.variant) == (family, variant)


def test_hash_and_header_are_read_once_and_again_when_the_file_changes(tmp_path):
    path = write(tmp_path / "Stable-diffusion" / "one.safetensors")
    cache = tmp_path / "cache" / "library.json"
    first = Library([tmp_path], cache)
    digest = first.sha256(first.find("checkpoint", "one"))
    cache.write_text(cache.read_text().replace(digest, "1" * 64))
    unchanged = Library([tmp_path], cache)
    assert unchanged.sha256(unchanged.find("checkpoint", "one")) == "1" * 64, "the cache was not used"
    write_in_place(path, path.read_bytes()[:-1] + b"x")
    changed = Library([tmp_path], cache)
    assert changed.sha256(changed.find("checkpoint", "one")) not in (digest, "1" * 64)


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no such time")
def test_a_file_written_in_its_place_with_its_old_time_is_read_again(tmp_path):
    path = write(tmp_path / "Stable-diffusion" / "one.safetensors")
    library = Library([tmp_path], tmp_path / "cache.json")
    before, version = library.find("checkpoint", "one"), library.version
    digest = library.sha256(before)
    write_in_place(path, path.read_bytes()[:-1] + b"x")
    after = library.find("checkpoint", "one")
    rewritten = library.sha256(after)
    assert after.identity != before.identity and rewritten != digest
    library.scan()
    assert library.version != version
    moved = path.rename(path.with_name("two.safetensors"))
    again = Library([tmp_path], tmp_path / "cache.json")
    assert again.hashes(again.find("checkpoint", moved.stem)).sha256 == rewritten, "a new name is no new content"


def test_a_broken_cache_is_no_error(tmp_path):
    write(tmp_path / "Stable-diffusion" / "one.safetensors")
    cache = tmp_path / "library.json"
    cache.write_text("{")
    assert Library([tmp_path], cache).find("checkpoint", "one").family == "sd1"


@pytest.mark.timeout(60)
def test_a_very_long_name_is_looked_up_in_linear_time(tmp_path):
    """200,000 spaces took 42 seconds."""
    library = Library((tmp_path,))
    for name in (" " * 200_000 + "x", "[abcdef" * 30_000, "x" + " " * 200_000 + "[abcdef]", "[" * 200_000):
        with pytest.raises(RequestError):
            library.find("checkpoint", name)


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path, monkeypatch):
    write(tmp_path / "models" / "Lora" / "one.safetensors")
    scandir = os.scandir

    def closed(folder="."):
        if os.fspath(folder).endswith("Lora"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)
    library = Library([tmp_path / "models"])
    assert f"{tmp_path / 'models' / 'Lora'} (lora: it cannot be looked into: Permission denied)" in library.looked_at


def test_embeddings_beside_a_folder_of_models_are_found_and_the_folders_are_told(tmp_path):
    """`--models-dir ~/stable-diffusion-webui/models`: A1111 keeps its embeddings one folder up."""
    write(tmp_path / "models" / "Stable-diffusion" / "one.safetensors")
    write(tmp_path / "embeddings" / "sub" / "fox.safetensors", {"emb_params": (2, 768)})
    write(tmp_path / "embeddings" / "odd.safetensors", {"x": (1,), "y": (1,)})
    library = Library([tmp_path / "models"])
    notes = {model.name: model.note for model in library.models("embedding")}
    assert notes == {"sub/fox": "For text encoders that are 768 wide.", "odd": "It holds no vectors that are read."}
    assert f"{tmp_path / 'embeddings'} (embedding: 2)" in library.looked_at
    assert f"{tmp_path / 'models' / 'Stable-diffusion'} (checkpoint: 1)" in library.looked_at
    write(tmp_path / "embeddings" / "new.safetensors", {"emb_params": (2, 768)})
    library.look()
    assert len(library.models("embedding")) == 3


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pt"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "is a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"<html>404</html>", "is a web page"),
    ],
)
def test_what_was_downloaded_in_the_place_of_weights_is_said(tmp_path, suffix, content, said):
    for folder in ("Stable-diffusion", "Lora", "embeddings"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"a{suffix}").write_bytes(content)
    library = Library([tmp_path])
    for kind in ("checkpoint", "lora", "embedding"):
        (model,) = library.models(kind)
        assert said in model.error, (kind, model.error)
