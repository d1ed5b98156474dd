"""What a checkpoint costs, on a tiny one; and which figures miss their goal."""

import json

import pytest

from tests import tiny
from webui.bench import models, models_parts


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny.write(folder / "Stable-diffusion" / "tiny.safetensors")
    words = f"--models-dir {folder} --checkpoint tiny --dtype float32 --size 64 --steps 1 --switches 2"
    return models.parser().parse_args(words.split())


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("loading", {"file_gb", "reading_seconds", "loading_seconds", "loading_to_reading"}),
        ("peak", {"family", "dtype", "peak_gb", "predicted_gb", "predicted_to_real"}),
        ("tabs", {"one_tab_gb", "three_tabs_gb", "tabs_to_one"}),
        ("switches", {"first_round_gb", "last_gb", "switch_growth_percent"}),
        ("sets", {"set_family", "set_first_seconds", "set_switch_ms"}),
    ],
)
def test_each_part_gives_its_figures(options, part, names):
    found = models_parts.PARTS[part](options)
    assert names <= found.keys()
    assert json.loads(json.dumps(found)) == found


def test_every_part_is_tested():
    assert models_parts.PARTS.keys() == {"loading", "peak", "tabs", "switches", "sets"}


def test_what_misses_its_goal_is_named(capsys):
    found = {"family": "sdxl", "dtype": "bfloat16", "peak_gb": 8.5, "predicted_to_real": 0.8, "tabs_to_one": 1.01, "sets_error": "broken"}
    assert models.show("one", found) == ["peak_gb", "predicted_to_real", "sets_error"]
    assert models.show("one", {**found, "dtype": "float32", "predicted_to_real": 1.05}) == ["sets_error"]
    assert "goal 0.9 to 1.1" in capsys.readouterr().out


def test_the_first_use_has_a_goal_for_sd1_alone():
    assert models.goal_of("set_first_seconds", {"set_family": "sd1"}) == (0.0, 1.0)
    assert models.goal_of("set_first_seconds", {"set_family": "sdxl"}) is None


def test_what_other_parts_gave_earlier_stays():
    earlier = {"peak_gb": 4.0, "peak_error": "no memory", "tabs_error": "none", "tabs_to_one": 1.0}
    found = models.with_earlier(earlier, {"peak_gb": 3.0}, ["peak"])
    assert found == {"peak_gb": 3.0, "tabs_error": "none", "tabs_to_one": 1.0}
