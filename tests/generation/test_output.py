"""The short hashes of LoRAs that stand in a picture's text."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from webui.generation.output import lora_hashes
from webui.library import Library
from webui.models.adapters import LoraUse


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, None),
        ({"sshs_model_hash": "AB" * 32}, "abababababab"),
        ({"sshs_model_hash": "not a hash"}, None),
        ({"sshs_model_hash": ""}, None),
    ],
)
def test_a_lora_is_known_by_the_hash_that_its_trainer_wrote(tmp_path, metadata, expected):
    (tmp_path / "Lora").mkdir()
    path = tmp_path / "Lora" / "style.safetensors"
    save_file({"lora_unet_a.lora_up.weight": torch.ones(2, 2)}, path, metadata)
    whole = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert lora_hashes([LoraUse("style"), LoraUse("not there")], Library([tmp_path])) == {"style": expected or whole}
