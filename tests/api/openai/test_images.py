"""OpenAI's own client makes, changes and varies pictures on a live server."""

import base64
import io
import json

import httpx
import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from PIL import Image

from tests.api.conftest import Server, server  # noqa: F401 - a fixture


@pytest.fixture
def client(server):  # noqa: F811
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", default_headers={"X-Owner": "openai user"}, max_retries=0) as client:
        yield client


@pytest.fixture
def jobs(server):  # noqa: F811
    return lambda: server.services.queue.jobs(owner="openai user", newest=True, limit=1)[0]


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def png(mode: str = "RGB", colour="red", size=(64, 64)) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG")
    return stream.getvalue()


def test_generate(client, jobs):
    made = client.images.generate(prompt="a red apple", model="gpt-image-2", n=2, size="128x64", extra_body={"darkroom": {"seed": 5}})
    assert [opened(each.b64_json).size for each in made.data] == [(128, 64)] * 2
    assert made.size == "128x64" and made.output_format == "png" and made.usage.total_tokens == 0
    assert jobs().request.seed == 5 and jobs().owner == "openai user"


def test_generate_gives_addresses_and_other_formats(client, server):  # noqa: F811
    made = client.images.generate(prompt="a", response_format="url")
    assert made.data[0].url.startswith(server.url) and httpx.get(made.data[0].url, timeout=120).headers["content-type"] == "image/png"
    unasked = client.images.generate(prompt="a", model="dall-e-3", quality="standard", style="vivid").data[0]  # as LibreChat asks
    assert unasked.b64_json is None and unasked.url is not None and unasked.url.startswith(server.url)
    assert opened(client.images.generate(prompt="a", model="dall-e-3", response_format="b64_json").data[0].b64_json)
    jpeg = client.images.generate(prompt="a", output_format="jpeg", output_compression=50)
    assert opened(jpeg.data[0].b64_json).format == "JPEG"


def test_quality_is_steps(client, jobs):
    client.images.generate(prompt="a", model="tiny", quality="low")
    low = jobs().request.steps
    client.images.generate(prompt="a", model="tiny", quality="high")
    assert low < jobs().request.steps


def test_edit_the_whole_picture_and_a_part(client, jobs):
    client.images.edit(image=png(), prompt="a green apple")
    assert jobs().request.mode == "img2img"
    made = client.images.edit(image=png(), mask=png("RGBA", (0, 0, 0, 0)), prompt="a green apple", size="64x64")
    assert jobs().request.mode == "inpaint" and opened(made.data[0].b64_json).size == (64, 64)


def test_fields_of_ours_come_in_a_form_too(client, jobs):
    client.images.edit(image=png(), prompt="a", extra_body={"darkroom": {"seed": 7, "negative_prompt": "fog"}})
    assert (jobs().request.seed, jobs().request.negative_prompt) == (7, "fog")
    client.images.edit(image=png(), prompt="a", extra_body={"darkroom": '{"seed": 8}'})
    assert jobs().request.seed == 8
    for wrong in ("{", "[1]", "7"):
        with pytest.raises(BadRequestError) as caught:
            client.images.edit(image=png(), prompt="a", extra_body={"darkroom": wrong})
        assert caught.value.body["param"] == "darkroom"


def test_what_has_no_effect_is_named_in_a_header_and_at_the_job(client, jobs):
    plain = client.images.with_raw_response.generate(prompt="a", user="anna")
    assert "x-darkroom-notes" not in plain.headers
    more = {"moderation": "low", "style": "vivid", "extra_body": {"watermark": True}}
    told = json.loads(client.images.with_raw_response.generate(prompt="a", **more).headers["x-darkroom-notes"])
    assert all(name in told[0] for name in ("moderation", "style", "watermark")) and jobs().notes == tuple(told)
    edited = client.images.with_raw_response.edit(image=png(), prompt="a", input_fidelity="high")
    assert "input_fidelity" in edited.headers["x-darkroom-notes"]
    with client.images.with_streaming_response.generate(prompt="a", stream=True, style="vivid") as streamed:
        assert "style" in streamed.headers["x-darkroom-notes"]


def test_a_mask_of_another_size_or_without_holes_is_refused(client):
    for mask in (png("RGBA", (0, 0, 0, 0), (32, 64)), png("RGBA", (0, 0, 0, 255)), png()):
        with pytest.raises(BadRequestError, match="mask") as caught:
            client.images.edit(image=png(), mask=mask, prompt="a")
        assert caught.value.body["param"] == "mask"


