"""What the drop-downs offer, from the model folders and from what the engine has said."""

import pytest

from tests.library.test_scan import write
from webui.core.protocol import Capabilities, OptionInfo
from webui.library import Library
from webui.library.families import families_of
from webui.settings import Settings
from webui.ui.choices import choices_of, native, unsupported

ENGINE = Capabilities(samplers=(OptionInfo(name="Euler"),), schedules=(OptionInfo(name="Karras"),), upscalers=("Latent", "Lanczos"))


@pytest.fixture
def library(tmp_path):
    """A library of files: {kind's folder/name: whether it is whole}."""

    def make(**files):
        for name, whole in files.items():
            folder, _, stem = name.partition("__")
            path = tmp_path / folder.replace("_", "-") / f"{stem}.safetensors"
            path.parent.mkdir(exist_ok=True)
            write(path) if whole else path.write_bytes(b"cut")
        return Library([tmp_path], families=families_of(Settings(data_dir=tmp_path)))

    return make


def test_an_empty_folder_still_offers_what_needs_no_file(library):
    offered = choices_of(library(), Capabilities())
    assert offered.checkpoints == [] and offered.checkpoint is None
    assert (offered.vaes, offered.refiners, offered.text_encoders) == (["Automatic"], ["None"], ["Automatic"])
    assert (offered.samplers, offered.schedules) == ([], ["Automatic"])
    assert offered.upscalers and all(name.startswith("Latent") for name in offered.upscalers), "those that are pixels come from the engine"


def test_broken_checkpoints_come_last_and_are_no_refiners(library):
    offered = choices_of(library(Stable_diffusion__a=False, Stable_diffusion__b=True, VAE__soft=True), ENGINE)
    assert offered.checkpoints == ["b", "a"] and offered.checkpoint == "b"
    assert offered.refiners == ["None", "b"] and offered.vaes == ["Automatic", "soft"]


def test_a_depth_checkpoint_is_not_the_first_choice(library, tmp_path):
    shapes = {"cond_stage_model.model.x": (1,), "model.diffusion_model.input_blocks.0.0.weight": (320, 5, 3, 3)}
    write(tmp_path / "Stable-diffusion" / "512-depth-ema.safetensors", shapes)
    assert choices_of(library(Stable_diffusion__sd15=True), ENGINE).checkpoints == ["sd15", "512-depth-ema"]


def test_the_second_pass_may_use_the_same(library):
    offered = choices_of(library(), ENGINE)
    assert offered.by_field["hires.sampler"] == ["Use the same", "Euler"]
    assert offered.by_field["hires.schedule"] == ["Use the same", "Automatic", "Karras"]
    assert offered.by_field["hires.upscaler"] == ["Latent", "Lanczos"]


def test_automatic_is_offered_once(library):
    known = ENGINE.model_copy(update={"schedules": (OptionInfo(name="Karras"), OptionInfo(name="Automatic"))})
    assert choices_of(library(), known).schedules == ["Karras", "Automatic"]


def test_every_drop_down_of_the_form_has_its_list(page):
    client = page.client()
    offered = client.get("/page/lists").json()
    assert set(offered) == {
        *("where", "checkpoint", "vae", "text_encoder", "refiner_checkpoint", "sampler", "schedule"),
        *("hires.upscaler", "init_upscaler", "hires.checkpoint", "hires.sampler", "hires.schedule", "styles"),
    }


def test_a_checkpoint_brings_its_own_values(page, tmp_path):
    own = '{"width": 640, "height": 384, "steps": 7}'
    write(tmp_path / "models" / "Stable-diffusion" / "wide.safetensors", metadata={"darkroom.native": own})
    page.services.library.scan()
    made_for = native(page.services, "wide")
    assert (made_for.width, made_for.height, made_for.steps) == (640, 384, 7)
    assert native(page.services, "nowhere").width == native(page.services, None).width == 512


def test_nothing_is_greyed_out_for_a_checkpoint_that_can_all(page, tmp_path):
    write(tmp_path / "models" / "Stable-diffusion" / "tiny.safetensors")
    page.services.library.scan()
    assert unsupported(page.services, "tiny") == unsupported(page.services, "nowhere") == []
