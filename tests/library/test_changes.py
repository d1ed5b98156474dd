"""Files that come, go and are replaced while the program runs: what is listed is what is there, with its own hash."""

import json
import os
import shutil
import struct

import pytest

from tests.library.test_scan import LORA, write
from webui.core.protocol import Capabilities
from webui.core.request import parse_request
from webui.errors import FileChanged, RequestError
from webui.library import Library, View
from webui.resolve import ResolveContext, resolve


def replace(path, byte=b"x"):
    """Other content of the same size and time, as a program writes it that replaces files whole."""
    stat = path.stat()
    other = path.with_name(".other")
    other.write_bytes(path.read_bytes()[:-1] + byte)
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "Stable-diffusion" / "one.safetensors")


@pytest.fixture
def library(tmp_path):
    return Library([tmp_path], tmp_path / "library.json")


def test_a_replaced_file_is_found_with_its_new_hash_without_a_refresh(path, library):
    before = library.find("checkpoint", "one")
    title, digest, version = library.title(before), library.sha256(before), library.version
    replace(path)
    after = library.find("checkpoint", "one")
    assert after.identity != before.identity and library.sha256(after) != digest
    assert library.version != version
    with pytest.raises(RequestError, match=r"one.safetensors holds other weights than when this was asked for"):
        library.find("checkpoint", title)


def test_a_file_written_anew_in_place_is_found_too(path, library):
    before = library.find("checkpoint", "one")
    digest = library.sha256(before)
    path.write_bytes(path.read_bytes()[:-1] + b"y")
    os.utime(path, ns=(0, before.identity.mtime_ns + 1))
    assert library.sha256(library.find("checkpoint", "one")) != digest


def test_the_old_hash_is_never_given_to_new_content(path, library):
    before = library.find("checkpoint", "one")
    replace(path)
    with pytest.raises(FileChanged):
        library.sha256(before)


def test_a_deleted_file_is_named(path, library):
    library.find("checkpoint", "one")
    path.unlink()
    with pytest.raises(RequestError, match="no checkpoint"):
        library.find("checkpoint", "one")
    assert library.models("checkpoint") == ()


def test_a_look_sees_what_has_come_and_gone(path, library, tmp_path):
    library.scan()
    write(tmp_path / "Lora" / "sub" / "new.safetensors", LORA)
    library.look()
    assert [model.name for model in library.models("lora")] == ["sub/new"]
    shutil.rmtree(tmp_path / "Lora")
    library.look()
    assert library.models("lora") == ()


def test_a_look_at_folders_that_rest_reads_none_of_them(path, tmp_path, monkeypatch):
    library = Library([tmp_path])
    for folder in (tmp_path, path.parent):
        os.utime(folder, (1, 1))
    library.scan()
    monkeypatch.setattr(library, "scan", lambda: pytest.fail("it scanned"))
    library.look()
    library.meet(library.version)
    assert library.knows("") and library.knows(library.version) and not library.knows("another list")


def test_another_process_looks_again_when_its_list_is_older(path, tmp_path):
    for folder in (tmp_path, path.parent):
        os.utime(folder, (1, 1))
    web, engine = Library([tmp_path]), Library([tmp_path])
    assert web.version == engine.version
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 5))  # in place: no folder has changed
    engine.look()
    stale = engine.models("checkpoint")
    web.scan()
    assert not engine.knows(web.version)
    engine.meet(web.version)
    assert engine.knows(web.version)
    assert engine.version == web.version and engine.models("checkpoint") != stale


def test_a_hash_that_another_process_has_found_is_not_computed_again(path, library, tmp_path):
    other = Library([tmp_path], tmp_path / "library.json")
    other.scan()
    digest = library.sha256(library.find("checkpoint", "one"))
    found = other.find("checkpoint", "one")
    assert other._known_hash(found) == digest
    write(tmp_path / "Lora" / "l.safetensors", LORA)
    other.scan()
    rows = json.loads((tmp_path / "library.json").read_text())["rows"]
    assert rows[str(path)]["hashes"]["sha256"] == digest, "what one process writes is not lost by the other"


@pytest.mark.parametrize("content", ['{"version": 3, "rows": []}', '{"version": 3, "rows": {"x": 5}}', "[" * 5000, "[]", '{"version": 3}'])
def test_a_cache_that_lies_is_as_good_as_none(path, tmp_path, content):
    (tmp_path / "library.json").write_text(content)
    assert Library([tmp_path], tmp_path / "library.json").find("checkpoint", "one").family == "sd1"


def test_facts_that_lie_in_the_cache_are_read_again(path, library, tmp_path):
    library.scan()
    content = json.loads((tmp_path / "library.json").read_text())
    content["rows"][str(path)]["facts"] = {"family": 5, "native": {"width": "x"}}
    (tmp_path / "library.json").write_text(json.dumps(content))
    assert Library([tmp_path], tmp_path / "library.json").find("checkpoint", "one").family == "sd1"


def test_a_job_keeps_the_files_that_it_began_with(path, library, tmp_path):
    view = View(library)
    found = view.find("checkpoint", "one")
    with pytest.raises(RequestError):
        view.find("lora", "late")
    replace(path)
    write(tmp_path / "Lora" / "late.safetensors", LORA)
    library.scan()
    assert view.find("checkpoint", "one") == found
    with pytest.raises(FileChanged):
        library.scan()
        view.sha256(found)
    with pytest.raises(RequestError):
        view.find("lora", "late")
    assert View(library).find("checkpoint", "one") != found and View(library).find("lora", "late")


# One bad file never takes the list down -------------------------------------------------------------------------------------------


