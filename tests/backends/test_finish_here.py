"""The finish chain of a request that goes elsewhere: what comes back is kept, and an engine here finishes it, as the same job."""

import contextlib
import os

import psutil
import pytest
from PIL import Image

from tests.backends.conftest import Desk
from tests.backends.replicate_server import ReplicateServer
from tests.backends.servers import png
from tests.sharing.conftest import Web
from tests.waiting import until
from webui.cli import main
from webui.core.finish import MatchColorsStep, UpscaleStep
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.metadata import read_metadata
from webui.jobs.placement import EngineStatus

KILLS = int(os.environ.get("DARKROOM_KILLS", "2"))
CHAIN = ({"kind": "upscale", "scale": 2},)


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A provider, and web's services with an engine that paints."""
    replicate = ReplicateServer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATE_BASE_URL", replicate.url)
        patch.setenv("REPLICATE_API_TOKEN", replicate.key)
        others = set(engines())  # of servers that other files of tests started in this process
        web = Web(tmp_path_factory.mktemp("web"), "", backends=("replicate",), backends_accepted=("replicate",))
        web.replicate, web.engines = replicate, lambda: set(engines()) - others
        until(lambda: any(engine.state == "ready" for engine in web.queue.engines()))
        yield web
        web.close()
    replicate.close()


def wish(**values):
    plain = {"prompt": "a red apple", "where": "replicate", "checkpoint": "owner/name", "finish": CHAIN}
    return GenerationRequest(**plain | values)


def ended(web, job_id):
    return until(lambda: (job := web.queue.get(job_id)).state in ("done", "failed", "cancelled") and job)


def test_the_provider_makes_it_and_an_engine_finishes_it(web):
    queue = web.queue
    job = ended(web, queue.submit(wish(batch_count=2), "ann").id)
    assert (job.state, len(job.images), job.cost, len(web.replicate.predictions)) == ("done", 2, 0.1, 1), job.error
    assert job.request.where == "replicate" and job.request.finish[0].upscaler == "Lanczos"
    assert len(job.made) == 2 and "made" not in job.model_dump()
    for place, made in enumerate(job.made):
        reading = read_metadata(web.gallery.path_by_id(made).read_bytes())
        assert reading.fields["where"] == "replicate" and not reading.fields.get("finish"), "it says what was done to it, no more"
        assert reading.fields["seed"] == job.request.seed + place
    kinds = [each.type for each in queue.store.events_after(0, job.id) if each.type in ("queued", "started", "image", "done")]
    assert kinds == ["queued", "started", "queued", "started", "image", "image", "done"]
    assert queue.store.timings() == [], "what an engine needs for a whole picture is not learned from that"


def test_what_the_engine_cannot_do_is_tried_again_without_paying_again(web):
    queue, before = web.queue, len(web.replicate.predictions)
    job = ended(web, queue.submit(wish(prompt="fail"), "ann").id)
    assert job.state == "failed" and "asked to fail" in job.error.message
    assert ended(web, queue.retry(job.id).id).state == "failed"
    stopped = queue.submit(wish(prompt="never"), "ann")
    until(lambda: any(stopped.id in engine.jobs for engine in queue.engines()))
    queue.cancel(stopped.id)
    assert ended(web, stopped.id).state == "cancelled"
    assert len(web.replicate.predictions) == before + 2


@pytest.mark.parametrize("moment", ["crash", "crash-after-writing", "before it is asked"])
def test_an_engine_that_is_killed_pays_nothing_again_and_loses_nothing(web, moment):
    """While it finishes, when its picture lies on the disk and nobody knows of it, and while the provider still works."""
    queue, before = web.queue, len(web.replicate.predictions)
    for number in range(KILLS):
        seen = web.engines()
        job = queue.submit(wish(prompt=f"{moment} {number}"), "ann")
        for engine in web.engines() if moment == "before it is asked" else ():
            engine.kill()
        found = ended(web, job.id)
        assert (found.state, len(found.images), found.cost) == ("done", 1, 0.05), found.error
        assert not seen & web.engines(), "it was killed"
    assert len(web.replicate.predictions) == before + KILLS


def engines():
    return [each for each in psutil.Process().children(recursive=True) if is_engine(each)]


def is_engine(process):
    with contextlib.suppress(psutil.NoSuchProcess):  # it may end meanwhile
        return "tests.fake_engine" in process.cmdline()
    return False


def test_a_chain_that_cannot_be_done_here_is_refused_unpaid(web):
    queue, before = web.queue, len(web.replicate.predictions)
    with pytest.raises(RequestError, match="There is no upscaler named 'nobody'") as refused:
        queue.submit(wish(finish=({"kind": "upscale", "upscaler": "nobody"},)))
    assert refused.value.field == "finish.0.upscaler"
    with pytest.raises(RequestError, match="Choose the picture whose colours are wanted"):
        queue.submit(wish(finish=({"kind": "match_colors"},)))
    engines = queue._state.engines
    try:
        queue._state.engines = {"engine-1": EngineStatus(name="engine-1", device="cpu", state="off", message="It was lost too often.")}
        with pytest.raises(RequestError, match="there is no engine for it: It was lost too often. Take it out."):
            queue.submit(wish())
    finally:
        queue._state.engines = engines
    assert len(web.replicate.predictions) == before


def test_the_start_picture_gives_its_colours(web):
    start = web.gallery.upload(png((1, 2, 3)), "local").id
    resolved = web.queue.resolve(wish(mode="img2img", init=start, finish=({"kind": "match_colors"},)))
    assert resolved.finish == (MatchColorsStep(image=start),)


def test_a_death_between_provider_and_engine_pays_nothing_again(tmp_path, environment, replicate):
    desk = Desk(tmp_path, environment)
    job = desk.submit(finish=(UpscaleStep(),), batch_count=2)
    until(lambda: desk.queue.get(job.id).made and desk.queue.get(job.id).state == "queued")
    desk.close()
    desk.open()
    found = desk.queue.get(job.id)
    assert (found.state, len(found.made), len(found.images)) == ("queued", 2, 0)
    assert found.work.mode == "extras" and found.work.inputs == found.made and found.work.checkpoint == ""
    assert desk.state.backends_waiting() == [] and desk.dispatch.take("engine-1", "").id == job.id
    desk.close()
    assert len(replicate.predictions) == 1


def test_the_command_line_finishes_what_has_come(tmp_path, replicate, monkeypatch, capsys):
    monkeypatch.setenv("REPLICATE_BASE_URL", replicate.url)
    monkeypatch.setenv("REPLICATE_API_TOKEN", replicate.key)
    replicate.schema = {"components": {"schemas": {"Input": {"properties": {"prompt": {"type": "string"}}}}}}
    words = ["generate", "--where", "replicate", "--checkpoint", "owner/name", "a red apple", "--finish", '[{"kind": "upscale"}]']
    assert main([*words, "-o", str(tmp_path / "out.png"), "--data-dir", str(tmp_path / "data"), "--quiet"]) == 0, capsys.readouterr()
    told = capsys.readouterr()
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (128, 128) and "Where: replicate" in image.info["parameters"]
        assert "Postprocess upscaler: Lanczos" in image.info["parameters"]
    assert "takes no seed: this picture cannot be made again." in told.err
    assert any("takes no seed" in note for note in read_metadata((tmp_path / "out.png").read_bytes()).facts["notes"])
