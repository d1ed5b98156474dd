"""A picture to start from that a provider does not take: refused before anything is sent, or scaled down where the owner said so."""

import io

import pytest
from PIL import Image

from tests.backends.conftest import Desk
from tests.backends.provider_servers import StabilityServer
from tests.backends.servers import png
from webui.backends.start_pictures import start_pictures
from webui.core.backend import BackendModel
from webui.core.request import GenerationRequest
from webui.errors import RequestError

ID, MASK = "1" * 64, "2" * 64
REQUEST = GenerationRequest(mode="inpaint", init=ID, mask=MASK)


def sent(model, size=(400, 300), scale=False, noise=False, request=REQUEST):
    picture = png(size=size) if not noise else noisy(size)
    return start_pictures(request, BackendModel(name="m", **model), "Fake's m", {ID: picture, MASK: png(size=size)}.__getitem__, scale)


def noisy(size):
    stream = io.BytesIO()
    Image.effect_noise(size, 100).save(stream, "PNG")
    return stream.getvalue()


def size_of(data):
    return Image.open(io.BytesIO(data)).size


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"picture_pixels": 100_000}, "init: Fake's m takes a picture of up to 100,000 pixels; this one has 400x300 and 0.0 MB."),
        ({"picture_side": 256}, "takes a picture with sides of up to 256 pixels; this one has 400x300"),
        ({"picture_bytes": 10}, "takes a picture of up to 0 MB; this one has 400x300"),
        ({"picture_least": 512}, "takes no picture with a side of less than 512 pixels; this one has 400x300."),
    ],
)
def test_what_it_does_not_take_is_a_sentence(model, said):
    with pytest.raises(RequestError) as refused:
        sent(model)
    assert refused.value.field == "init" and said in f"init: {refused.value.message}"


@pytest.mark.parametrize("model", [{}, {"picture_pixels": 120_000, "picture_side": 400, "picture_bytes": 10**6, "picture_least": 300}])
def test_what_it_takes_goes_as_it_is(model):
    found = sent(model, scale=True)
    assert (found.init, found.note) == (png(size=(400, 300)), "")
    assert sent(model, request=GenerationRequest()).init is None


@pytest.mark.parametrize("model", [{"picture_pixels": 30_000}, {"picture_side": 200}, {"picture_bytes": 30_000}])
def test_it_is_scaled_down_where_the_owner_wants_that(model):
    found = sent(model, scale=True, noise=True)
    width, height = size_of(found.init)
    assert size_of(found.mask) == (width, height) and abs(width / height - 4 / 3) < 0.05
    assert width * height <= model.get("picture_pixels", 10**9) and len(found.init) <= model.get("picture_bytes", 10**9)
    assert f"scaled down from 400x300 to {width}x{height}" in found.note
    with pytest.raises(RequestError, match="cannot be made small enough"):
        sent({"picture_bytes": 10}, scale=True)


def test_nothing_is_sent_of_a_picture_that_is_too_large(tmp_path):
    server = StabilityServer()
    desk = Desk(tmp_path, server.environment)
    start = desk.gallery.upload(png(size=(1600, 64)), "local")
    wish = {"where": "stability", "checkpoint": "upscale-fast", "mode": "img2img", "init": start.id}
    with pytest.raises(RequestError, match="Stability AI's upscale-fast takes a picture with sides of up to 1536 pixels"):
        desk.submit(**wish)
    assert server.bodies == []
    desk.settings = desk.settings.model_copy(update={"backend_scale": True})
    job = desk.made(**wish)
    assert job.state == "done", job.error
    assert size_of(server.bodies[0]["image"]) == (1536, 61) and "scaled down from 1600x64 to 1536x61" in " ".join(job.notes)
    desk.close()
    server.close()
