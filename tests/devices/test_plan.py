import json

import pytest
import torch

from tests.whole_requests import resolved
from webui.core.job import Plan
from webui.core.request import HiresOptions
from webui.devices import ModelFacts, describe, estimate, is_out_of_memory, out_of_memory, plan_for
from webui.devices.machine import choose, cores, cpu_name
from webui.devices.memory import largest_size
from webui.devices.plan import cheaper_plan, default_dtype, fits_together
from webui.errors import OutOfMemory, RequestError, SettingsError, WebUIError
from webui.settings import Settings

SD15 = ModelFacts()


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, dtype="float32")


def request(**fields):
    return resolved(**{"width": 512, "height": 512, **fields})


def test_the_cpu_is_always_there():
    assert choose("cpu") == "cpu"
    assert choose("auto") in ("cpu", "cuda:0", "xpu:0", "mps")
    with pytest.raises(SettingsError, match="cuda:99"):
        choose("cuda:99")


def test_facts_for_doctor():
    facts = describe("cpu")
    assert 0 < facts.free <= facts.memory
    assert facts.versions["torch"] == torch.__version__
    assert "core" in facts.name


def test_a_plain_plan(settings):
    plan = plan_for(request(), "cpu", settings, SD15, held=10**12)
    assert (plan.device, plan.dtype, plan.attention, plan.offload) == ("cpu", "float32", "sdpa", "none")
    assert plan.threads >= 1


def test_request_and_settings_decide(settings):
    assert plan_for(request(dtype="bfloat16", width=256), "cpu", settings, SD15, held=10**12).dtype == "bfloat16"
    settings = settings.model_copy(update={"threads": 3, "attention": "tiled", "dtype": "float16"})
    plan = plan_for(request(), "cpu", settings, SD15, held=10**12)
    assert (plan.threads, plan.attention, plan.dtype) == (3, "tiled", "float16")


def test_too_large_a_picture_is_refused_before_anything_starts(settings):
    with pytest.raises(RequestError, match=r"4096×4096 needs about .* fits\.") as caught:
        plan_for(request(width=4096, height=4096), "cpu", settings, SD15, held=8 * 10**9 - _free())
    assert caught.value.field == "width"


def test_the_second_pass_counts(settings):
    wish = request(hires=HiresOptions(scale=2.0))
    assert largest_size(wish) == (1024, 1024)
    assert largest_size(request(hires=HiresOptions(width=1536, height=768))) == (1536, 768)
    with pytest.raises(RequestError, match="1024×1024"):
        plan_for(wish, "cpu", settings, SD15, held=5 * 10**9 - _free())


def test_too_large_a_batch_says_which_fits(settings):
    with pytest.raises(RequestError, match=r"A batch of \d+ fits") as caught:
        plan_for(request(batch_size=64, width=1024, height=1024), "cpu", settings, SD15, held=8 * 10**9 - _free())
    assert caught.value.field == "batch_size"


def test_what_does_not_fit_at_once_is_made_in_small_parts(settings):
    for fields in ({"batch_size": 64}, {"hires": HiresOptions(scale=2.0)}):
        plan = plan_for(request(**fields), "cpu", settings, SD15, held=9 * 10**9 - _free())
        assert (plan.offload, plan.rows, plan.vae_tiles) == ("none", 1, True) and plan.peak <= 9e9
        whole = plan_for(request(**fields), "cpu", settings, SD15, held=10**12)
        assert (whole.rows, whole.vae_tiles) == (0, False) and whole.peak > 9e9
    assert not fits_together([request()], plan, SD15, held=10**12), "its neighbours would take the room that it saves"
    edges = plan_for(request(batch_size=64, tiling=True), "cpu", settings, SD15, held=9 * 10**9 - _free())
    assert (edges.rows, edges.vae_tiles) == (1, False), "edges that meet each other are made in one piece"


def test_a_file_in_16_bits_is_kept_so_where_float32_does_not_fit(tmp_path):
    settings = Settings(data_dir=tmp_path)
    sdxl = ModelFacts(unet=2_567_463_684, text=817_720_320, in_half=True)
    wish = request(width=1024, height=1024, dtype="float32")
    full, half, parts = (plan_for(wish, "cpu", settings, sdxl, held=gigabytes * 10**9 - _free()) for gigabytes in (32, 16, 11))
    assert [(each.weights, each.rows) for each in (full, half, parts)] == [("full", 0), ("half", 0), ("half", 1)]
    assert full.peak > 20e9 > 16e9 > half.peak > 11e9 > parts.peak
    kept = settings.model_copy(update={"weights": "full"})
    with pytest.raises(OutOfMemory, match=r"The model alone needs 1[34]\.\d GB"):
        plan_for(wish, "cpu", kept, sdxl, held=11 * 10**9 - _free())
    wide = sdxl.model_copy(update={"in_half": False})
    with pytest.raises(OutOfMemory):
        plan_for(wish, "cpu", settings, wide, held=11 * 10**9 - _free())  # its numbers are others in 16 bits, and the request says float32
    chosen = settings.model_copy(update={"weights": "half"})
    assert plan_for(wish, "cpu", chosen, sdxl, held=10**12).weights == "half"
    assert plan_for(wish, "cpu", chosen, wide, held=10**12).weights == "full"
    assert plan_for(request(dtype="bfloat16"), "cpu", chosen, sdxl, held=10**12).weights == "full", "nothing is narrower"