def framed(header, data=bytes(64), length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


GOOD = {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}
HOSTILE = {
    "infinite-side": b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,64]}}',
    "infinite-offset": b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,1e999]}}',
    "long-number": b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,64]}}',
    "deep": b"[" * 100_000,
    "deep-entry": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge-shape": {"a": {**GOOD, "shape": [2**40, 2**40]}},
    "negative": {"a": {**GOOD, "shape": [-4, -4]}},
    "backwards": {"a": {**GOOD, "data_offsets": [64, 0]}},
    "truth": {"a": {**GOOD, "shape": [True]}},
    "many-sides": {"a": {**GOOD, "shape": [1] * 1000}},
    "tail": {"a": {**GOOD, "shape": [4], "data_offsets": [0, 16]}},
    "hole": {"a": {**GOOD, "shape": [4], "data_offsets": [0, 16]}, "b": {**GOOD, "shape": [8], "data_offsets": [32, 64]}},
    "many-parts": b'{"a":[' + b"[]," * 1_000_000 + b"[]]}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_header_that_lies_is_listed_with_its_error(tmp_path, path, name):
    (path.parent / f"{name}.safetensors").write_bytes(framed(HOSTILE[name]))
    listed = {model.name: model.error for model in Library([tmp_path]).scan()}
    assert f"{name}.safetensors" in listed[name] and listed["one"] == ""


@pytest.mark.parametrize(
    "header", [b'{"\\ud800":%s}', b'{"__metadata__":{"x":"\\ud800","y":null},"a":%s}', b'{"__metadata__":null,"a":%s}']
)
def test_texts_that_are_none_are_no_fault_of_the_list(tmp_path, path, header):
    (path.parent / "odd.safetensors").write_bytes(framed(header % json.dumps(GOOD).encode()))
    for model in Library([tmp_path]).scan():
        assert model.model_dump_json().encode()


def test_a_first_layer_without_channels_is_no_fault(tmp_path):
    shapes = {"cond_stage_model.transformer.x": (1,), "model.diffusion_model.input_blocks.0.0.weight": (0,)}
    write(tmp_path / "Stable-diffusion" / "flat.safetensors", shapes)
    assert Library([tmp_path]).find("checkpoint", "flat").family == "sd1"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_pipes_devices_and_broken_links_are_listed_and_never_opened(tmp_path, path):
    os.mkfifo(path.parent / "pipe.safetensors")
    os.mkfifo(path.parent / "pipe.ckpt")
    (path.parent / "device.safetensors").symlink_to("/dev/zero")
    (path.parent / "gone.safetensors").symlink_to("/nonexistent")
    (path.parent / "self.safetensors").symlink_to("self.safetensors")
    library = Library([tmp_path])
    errors = {model.file_name: model.error for model in library.scan()}
    assert all(errors[name] for name in errors if name != "one.safetensors") and len(errors) == 6
    assert "a pipe" in library.find("checkpoint", "pipe.ckpt").error
    found = library.find("checkpoint", "one")
    assert library.find("checkpoint", f"renamed [{library.sha256(found)[:10]}]") == found, "the others have no hash"


def test_a_link_upwards_is_not_followed(tmp_path, path):
    write(tmp_path / "elsewhere" / "other.safetensors")
    (path.parent / "up").symlink_to(tmp_path)
    (path.parent / "root").symlink_to("/")
    assert [model.name for model in Library([tmp_path]).models("checkpoint")] == ["one"]


# A checkpoint's own defaults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"width": 10**9, "height": 128, "steps": 10**9, "guidance": 1e300}, (512, 128, 20, 7.0)),
        ({"width": 100, "height": 0, "steps": -1, "guidance": -3}, (512, 512, 20, 7.0)),
        ({"width": 64, "steps": 7, "guidance": 4.5, "prompt": "x", "height": None}, (64, 512, 7, 4.5)),
        ({"width": "wide", "steps": [1], "guidance": "NaN", "sampler": 5}, (512, 512, 20, 7.0)),
        ([1], (512, 512, 20, 7.0)),
    ],
)
def test_native_values_obey_the_bounds_of_a_request(tmp_path, said, expected):
    write(tmp_path / "Stable-diffusion" / "n.safetensors", metadata={"darkroom.native": json.dumps(said)})
    native = Library([tmp_path]).find("checkpoint", "n").native
    assert (native.width, native.height, native.steps, native.guidance) == expected
    assert native.sampler == "DPM++ 2M"


@pytest.mark.parametrize("text", ["[" * 200_000, '{"guidance": NaN}', '{"sampler": "\\ud800"}', '{"sampler": "%s"}' % ("x" * 9000), "{"])
def test_native_texts_that_are_none_are_left_out(tmp_path, text):
    write(tmp_path / "Stable-diffusion" / "n.safetensors", metadata={"darkroom.native": text})
    model = Library([tmp_path]).find("checkpoint", "n")
    assert model.error == "" and (model.native.guidance, model.native.sampler) == (7.0, "DPM++ 2M")


def test_a_checkpoint_made_for_a_sampler_that_is_not_here_takes_the_usual_one(tmp_path):
    native = json.dumps({"sampler": "Nobody's", "schedule": "Karras", "width": 10**9, "steps": 7})
    write(tmp_path / "odd.safetensors", metadata={"darkroom.native": native})
    odd = ResolveContext(Library((tmp_path,)), lambda name: tmp_path / name, Capabilities, dict)
    request = resolve(parse_request({}), odd)
    assert (request.sampler, request.width, request.steps) == ("DPM++ 2M", 512, 7)
    with pytest.raises(RequestError, match="no sampler"):
        resolve(parse_request({"sampler": "Nobody's"}), odd)
