"""The table of speeds, on a tiny checkpoint."""

import pytest

from tests import tiny
from webui.bench.speed import measure, parser


def test_our_rows_and_diffusers_are_measured_and_what_cannot_be_says_why(tmp_path):
    tiny.write(tmp_path / "Stable-diffusion" / "tiny.safetensors")
    words = f"--models-dir {tmp_path} --checkpoint tiny --device cpu --dtype float32 --size 64 --steps 4 --repeat 1 --batch 1 2"
    rows = list(measure(parser().parse_args([*words.split(), "--attention", "sdpa", "xformers", "diffusers"])))
    assert [(row["attention"], row["batch"]) for row in rows] == [(name, n) for name in ("sdpa", "xformers", "diffusers") for n in (1, 2)]
    for row in rows:
        if row["attention"] == "xformers":
            assert "xformers" in row["error"]
        else:
            assert row["seconds"] > 0 and row["dtype"] == "float32" and row["offload"] == "none"
            assert row["seconds_a_picture"] * row["batch"] == pytest.approx(row["seconds"], rel=0.01)
