"""What web learns reaches the engine with the next job: settings, and files that are new, replaced or deleted."""

import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from webui.core.job import Plan
from webui.engine.admission import AdmissionController
from webui.engine.bootstrap import build_context
from webui.errors import AdmissionRefused, RequestError
from webui.generation.device import INLINE_DEVICE
from webui.generation.files import files_of
from webui.generation.preview import PreviewSettings
from webui.images.metadata import read_generation_info
from webui.library import Library
from webui.plugins.adapters import LoraLoader, WeightChange
from webui.settings import load_settings

LAYER = "unet.conv_in"
"""Not one whose inputs are normed: their sum is 0, and so is what a constant adds."""


@pytest.fixture
def models(tmp_path):
    for name in ("Stable-diffusion", "Lora", "embeddings", "VAE"):
        (tmp_path / "models" / name).mkdir(parents=True)
    tiny.write(tmp_path / "models" / "Stable-diffusion" / "tiny.safetensors")
    return tmp_path / "models"


@pytest.fixture
def settings(tmp_path, models):
    return load_settings({"data_dir": tmp_path, "models_dirs": (models,), "threads": 1}, environment={})


@pytest.fixture
def company(settings):
    context = build_context(settings)
    context.loras.register(LoraLoader("mine", lambda names: "mine" in names, read_lora), owner="test")
    return AdmissionController(context, "cpu", settings)


def read_lora(path):
    from safetensors.torch import load_file

    value = load_file(path)["mine"].item()
    return [WeightChange(LAYER, lambda base: torch.full(base.shape, value))]


@pytest.fixture
def web(models, settings):
    """Web's own list of the same folders."""
    return Library(settings.all_models_dirs)


@pytest.fixture
def make(company, engine, web):
    """Run a job as the engine process does, with what web knows; gives its record and notes."""

    def make(job="job", **fields):
        settings = fields.pop("settings", {})
        task = engine.task(**fields).model_copy(update={"job_id": job, "plan": None, "library": web.version, "settings": settings})
        events = []
        company.refresh_library(task)
        try:
            plan = company.admit(task)
            company.run(task.model_copy(update={"plan": plan}), DIRECT_SEAT, company.context.preview_settings, events.append)
        finally:
            company.release(job)
        (image,) = [event.record for event in events if event.type == "image"]
        return image, next(event.notes for event in events if event.type == "done")

    return make


class DirectSeat(type(INLINE_DEVICE)):
    seconds = 0.0


DIRECT_SEAT = DirectSeat()


def bytes_of(company, record):
    from PIL import Image

    with Image.open(company.context.images.path(record)) as image:
        return image.tobytes()


def test_settings_that_came_with_the_job_are_its_own(make, settings):
    changed = settings.model_copy(update={"picture_format": "webp", "outputs_pattern": "mine/{seed}"})
    record, _ = make(settings=changed.model_dump(mode="json"))
    assert record.path == "outputs/mine/1.webp"
    assert make()[0].path.endswith(".png"), "and of no other job"


def test_a_plan_is_made_by_the_settings_of_now(company, engine, settings):
    changed = settings.model_copy(update={"dtype": "bfloat16"}).model_dump(mode="json")
    task = engine.task().model_copy(update={"plan": None, "settings": changed})
    assert company.admit(task).dtype == "bfloat16"


def test_a_lora_trained_again_changes_the_picture_and_the_hash_in_it(make, company, models):
    seen = []
    for value in (0.0, 9.0, 9.0):
        save_file({"mine": torch.tensor(value)}, models / "Lora" / "look.safetensors")
        record, notes = make(prompt="a fox <lora:look:1>", deterministic=True)
        assert notes == ()
        seen.append((bytes_of(company, record), read_generation_info(company.context.images.path(record))["loras.look"]))
    assert seen[0][0] != seen[1][0] and seen[0][1] != seen[1][1]
    assert seen[1] == seen[2]


def test_a_deleted_lora_is_a_note_and_its_hash_is_not_written(make, company, models):
    path = models / "Lora" / "look.safetensors"
    save_file({"mine": torch.tensor(9.0)}, path)
    make(prompt="a fox <lora:look:1>")
    path.unlink()
    record, notes = make(prompt="a fox <lora:look:1>")
    assert notes and "'look' was left out" in notes[0]
    assert "loras.look" not in read_generation_info(company.context.images.path(record))
    assert bytes_of(company, record) == bytes_of(company, make(prompt="a fox")[0])


