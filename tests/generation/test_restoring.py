"""Faces of a whole picture are found, mended by a network of a file and put back; the rest of the picture stays as it was."""

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.faces import HAIR, SKINS, face
from webui.engine.bootstrap import build_context
from webui.images.face_restoring import Alignment
from webui.images.metadata import read_metadata
from webui.models.networks import import_spandrel
from webui.settings import load_settings

pytest.importorskip("cv2")
pytestmark = pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")
SMALL = {"n_embed": 16, "embed_dim": 8, "ch": 32, "ch_mult": (1, 1, 1, 1, 1, 1), "num_res_blocks": 1, "z_channels": 32, "head_size": 8}
"""The smallest network of RestoreFormer's keys: 32 channels, as its norms have as many groups."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A models folder with a network that mends faces, with random weights."""
    folder = tmp_path_factory.mktemp("restorers")
    (folder / "GFPGAN").mkdir()
    import_spandrel()
    made = import_module("spandrel.architectures.RestoreFormer.__arch.restoreformer_arch").RestoreFormer
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = made(
            **SMALL, out_ch=3, attn_resolutions=(16,), dropout=0.0, in_channels=3, resolution=512, double_z=False, enable_mid=True
        )
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / "GFPGAN" / "small.safetensors")
    return folder


@pytest.fixture
def mending(engine, checkpoints, models, tmp_path):
    settings = load_settings({"data_dir": tmp_path, "models_dirs": (checkpoints, models)}, environment={})
    engine.context = replace(build_context(settings), models=engine.context.models)
    return engine


def picture():
    made = Image.new("RGB", (400, 240), (150, 170, 190))
    made.paste(face(170, SKINS[0], HAIR[0]), (20, 30))
    return made


def extras(engine, image, **fields):
    step = {"kind": "restore", "model": "small", **fields}
    return engine.make(mode="extras", checkpoint="", inputs=[engine.keep(image)], finish=[step])[0]


def test_a_face_is_found_mended_and_put_back(mending):
    before = picture()
    made = extras(mending, before)
    (found,) = mending.context.detectors.detect(before, "Face", 0.3)
    assert found.eyes == (
        (pytest.approx(85.5, abs=6), pytest.approx(106.5, abs=6)),
        (pytest.approx(124.5, abs=6), pytest.approx(106.5, abs=6)),
    )
    left, top, right, bottom = Alignment.of(found).box
    outside = np.ones((240, 400), bool)
    outside[max(top, 0) : bottom, max(left, 0) : right] = False
    assert outside.mean() > 0.3 and np.array_equal(made[outside], np.asarray(before)[outside])
    inner = slice(found.box[1], found.box[3]), slice(found.box[0], found.box[2])
    assert (made[inner] != np.asarray(before)[inner]).any(axis=-1).mean() > 0.9
    assert np.array_equal(extras(mending, before), made)
    assert np.array_equal(extras(mending, before, visibility=0.0), np.asarray(before))


def test_where_no_face_is_found_nothing_changes_and_it_is_said(mending, start):
    assert np.array_equal(extras(mending, start), np.asarray(start))
    assert "Face found no face; the step changed nothing." in mending.notes
    assert np.array_equal(extras(mending, picture(), detector="nobody"), np.asarray(picture()))
    assert any(note.startswith("Made without the step Restore faces: There is no detector named 'nobody'") for note in mending.notes)


def test_a_picture_that_is_one_face_goes_through_whole(mending):
    alone = face(128, SKINS[1], HAIR[1])
    made = extras(mending, alone, aligned=True)
    assert made.shape == (128, 128, 3) and (made != np.asarray(alone)).any(axis=-1).mean() > 0.9


def test_a_generated_picture_says_how_it_was_mended(mending):
    mending.make(prompt="fox", finish=[{"kind": "restore", "model": "small", "aligned": True, "visibility": 0.5}])
    read = read_metadata(mending.context.images.path(next(event.record for event in mending.events if event.type == "image")))
    assert "GFPGAN visibility: 0.5" in read.text and read.fields["finish"][0]["aligned"] is True