def test_an_address_holds_no_key_opens_without_one_and_cannot_be_changed(tmp_path):
    locked = Server(tmp_path, access_key="open sesame", admin_key="the-admin-key")
    try:
        with OpenAI(base_url=f"{locked.url}/v1", api_key="the-admin-key", max_retries=0) as client:
            wanted = {"prompt": "a", "response_format": "url", "output_format": "webp", "output_compression": 40}
            url = client.images.generate(**wanted).data[0].url
        assert "the-admin-key" not in url and "sesame" not in url
        opened = httpx.get(url)
        assert opened.headers["content-type"] == "image/webp" and Image.open(io.BytesIO(opened.content)).format == "WEBP"
        until = int(url.partition("until=")[2].partition("&")[0])
        for other in (
            url.replace(".40.webp", ".40.png"),
            url[:-1] + ("0" if url[-1] != "0" else "1"),
            url.partition("?")[0],
            url.replace(f"until={until}", f"until={until + 9}"),
            url.replace(f"until={until}", "until=1"),
            url.replace("/v1/images/files/", "/api/v1/images/"),
        ):
            assert httpx.get(other).status_code == 401, other
        assert httpx.post(url).status_code == 401
        assert httpx.get(url.partition("?")[0], headers={"X-Access-Key": "the-admin-key"}).status_code == 403
    finally:
        locked.close()


def test_what_is_transparent_is_changed(client, jobs, server):  # noqa: F811
    picture = Image.new("RGBA", (64, 64), "red")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 64))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    client.images.edit(image=stream.getvalue(), prompt="a green apple")
    with Image.open(server.services.gallery.path_by_id(jobs().request.mask)) as mask:
        assert mask.getpixel((5, 5)) == 255 and mask.getpixel((60, 5)) == 0


def test_vary(server, jobs):  # noqa: F811 - the client has it no longer
    with httpx.Client(base_url=server.url, headers={"X-Owner": "openai user"}, timeout=60) as http:
        answer = http.post("/v1/images/variations", files={"image": png()}, data={"n": "2", "response_format": "b64_json"})
    assert answer.status_code == 200 and len(answer.json()["data"]) == 2
    assert jobs().request.strength == 0.6


def test_stream(client):
    events = list(client.images.generate(prompt="a slow apple", stream=True, partial_images=2))
    assert events[-1].type == "image_generation.completed" and opened(events[-1].b64_json).format == "PNG"


def test_a_failed_stream_raises(client):
    from openai import APIError

    with pytest.raises(APIError, match="did not foresee"):
        list(client.images.generate(prompt="fail", stream=True))


def test_models(client):
    names = [each.id for each in client.models.list()]
    assert "tiny" in names and client.models.retrieve("tiny").owned_by == "darkroom"
    with pytest.raises(NotFoundError, match="no checkpoint named"):
        client.models.retrieve("none-such")


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "12by12"},
        {"size": "99999x8"},
        {"n": 99},
        {"background": "transparent"},
        {"extra_body": {"darkroom": {"no_such": 1}}},
        {"extra_body": {"darkroom": {"steps": -1}}},
        {"extra_body": {"n": "many"}},
        {"output_format": "svg"},
    ],
)
def test_bad_values_are_refused_in_openais_shape(client, wrong):
    with pytest.raises(BadRequestError) as caught:
        client.images.generate(**{"prompt": "a", **wrong})
    assert caught.value.body["type"] == "invalid_request_error" and caught.value.body["param"]


def test_bad_pictures_and_forms_are_refused(client, server):  # noqa: F811
    with pytest.raises(BadRequestError, match="not a picture"):
        client.images.edit(image=b"<svg/>", prompt="a")
    with httpx.Client(base_url=server.url, headers={"X-Owner": "openai user"}, timeout=120) as http:
        for answer in (
            http.post("/v1/images/edits", json={"prompt": "a"}),
            http.post("/v1/images/edits", data={"prompt": "a"}, files={"other": b"x"}),
            http.post("/v1/images/edits", content=b"--x\r\nbroken", headers={"content-type": "multipart/form-data; boundary=y"}),
            http.post("/v1/images/generations", content=b"{"),
            http.post("/v1/images/generations", json={"prompt": ""}),
        ):
            assert answer.status_code == 400 and answer.json()["error"]["message"], answer.text
        for field, form in (("image", {"image": b"<svg/>"}), ("mask", {"image": png(), "mask": b"<svg/>"})):
            for route in ("edits", "variations") if field == "image" else ("edits",):
                answer = http.post(f"/v1/images/{route}", data={"prompt": "a"}, files=form)
                assert answer.status_code == 400 and answer.json()["error"]["param"] == field, answer.text
        nan = http.post("/v1/images/generations", content=b'{"prompt": "a", "cfg": NaN}', headers={"content-type": "application/json"})
        assert nan.status_code == 400 and nan.json()["error"]["param"] == "cfg"
        assert http.get("/v1/chat/completions").json()["error"]["type"] == "not_found_error"