@pytest.mark.parametrize("kind", ["link to nothing", "cut", "text"])
def test_a_lora_that_cannot_be_read_is_a_note_and_the_picture_is_made_without(make, company, models, kind):
    path = models / "Lora" / "bad.safetensors"
    if kind == "link to nothing":
        path.symlink_to(models / "nowhere.safetensors")
    else:
        save_file({"mine": torch.ones(50)}, path)
        path.write_bytes(path.read_bytes()[:-20] if kind == "cut" else b"hello")
    record, notes = make(prompt="a fox <lora:bad:1>")
    assert len(notes) == 1 and "'bad' was left out" in notes[0]
    assert bytes_of(company, record) == bytes_of(company, make(prompt="a fox")[0])


def test_an_embedding_put_in_or_replaced_while_running_is_used(make, company, models, web):
    plain = bytes_of(company, make(prompt="zq fox")[0])
    pictures = []
    for seed in (1, 2):
        vectors = torch.randn(2, tiny.WIDTH, generator=torch.Generator().manual_seed(seed))
        save_file({"emb_params": vectors}, models / "embeddings" / "zq.safetensors")
        pictures.append(bytes_of(company, make(prompt="zq fox")[0]))
    assert len({plain, *pictures}) == 3, "neither the file nor web's list was refreshed by hand"


def test_a_broken_embedding_is_a_note_for_who_names_it(make, models):
    (models / "embeddings" / "bad.pt").write_bytes(b".")
    assert make(prompt="a fox")[1] == ()
    assert "Embedding 'bad' was left out" in make(prompt="a bad fox")[1][0]


def test_a_checkpoint_replaced_between_submit_and_run_is_refused_by_its_name(make, models, web):
    title = web.title(web.find("checkpoint", "tiny"))
    make(checkpoint=title)
    tiny.write(models / "Stable-diffusion" / "tiny.safetensors", seed=9)
    with pytest.raises(RequestError, match=r"tiny.safetensors holds other weights"):
        make(checkpoint=title)
    assert make(checkpoint=web.title(web.find("checkpoint", "tiny")))[0].path


def test_jobs_that_name_one_file_with_two_contents_do_not_share_a_batch(company, engine, models):
    path = models / "Lora" / "look.safetensors"
    plan = Plan(threads=1)
    save_file({"mine": torch.tensor(1.0)}, path)
    first, second, third = (
        engine.task(prompt="<lora:look:1>").model_copy(update={"job_id": name, "plan": plan, "attempt": 1}) for name in "abc"
    )
    company.admit(first)
    company.admit(second)
    save_file({"mine": torch.tensor(2.0)}, path)
    with pytest.raises(AdmissionRefused, match="has been replaced"):
        company.admit(third)
    company.release("a")
    company.release("b")
    assert company.admit(third)


def test_files_of_a_request_are_those_of_both_passes(company, engine, models):
    for name in ("one", "two"):
        save_file({"mine": torch.tensor(1.0)}, models / "Lora" / f"{name}.safetensors")
    request = engine.task(prompt="<lora:one:1>", hires={"prompt": "<lora:two:1> <lora:gone:1>"}).request
    files = files_of(request, company.context.library)
    assert [None if file is None else file[0].name for file in files] == ["tiny.safetensors", "one.safetensors", "two.safetensors", None]


def test_a_broken_preview_decoder_makes_the_previews_linear_and_says_so(company, engine, models):
    (models / "VAE-approx").mkdir()
    (models / "VAE-approx" / "taesd_decoder.safetensors").write_bytes(b"<html>")
    task, events = engine.task(), []
    plan = company.admit(task)
    company.context.models.get("tiny", None, plan).latent_space = "sd1"
    company.run(task.model_copy(update={"plan": plan}), DIRECT_SEAT, lambda: PreviewSettings(0.001, "taesd"), events.append)
    assert [event.type for event in events if event.type == "preview"] and events[-1].type == "done"
    assert events[-1].notes[0].startswith("Previews were made the fast way: taesd_decoder.safetensors")
