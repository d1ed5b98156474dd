"""Pictures that come in by the API and the page: upright, shown as a job reads them, refused with a sentence."""

import io

import numpy as np
import pytest
from PIL import Image

BODY = {"prompt": "a red apple", "checkpoint": "tiny", "mode": "inpaint"}
UPRIGHT = (48, 80)


def saved(image, format="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def phone(format="JPEG", orientation=6):
    """Upper half red when it is held upright."""
    image = Image.new("RGB", UPRIGHT, "blue")
    image.paste("red", (0, 0, 48, 40))
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    return saved(image.transpose(back), format, exif=exif)


def opened(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [6, 8])
def test_a_phone_picture_is_upright_for_everybody(server, format, orientation):
    with server.client() as client:
        made = client.post("/api/v1/images", content=phone(format, orientation)).json()
        assert (made["width"], made["height"]) == UPRIGHT
        for url in (f"{made['url']}/read", f"{made['url']}/thumb"):
            shown = opened(client.get(url))
            red, _, blue = shown.convert("RGB").getpixel((shown.width // 2, 5))
            assert shown.width < shown.height and red > 200 and blue < 60
        mask = client.post("/api/v1/images", content=saved(Image.new("L", UPRIGHT, 255))).json()["id"]
        job = client.post("/api/v1/jobs", json={**BODY, "init": made["id"], "mask": mask}).json()
        assert job["request"]["width"] < job["request"]["height"]
        lying = client.post("/api/v1/images", content=saved(Image.new("L", UPRIGHT[::-1], 255))).json()["id"]
        answer = client.post("/api/v1/jobs", json={**BODY, "init": made["id"], "mask": lying})
        assert answer.status_code == 422 and answer.json()["field"] == "mask" and "80×48" in answer.json()["message"]


def test_a_plain_picture_is_shown_as_its_file_is(server):
    with server.client() as client:
        data = saved(Image.new("RGB", (64, 64), "red"))
        made = client.post("/api/v1/images", content=data).json()
        assert client.get(f"{made['url']}/read").content == data
        deep = saved(Image.fromarray(np.full((64, 64), 32768, np.uint16)))
        made = client.post("/api/v1/images", content=deep).json()
        shown = opened(client.get(f"{made['url']}/read"))
        assert shown.mode == "RGB" and shown.getpixel((1, 1)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a picture"),
        (saved(Image.new("RGB", (64, 64)))[:-30], "cut off or broken"),
        (phone()[:300], "cut off or broken"),
        (saved(Image.new("1", (9000, 9000))), "million"),
    ],
)
def test_a_picture_that_cannot_be_read_is_refused_where_it_came_in(server, data, said):
    with server.client() as client:
        for url, field in (("/api/v1/images", "file"), ("/page/mask", "mask")):
            answer = client.post(url, content=data)
            assert answer.status_code == 422 and said in answer.json()["message"] and answer.json()["field"] == field


def test_the_page_loads_a_mask_as_a_job_reads_it(server):
    clear = Image.new("LA", (64, 64), (200, 0))
    clear.paste((0, 255), (16, 16, 48, 48))
    with server.client() as client:
        mask = opened(client.post("/page/mask", content=saved(clear)))
        assert mask.mode == "L" and mask.getpixel((2, 2)) == 0 and mask.getpixel((20, 20)) == 255
        deep = np.full((64, 64), 300, np.uint16)
        deep[16:48, 16:48] = 65535
        mask = opened(client.post("/page/mask", content=saved(Image.fromarray(deep))))
        assert mask.getbbox() == (16, 16, 48, 48)
        assert opened(client.post("/page/mask", content=phone())).size == UPRIGHT


def test_a_cut_file_is_read_for_its_texts_and_said(server):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a red apple\nSteps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192")
    whole = saved(Image.new("RGB", (64, 64)), pnginfo=info)
    with server.client() as client:
        found = client.post("/page/parameters/picture", content=whole[:-40]).json()
        assert found["values"]["steps"] == 7 and any("cut off" in line for line in found["left_out"])
        answer = client.post("/page/parameters/picture", content=whole[: whole.index(b"Seed")])
        assert answer.status_code == 422 and "cut off within it" in answer.json()["message"]
