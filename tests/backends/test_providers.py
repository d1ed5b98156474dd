"""Every provider with the same faults: each ends in a picture or in a sentence, and what may have been paid is not asked for again."""

import pytest
from PIL import Image

from tests.backends.conftest import Desk
from tests.backends.provider_servers import HordeServer, HuggingFaceServer, OpenAIServer, StabilityServer
from tests.backends.servers import bomb, png
from tests.waiting import until
from webui.errors import PaysAgain, RequestError

SERVERS = (OpenAIServer, StabilityServer, HordeServer, HuggingFaceServer)


@pytest.fixture(params=SERVERS, ids=lambda each: each.name)
def server(request):
    server = request.param()
    yield server
    server.close()


@pytest.fixture
def open_desk(tmp_path):
    desks = []

    def make(server, **settings):
        desks.append(Desk(tmp_path, server.environment, **settings))
        return desks[-1]

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(open_desk, server):
    return open_desk(server)


def made(desk, server, **values):
    return desk.made(where=server.name, checkpoint=values.pop("checkpoint", server.model), **server.extra, **values)


def test_a_picture(desk, server):
    job = made(desk, server, seed=5)
    assert job.state == "done", job.error
    with Image.open(desk.settings.data_dir / job.images[0].path) as image:
        assert image.getpixel((3, 3)) == (200, 30, 30) and f"Where: {server.name}" in image.info["parameters"]
    assert server.made == 1


def test_its_models_are_offered(desk, server):
    spec = desk.backends.spec(server.name)
    names = [model.name for model in desk.backends.models(spec)]
    assert server.model in names or server.name == "huggingface"
    assert desk.submit(where=server.name, checkpoint=None, **server.extra).request.checkpoint


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((401, {}, {"message": "who are you"}), "does not take the key: who are you. Check"),
        ((402, {}, {"message": "no money"}), "wants to be paid first: no money."),
        (
            (403, {}, {"name": "content_moderation", "errors": ["Your request was flagged"]}),
            "does not allow this: Your request was flagged.",
        ),
        ((404, {}, {}), "has no such thing. Is the model's name right?"),
        ((400, {}, {"error": {"message": "Your request was rejected by the safety system."}}), "rejected by the safety system"),
        ((422, {}, {"errors": ["seed: must be a number"]}), "refuses this: seed: must be a number."),
        ((302, {"Location": "http://10.0.0.1/"}, {}), "sends on to another address"),
    ],
)
def test_a_refusal_is_a_sentence(desk, server, fault, said):
    server.faults = [fault]
    job = made(desk, server)
    assert job.state == "failed" and said in job.error.message, job.error
    assert server.made == 0 and job.cost == 0


@pytest.mark.parametrize("fault", [(429, {"Retry-After": "0"}, {}), (500, {"Retry-After": "0"}, {}), (503, {"Retry-After": "0"}, {})])
def test_a_fault_that_passes_is_waited_for(desk, server, fault):
    server.faults = [fault, fault]
    job = made(desk, server)
    assert job.state == "done", job.error
    assert server.made == 1


def test_faults_without_end_are_given_up(open_desk, server):
    desk = open_desk(server, backend_minutes=0.002)
    server.faults = [(429, {"Retry-After": "0"}, {"message": "slow down"})] * 1000
    job = made(desk, server)
    assert job.state == "failed" and "asks for a pause: slow down" in job.error.message


def test_an_answer_that_is_lost_is_never_paid_twice(desk, server):
    server.faults = ["cut after"]
    job = made(desk, server)
    if desk.backends.spec(server.name).resends:
        assert job.state == "done", "it is free: asking again costs nothing"
        return
    assert job.state == "failed" and "It may have been made and paid for" in job.error.message
    assert server.made == 1
    price = desk.parts.spent("local", 0)
    if price:
        with pytest.raises(PaysAgain, match="may have been paid for already"):
            desk.queue.retry(job.id)
    again = desk.wait(desk.queue.retry(job.id, pay_again=True))
    assert again.state == "done" and server.made == 2, again.error
    assert desk.parts.spent("local", 0) == 2 * price, "what may have been paid counts as paid"


@pytest.mark.parametrize("file", [b"<html>no picture</html>", bomb(), png()[:70], b""])
def test_what_is_no_picture_is_told(desk, server, file):
    server.file = file
    job = made(desk, server)
    assert job.state == "failed" and job.error.message, job.error
    assert "Traceback" not in job.error.message


def test_a_key_that_is_wrong_or_missing(open_desk, server):
    variable = desk_variable = next(name for name in server.environment if name.endswith(("KEY", "TOKEN")))
    desk = open_desk(server)
    desk.environment[variable] = "wrong"
    job = made(desk, server)
    assert job.state == "failed" and "does not take the key" in job.error.message and desk_variable in job.error.message
    del desk.environment[variable]
    if desk.backends.spec(server.name).needs_key:
        with pytest.raises(RequestError, match=f"has no key here. Set {variable}"):
            desk.submit(where=server.name, checkpoint=server.model)


# What is each one's own ------------------------------------------------------------------------------------------------


