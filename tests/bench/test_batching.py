"""`bench batching`: the bare UNet that the users' gain is compared with."""

from tests.models.tiny_xl import write_sdxl
from webui.bench.batching import Bare, _parser
from webui.settings import load_settings


def test_the_bare_unet_of_sdxl_is_asked_with_all_that_it_wants_to_know(tmp_path):
    checkpoint = write_sdxl(tmp_path / "models" / "Stable-diffusion" / "small-xl.safetensors")
    settings = load_settings({"data_dir": tmp_path, "models_dirs": (tmp_path / "models",), "dtype": "float32"}, environment={})
    bare = Bare(settings, _parser().parse_args(["--checkpoint", checkpoint.stem, "--size", "64", "--steps", "2"]))
    assert bare.milliseconds(2) > 0
