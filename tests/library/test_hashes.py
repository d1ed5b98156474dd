"""All hashes of a file in one reading, and none of them twice."""

import hashlib
import os

from tests.library.test_scan import write
from webui.core.foreign import identity_of
from webui.library import Library
from webui.library import scan as scanning
from webui.library.hashes import hash_file

LARGE = {"cond_stage_model.transformer.x": (1,), "model.diffusion_model.input_blocks.0.0.weight": (2000, 4, 10, 10)}


def test_the_hashes_are_those_of_a1111_and_civitai(tmp_path):
    path = write(tmp_path / "one.safetensors", LARGE)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    hashes = hash_file(path, identity_of(path))
    assert hashes.sha256 == hashlib.sha256(data).hexdigest()
    assert hashes.autov2 == hashes.sha256[:10]
    assert hashes.autov1 == hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]
    assert hashes.autov3 == hashlib.sha256(data[8 + length :]).hexdigest()[:12]


def test_metadata_change_all_hashes_but_that_of_the_weights(tmp_path):
    one, two = write(tmp_path / "one.safetensors"), write(tmp_path / "two.safetensors", metadata={"note": "edited"})
    first, second = (hash_file(path, identity_of(path)) for path in (one, two))
    assert first.autov3 == second.autov3 and first.sha256 != second.sha256


def test_a_file_that_is_moved_or_linked_is_not_read_again(tmp_path, monkeypatch):
    path = write(tmp_path / "Lora" / "one.safetensors")
    library = Library([tmp_path], tmp_path / "library.json")
    digest = library.sha256(library.models("lora")[0])
    path.rename(path.with_name("two.safetensors"))
    os.link(path.with_name("two.safetensors"), path.with_name("three.safetensors"))
    again = Library([tmp_path], tmp_path / "library.json")
    monkeypatch.setattr(scanning, "hash_file", None)
    assert {model.name: again.sha256(model) for model in again.models("lora")} == {"two": digest, "three": digest}


def test_what_another_process_has_hashed_is_known_of_all_files_at_once(tmp_path):
    for name in ("one", "two", "three"):
        write(tmp_path / "Lora" / f"{name}.safetensors", metadata={"name": name})
    here, there = Library([tmp_path], tmp_path / "library.json"), Library([tmp_path], tmp_path / "library.json")
    here.scan()
    digests = [there.sha256(model) for model in there.models("lora")[:2]]
    assert [hashes.sha256 for hashes in here.all_hashes(here.models("lora"))] == [*digests, ""]