def test_openai_is_asked_as_its_api_says(open_desk):
    server = OpenAIServer()
    desk = open_desk(server)
    job = made(desk, server, batch_count=2, steps=9, width=512, height=768, where_options='{"quality": "low"}')
    assert job.state == "done", job.error
    assert server.bodies == [{"model": server.model, "prompt": "a red apple", "n": 2, "size": "512x768", "quality": "low"}]
    assert job.notes[0] == "OpenAI does not use: Sampling steps. Left out."
    assert any("takes no seed: this picture cannot be made again" in note for note in job.images[0].notes)
    assert any("The prompt was changed to: an apple, red" in note for note in job.images[0].notes)
    start, mask = desk.gallery.upload(png(), "local"), desk.gallery.upload(png((255, 255, 255)), "local")
    assert made(desk, server, mode="inpaint", init=start.id, mask=mask.id).state == "done"
    assert server.calls[-1] == ("POST", "/v1/images/edits") and server.bodies[-1]["mask"].startswith("\x89PNG")
    with pytest.raises(RequestError, match="1024x1024, 1536x1024, 1024x1536 only"):
        desk.submit(where="openai", checkpoint="gpt-image-1-mini", width=512)
    server.close()


def test_openai_is_asked_as_the_official_client_does(open_desk):
    import openai

    server = OpenAIServer()
    desk = open_desk(server)
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0)
    same = {"model": server.model, "prompt": "a red apple", "n": 1, "size": "1024x1024"}
    assert made(desk, server, width=1024, height=1024).state == "done"
    assert client.images.generate(**same).data[0].b64_json, "the client understands this server"
    start, mask = desk.gallery.upload(png(), "local"), desk.gallery.upload(png((255, 255, 255)), "local")
    assert made(desk, server, mode="inpaint", init=start.id, mask=mask.id, width=1024, height=1024).state == "done"
    sent = {name: (f"{name}.png", server.bodies[-1][name].encode("latin1"), "image/png") for name in ("image", "mask")}
    assert client.images.edit(**sent, **same).data[0].b64_json
    written, asked, painted, painted_there = server.bodies
    assert written == asked and painted == painted_there, "byte for byte"
    assert [path for _, path in server.calls] == ["/v1/images/generations"] * 2 + ["/v1/images/edits"] * 2
    assert [model.id for model in client.models.list()] == [server.model, "gpt-5"]
    client.close()
    server.close()


def test_stability_is_asked_as_its_api_says(open_desk):
    server = StabilityServer()
    desk = open_desk(server)
    job = made(desk, server, seed=7, guidance=5, width=1024, height=576, negative_prompt="blur")
    assert job.state == "done" and job.cost == 0.065
    sent = server.bodies[0]
    assert sent["path"] == "/v2beta/stable-image/generate/sd3" and sent["aspect_ratio"] == b"16:9" and sent["model"] == b"sd3.5-large"
    assert (sent["seed"], sent["cfg_scale"], sent["negative_prompt"]) == (b"7", b"5.0", b"blur")
    start = desk.gallery.upload(png(), "local")
    assert made(desk, server, mode="img2img", init=start.id, strength=0.5).state == "done"
    assert (
        server.bodies[1]["mode"] == b"image-to-image" and server.bodies[1]["strength"] == b"0.5" and "aspect_ratio" not in server.bodies[1]
    )
    server.reason = "CONTENT_FILTERED"
    job = made(desk, server)
    assert job.state == "failed" and "its filter blurred this picture" in job.error.message
    server.reason = "SUCCESS"
    out = {"mode": "img2img", "init": start.id, "where": "stability"}
    for model, options in (("outpaint", {"outpaint": {"left": 64, "bottom": 128}}), ("upscale-fast", {}), ("upscale-conservative", {})):
        job = desk.wait(desk.submit(checkpoint=model, seed=7, **out, **options))
        assert job.state == "done" and job.cost == {"outpaint": 0.04, "upscale-fast": 0.02}.get(model, 0.4), job.error
    sides, fast, careful = (dict(body) for body in server.bodies[-3:])
    assert sides["path"] == "/v2beta/stable-image/edit/outpaint" and (sides["left"], sides["up"], sides["down"]) == (b"64", b"0", b"128")
    assert fast["path"].endswith("/upscale/fast") and "prompt" not in fast and fast["image"].startswith(b"\x89PNG")
    assert careful["path"].endswith("/upscale/conservative") and careful["prompt"] == b"a red apple"
    assert "Say on which side" in desk.wait(desk.submit(checkpoint="outpaint", **out)).error.message
    server.close()


def test_the_horde_is_asked_as_its_api_says(open_desk):
    server = HordeServer()
    desk = open_desk(server)
    job = made(desk, server, seed=7, sampler="DPM++ 2M", negative_prompt="blur", steps=12)
    assert job.state == "done" and job.cost == 0
    sent = server.bodies[0]
    assert sent["prompt"] == "a red apple ### blur" and sent["models"] == ["stable_diffusion"] and sent["params"]["seed"] == "7"
    assert (sent["params"]["sampler_name"], sent["params"]["karras"], sent["params"]["steps"]) == ("k_dpmpp_2m", True, 12)
    assert any("Made by w of AI Horde" in note for note in job.images[0].notes)
    server.looks = 10**6
    job = desk.submit(where="horde", checkpoint="stable_diffusion", **server.extra)
    until(lambda: desk.parts.of(job.id) and desk.parts.of(job.id)[0].id)
    desk.queue.cancel(job.id)
    assert desk.wait(job).state == "cancelled" and server.deleted == ["horde-2"]
    server.possible = False
    assert "no machine there makes such pictures" in made(desk, server).error.message
    server.close()
