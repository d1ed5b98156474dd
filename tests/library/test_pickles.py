"""Pickles that would fill the memory or take minutes are refused by their size, before anything is unpickled."""

import zipfile

import pytest
import torch

from webui.errors import CheckpointError
from webui.library.pickles.machine import MAX_INSTRUCTIONS
from webui.library.pickles.read import read_pickle

LISTS = b"\x80\x02" + b"]" * (MAX_INSTRUCTIONS + 10) + b"."


@pytest.mark.parametrize("legacy", [False, True])
def test_weights_as_torch_writes_them_pass(tmp_path, legacy):
    torch.save(
        {"state_dict": {f"layer{number}": torch.zeros(3) for number in range(500)}},
        tmp_path / "a.ckpt",
        _use_new_zipfile_serialization=not legacy,
    )
    read_pickle(tmp_path / "a.ckpt")


@pytest.mark.parametrize("data", [LISTS, b"\x80\x02}r\xff\xff\xff\x7f."], ids=["instructions", "memo"])
@pytest.mark.parametrize("stored", [None, zipfile.ZIP_STORED])
def test_what_would_fill_the_memory_is_refused(tmp_path, data, stored):
    path = tmp_path / "a.ckpt"
    if stored is None:
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w", stored) as archive:
            archive.writestr("archive/data.pkl", data)
    with pytest.raises(CheckpointError, match="a.ckpt is no weights file"):
        read_pickle(path)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(2**25))
    with pytest.raises(CheckpointError, match="unpacks to far more"):
        read_pickle(tmp_path / "a.ckpt")


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(40), b"PK\x05\x06" + bytes(10)])
def test_an_archive_that_is_none_is_a_sentence(tmp_path, data):
    (tmp_path / "a.ckpt").write_bytes(data)
    with pytest.raises(CheckpointError, match="a.ckpt is not a whole weights file"):
        read_pickle(tmp_path / "a.ckpt")
