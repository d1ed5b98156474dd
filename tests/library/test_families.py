"""Families come from the built-in plugin and from extensions; what a file was taken for is forgotten when they change."""

import shutil
from pathlib import Path

import pytest
from library.test_scan import SD1, write

from webui.core.family import Header, LatentFormat, ModelFacts, SizeRequest
from webui.library import Library, builtins
from webui.library.families import BUILTIN, families_of, register_all
from webui.plugins.manager import Extensions
from webui.settings import load_settings

TOY = Path(__file__).parents[1] / "families" / "toy_flow.py"
TENSORS = {"toy.transformer.query": (6,)}


def with_extension(folder, text=None):
    (folder / "extensions").mkdir(parents=True, exist_ok=True)
    if text is None:
        shutil.copy(TOY, folder / "extensions")
    else:
        (folder / "extensions" / "other.py").write_text(text)
    return load_settings({"data_dir": folder}, environment={})


def test_an_extensions_family_knows_its_files_and_the_built_in_ones_stay(tmp_path):
    families = families_of(with_extension(tmp_path))
    found = families.detect(Header(shapes=TENSORS))
    assert (found.family, found.prediction, found.kind) == ("toy-flow", "flow", "checkpoint")
    assert families.detect(Header(shapes=SD1)).family == "sd1" and BUILTIN.detect(Header(shapes=TENSORS)).family == "unknown"
    assert families.is_whole("toy-flow") and "Toy flow" in families.loaded_titles and not families.is_whole("flux")


def test_what_a_file_was_taken_for_changes_with_the_extensions(tmp_path):
    write(tmp_path / "models" / "Stable-diffusion" / "toy.safetensors", TENSORS)
    cache, roots = tmp_path / "library.json", [tmp_path / "models"]
    assert Library(roots, cache).models("checkpoint")[0].family == "unknown"
    toy = families_of(with_extension(tmp_path))
    model = Library(roots, cache, toy).models("checkpoint")[0]
    assert (model.family, model.native.width, model.native.sampler) == ("toy-flow", 96, "Euler")
    assert Library(roots, cache).models("checkpoint")[0].family == "unknown"


def test_the_built_in_families_come_through_the_hook():
    extensions = Extensions("web")
    extensions.add_builtin("darkroom", builtins)
    assert [spec.name for spec in register_all(extensions).loaded] == ["sdxl", "sdxl-refiner", "sd2", "sd1"]


@pytest.mark.parametrize("name", ["sd1", "SDXL"])
def test_a_taken_name_switches_the_extension_off(tmp_path, name):
    text = (
        f"from webui import FamilySpec, hookimpl\n\n@hookimpl\ndef register_families(register):\n    register(FamilySpec({name!r}, 'x'))\n"
    )
    settings = with_extension(tmp_path, text)
    extensions = Extensions("web")
    extensions.add_builtin("darkroom", builtins)
    extensions.load([settings.data_dir / "extensions"])
    assert register_all(extensions) is BUILTIN
    (state,) = extensions.states
    assert "already registered by darkroom" in state.error and not state.enabled


def test_a_detection_that_fails_knows_nothing(tmp_path, capsys):
    text = (
        "from webui import FamilySpec, hookimpl\n\n@hookimpl\ndef register_families(register):\n"
        "    register(FamilySpec('odd', 'Odd', detect=lambda header: 1 / 0))\n"
    )
    families = families_of(with_extension(tmp_path, text))
    assert families.detect(Header(shapes=SD1)).family == "sd1" and "ZeroDivisionError" in capsys.readouterr().err


def test_memory_is_counted_by_the_familys_names_or_asked_of_it(tmp_path):
    from webui.devices.memory import estimate

    sdxl, toy = BUILTIN.get("sdxl"), families_of(with_extension(tmp_path)).get("toy-flow")
    assert ModelFacts.of({}, sdxl).unet == sdxl.usual.unet > 2 * 10**9
    assert ModelFacts.of({"unet.x": (10, 10), "text_encoder_2.y": (7,), "vae.z": (3,)}, sdxl).parameters == 110
    assert estimate(toy.facts, 64, 64, 2, "float32") == toy.memory(SizeRequest(toy.facts, 64, 64, 2, "float32"))
    assert toy.facts.downscale == 4 and toy.latent == LatentFormat(channels=8, downscale=4, scale=0.5, shift=0.25)
