"""Hugging Face's router and the providers behind it, asked as Hugging Face's own client asks; work that is named is kept."""

import io

import huggingface_hub
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.inference._providers import PROVIDERS, _common
from PIL import Image

from tests.backends.conftest import Desk
from tests.backends.provider_servers import HuggingFaceServer
from tests.backends.servers import png
from tests.waiting import until
from webui.errors import RequestError

TEXT = ("hf-inference", "fal-ai", "together", "nscale", "wavespeed")
PICTURE = ("hf-inference", "fal-ai", "together", "wavespeed")
NAMED = (("fal-ai", True), ("wavespeed", False), ("wavespeed", True))
"""Providers that name the work and are asked for it; from a picture?"""


@pytest.fixture
def server():
    server = HuggingFaceServer()
    yield server
    server.close()


@pytest.fixture
def desk(tmp_path, server):
    desk = Desk(tmp_path, server.environment)
    yield desk
    desk.close()


@pytest.fixture
def official(monkeypatch, server):
    """Hugging Face's client, whose router and hub are the server."""
    monkeypatch.setattr(huggingface_hub.constants, "INFERENCE_PROXY_TEMPLATE", f"{server.url}/{{provider}}")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    for task in ("text-to-image", "image-to-image"):
        monkeypatch.setattr(PROVIDERS["hf-inference"][task], "base_url", f"{server.url}/hf-inference")
    _common._fetch_inference_provider_mapping.cache_clear()
    yield lambda provider: InferenceClient(provider=provider, api_key=server.key)
    _common._fetch_inference_provider_mapping.cache_clear()


def wish(desk, server, provider, from_picture=False, **values):
    """A request for one of the providers."""
    if not from_picture:
        return {"where": "huggingface", "checkpoint": f"{server.model}:{provider}", **values}
    start = desk.gallery.upload(png((1, 2, 3)), "local")
    return {"where": "huggingface", "checkpoint": f"{server.from_picture}:{provider}", "mode": "img2img", "init": start.id, **values}


def without_addresses(value):
    """What was sent, with pictures as their bytes alone: the client calls every picture a JPEG."""
    if isinstance(value, dict):
        return {name: without_addresses(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_addresses(each) for each in value]
    return value.partition(",")[2] if isinstance(value, str) and value.startswith("data:image/") else value


def contains(sent, wanted) -> bool:
    """Whether all that is wanted was sent; we send more: a file type where the client names none."""
    if isinstance(wanted, dict):
        return isinstance(sent, dict) and all(name in sent and contains(sent[name], value) for name, value in wanted.items())
    return sent == wanted


@pytest.mark.parametrize("provider", TEXT)
def test_text_is_asked_for_as_the_official_client_does(desk, server, official, provider):
    values = {"negative_prompt": "blur", "width": 512, "height": 768, "seed": 7}
    job = desk.made(**wish(desk, server, provider, steps=9, guidance=4.5, **values))
    assert job.state == "done", job.error
    more = {} if provider == "nscale" else {"num_inference_steps": 9, "guidance_scale": 4.5}
    picture = official(provider).text_to_image("a red apple", model=server.model, **values, **more)
    assert picture.getpixel((3, 3)) == (200, 30, 30), "the client understands this server"
    ours, theirs = server.bodies
    assert contains(ours, theirs), (ours, theirs)
    with Image.open(desk.settings.data_dir / job.images[0].path) as image:
        assert image.getpixel((3, 3)) == (200, 30, 30) and "Where: huggingface" in image.info["parameters"]


@pytest.mark.parametrize("provider", PICTURE)
def test_a_picture_is_started_from_as_the_official_client_does(desk, server, official, provider):
    values = {"negative_prompt": "blur", "steps": 9, "guidance": 4.5, "seed": 7, "strength": 0.4, "width": 512, "height": 768}
    job = desk.made(**wish(desk, server, provider, True, **values))
    assert job.state == "done", job.error
    size = {"target_size": {"width": 512, "height": 768}} if provider in ("hf-inference", "fal-ai") else {}
    size |= {"width": 512, "height": 768} if provider == "together" else {}
    more = {"negative_prompt": "blur", "num_inference_steps": 9, "guidance_scale": 4.5, "seed": 7, "strength": 0.4, **size}
    picture = official(provider).image_to_image(png((1, 2, 3)), "a red apple", model=server.from_picture, **more)
    assert picture.getpixel((3, 3)) == (200, 30, 30)
    ours, theirs = map(without_addresses, server.bodies)
    assert contains(ours, theirs), (ours, theirs)


def test_what_is_served_by_nobody_is_told(desk, server):
    with pytest.raises(RequestError, match="is not served by groq. It is by: hf-inference"):
        desk.submit(where="huggingface", checkpoint=f"{server.model}:groq")
    with pytest.raises(RequestError, match="has no model who/nobody"):
        desk.submit(where="huggingface", checkpoint="who/nobody")
    with pytest.raises(RequestError, match="never makes pictures of a prompt alone. Choose img2img"):
        desk.submit(where="huggingface", checkpoint=f"{server.from_picture}:wavespeed")
    assert server.bodies == []


@pytest.mark.parametrize(("provider", "from_picture"), NAMED)
def test_work_that_is_named_is_taken_up_again_and_not_paid_twice(desk, server, provider, from_picture):
    server.looks = 10**9
    job = desk.submit(**wish(desk, server, provider, from_picture))
    until(lambda: [part for part in desk.parts.of(job.id) if part.id])
    desk.close()
    server.left = 0
    desk.open()
    assert desk.wait(job).state == "done", desk.queue.get(job.id).error
    assert server.made == 1


@pytest.mark.parametrize(("provider", "from_picture"), [("fal-ai", False), *NAMED])
def test_a_filter_is_the_jobs_sentence(desk, server, provider, from_picture):
    server.flagged = True
    job = desk.made(**wish(desk, server, provider, from_picture))
    assert job.state == "failed" and "its filter held the picture back" in job.error.message


def test_what_wavespeed_says_of_a_failure_is_told_and_a_word_that_is_new_is_waited_for(desk, server):
    server.error, server.waiting = "out of credit", "warming"
    job = desk.made(**wish(desk, server, "wavespeed"))
    assert job.state == "failed" and "Hugging Face made no picture: out of credit." in job.error.message


@pytest.mark.parametrize(("provider", "from_picture"), NAMED)
def test_work_that_never_ends_is_given_up(desk, server, provider, from_picture):
    server.looks = 10**9
    desk.settings = desk.settings.model_copy(update={"backend_minutes": 0.002})
    job = desk.made(**wish(desk, server, provider, from_picture))
    assert job.state == "failed" and "was not done after 0.002 minutes" in job.error.message


SHAPES = ([], 5, None, {"data": 5}, {"data": [5]}, {"images": 5, "data": {"urls": 5}}, {"data": {"urls": {"get": 5}}})


@pytest.mark.parametrize("provider", TEXT)
@pytest.mark.parametrize("answer", SHAPES, ids=str)
def test_an_answer_of_another_shape_is_a_sentence(desk, server, provider, answer):
    server.faults = [(200, {}, answer)]
    job = desk.made(**wish(desk, server, provider))
    assert job.state == "failed" and job.error.kind == "BackendError", job.error
    assert "could not be used" not in job.error.message, "nobody thought of this: a fault of ours"


def test_a_file_of_another_kind_is_no_picture(desk, server):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PDF")
    server.file = stream.getvalue()
    job = desk.made(**wish(desk, server, "wavespeed"))
    assert job.state == "failed" and "not a picture we can use" in job.error.message