def test_what_does_not_fit_in_float32_is_computed_in_fewer_bits_unless_they_were_chosen(tmp_path):
    settings = Settings(data_dir=tmp_path)
    same = {"float32": 1.0, "bfloat16": 1.0}  # as on most computers: bfloat16 is no faster
    settings.measured.parent.mkdir(parents=True)
    settings.measured.write_text(json.dumps({f"{cpu_name()}, {cores()} threads, torch {torch.__version__}": {"layers": same}}))
    assert default_dtype("cpu", settings) == "float32"
    plan = plan_for(request(), "cpu", settings, SD15, held=int(3.2e9) - _free())
    assert (plan.dtype, plan.narrowed) == ("bfloat16", True) and plan.peak <= 3.2e9
    assert not plan_for(request(), "cpu", settings, SD15, held=10**12).narrowed
    for chosen in (request(dtype="float32"), request()):
        with pytest.raises(WebUIError):
            plan_for(chosen, "cpu", settings.model_copy(update={"dtype": "float32"}), SD15, held=int(3.2e9) - _free())


def test_the_next_plan_takes_less_until_nothing_does():
    plan = Plan(device="cpu")
    assert (less := cheaper_plan(plan, request())) == plan.model_copy(update={"rows": 1, "vae_tiles": True})
    assert cheaper_plan(less, request()) is None
    ways, plan = [], Plan(device="cuda:0")
    while (plan := cheaper_plan(plan, request())) is not None:
        ways.append((plan.offload, plan.rows))
    assert ways == [("model", 1), ("sequential", 1)]


def test_a_model_that_never_fits(settings):
    with pytest.raises(OutOfMemory, match="The model alone needs 4.3 GB"):
        plan_for(request(), "cpu", settings, SD15, held=10**9 - _free())


def _free():
    """So that `held=x - _free()` plans with x bytes, whatever this machine has."""
    from webui.devices.machine import memory

    return int(memory("cpu")[1] * 0.92)


def test_the_estimate_covers_what_was_measured():
    """Peaks above the loaded SD 1.5 in float32: UNet with guidance 434 MB at 512², decoder 378 MB at 256² and 1418 MB at 512²."""
    weights = estimate(SD15, 512, 512, 1, "float32").weights
    assert weights == pytest.approx(4.26e9, rel=0.02)
    for size, measured in ((256, 378e6), (512, 1418e6)):
        work = estimate(SD15, size, size, 1, "float32").work
        assert measured < work < 2.5 * measured
    tiny = ModelFacts(unet=10**7, vae=2 * 10**6, text=3 * 10**6, unet_channels=64, vae_channels=32)
    assert 32e6 < estimate(tiny, 128, 128, 1, "float32").work < 200e6


def test_what_sees_depth_is_planned_for():
    """Of MiDaS' 122 million numbers a copy in 32 bits computes, with 326 MB beside it for a square, and 629 MB for one twice as wide."""
    seeing = SD15.model_copy(update={"depth": 122_377_985, "in_half": True})
    plain = estimate(SD15, 64, 64, 1, "bfloat16")
    assert estimate(seeing, 64, 64, 1, "bfloat16").weights == plain.weights + 2 * seeing.depth
    assert estimate(seeing.model_copy(update={"in_half": False}), 64, 64, 1, "bfloat16").weights == plain.weights + 4 * seeing.depth
    for width, measured in ((64, 326e6), (128, 629e6)):
        work = estimate(seeing, width, 64, 1, "bfloat16").work - 4 * seeing.depth
        assert measured < work < 1.3 * measured
    assert estimate(seeing, 1024, 1024, 1, "float32").work == estimate(SD15, 1024, 1024, 1, "float32").work
    assert ModelFacts.of({"depth_model.model.x": (3, 4), "depth_estimator.x": (5,)}).depth == 17


def test_facts_are_counted_from_the_header():
    shapes = {
        "model.diffusion_model.input_blocks.0.0.weight": (64, 4, 3, 3),
        "first_stage_model.encoder.conv_in.weight": (32, 3, 3, 3),
        "cond_stage_model.transformer.text_model.x": (10, 10),
    }
    facts = ModelFacts.of(shapes)
    assert (facts.unet, facts.vae, facts.text, facts.unet_channels, facts.vae_channels) == (2304, 864, 100, 64, 32)
    assert ModelFacts.of({}) == SD15


def test_running_out_of_memory_in_words(settings):
    plan = plan_for(request(), "cpu", settings, SD15, held=10**12)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes"))
    error = out_of_memory(request(batch_size=4), plan)
    assert "512×512, batch size 4" in str(error)
    assert "batch size of 1" in error.advice
    assert "384×384" in out_of_memory(request(), plan).advice


def test_jobs_fit_together_as_one_batch_of_all_their_pictures_would():
    facts, plan = ModelFacts(), Plan(device="cpu", dtype="float32")
    small = [resolved(width=64, height=64)] * 4
    assert fits_together(small, plan, facts.model_copy(update={"unet": 1, "vae": 1, "text": 1}), held=0)
    large = [resolved(width=4096, height=4096, batch_size=64)]
    assert not fits_together([*small, *large], plan, facts, held=0)
    assert fits_together([*small, *large], plan, facts, held=2**60), "what the engine holds already counts as free"
