"""A step by its layers, on a tiny checkpoint."""

import pytest

from tests import tiny
from webui.bench.layers import measure, parser
from webui.devices import layouts


def test_a_step_is_the_sum_of_its_layers_in_every_form(tmp_path):
    tiny.write(tmp_path / "Stable-diffusion" / "tiny.safetensors")
    forms = ["contiguous", "channels last", *(["laid out"] if layouts.available() else [])]
    words = f"--models-dir {tmp_path} --checkpoint tiny --size 64 128 --rounds 2 --passes 2 --form"
    rows = measure(parser().parse_args([*words.split(), *forms]))
    assert [(row["size"], row["form"]) for row in rows] == [(size, form) for size in (64, 128) for form in forms]
    kinds = {"convolutions", "linears", "GEGLU", "norms", "attention", "keys and values of the prompt", "rest", "step"}
    for row in rows:
        assert row["ms"].keys() == kinds and min(row["ms"].values()) > 0
        assert row["ms"]["step"] == pytest.approx(sum(row["ms"].values()) - row["ms"]["step"])
        first = next(each for each in rows if each["size"] == row["size"])
        assert row["share"] == pytest.approx(row["ms"]["step"] / first["ms"]["step"])
