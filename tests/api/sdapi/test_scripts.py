"""Scripts that one chooses make rounds of jobs, and one answer."""

import base64
import io
import json
import threading

import pytest
from PIL import Image

from tests.api.sdapi.conftest import FOX, picture
from tests.waiting import until


@pytest.fixture
def client(server, request):
    with server.client(owner=f"script {request.node.name}".partition("[")[0][:60]) as client:
        yield client


def opened(answer) -> list[Image.Image]:
    assert answer.status_code == 200, answer.text[-400:]
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in answer.json()["images"]]


def test_a_prompt_matrix_makes_every_combination(client):
    body = {"prompt": "a fox|night|snow", "script_name": "Prompt matrix", "script_args": [False, True, "positive", "comma", 0]}
    answer = client.post("/sdapi/v1/txt2img", json=FOX | body)
    assert [each.size for each in opened(answer)] == [(128, 128), *[(64, 64)] * 4]
    info = json.loads(answer.json()["info"])
    assert info["all_prompts"] == ["a fox", "a fox, night", "a fox, snow", "a fox, night, snow"]
    assert info["all_seeds"] == [42, 43, 44, 45] and info["index_of_first_image"] == 1 and len(info["infotexts"]) == 5


def test_prompts_from_lines(client):
    lines = 'a cat\n--prompt "a dog" --steps 3 --seed 9'
    body = {"script_name": "Prompts from file or textbox", "script_args": [True, False, "start", lines, False]}
    answer = client.post("/sdapi/v1/txt2img", json=FOX | {"prompt": "in ink"} | body)
    info = json.loads(answer.json()["info"])
    assert info["all_prompts"] == ["a cat in ink", "a dog in ink"] and info["all_seeds"] == [42, 9] and len(opened(answer)) == 2


def test_prompts_from_lines_as_a1111_s_clients_send_them(client, server):
    """Four arguments, and three of older versions; numbers and flags as texts; what is random stays random for each line."""
    for args in (["false", 1, 0, "a cat\na dog"], [False, True, "a cat\na dog"]):
        body = {"prompt": "in ink", "script_name": "prompts from file or textbox", "script_args": args}
        answer = client.post("/sdapi/v1/txt2img", json=FOX | {"seed": -1} | body)
        info = json.loads(answer.json()["info"])
        assert info["all_prompts"] == ["a cat in ink", "a dog in ink"] and len(set(info["all_seeds"])) == 1
    body["script_args"] = [False, False, "end", "a cat\n--prompt owl --negative_prompt sad --styles Ink --sd_model sd15-ref"]
    info = json.loads(client.post("/sdapi/v1/txt2img", json=FOX | {"seed": -1, "negative_prompt": "dull"} | body).json()["info"])
    assert info["all_prompts"] == ["in ink a cat", "in ink owl, ink drawing, cross hatching"] and len(set(info["all_seeds"])) == 2
    assert info["all_negative_prompts"][1].startswith("dull sad")
    assert "sd15-ref" in server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0].request.checkpoint


def test_loopback_goes_on_from_its_own_picture(client, server):
    body = {"init_images": [picture()], "denoising_strength": 0.8, "script_name": "loopback", "script_args": [3, 0.4, "Linear", "None"]}
    assert [each.size for each in opened(client.post("/sdapi/v1/img2img", json=FOX | body))] == [(128, 128), *[(64, 64)] * 3]
    first, second, third = server.services.queue.jobs(owner=client.headers["x-owner"])
    assert [round(job.request.strength, 2) for job in (first, second, third)] == [0.8, 0.6, 0.4]
    assert second.request.init == first.images[0].id and third.request.seed == 44


def test_sd_upscale_paints_over_tiles(client, server):
    body = {"init_images": [picture()], "denoising_strength": 0.3, "script_name": "SD upscale", "script_args": ["", 8, "Lanczos", 2.0]}
    (large,) = opened(client.post("/sdapi/v1/img2img", json=FOX | body))
    assert large.size == (128, 128) and "parameters" in large.text
    jobs = server.services.queue.jobs(owner=client.headers["x-owner"])
    assert [job.request.seed for job in jobs] == [42 + number for number in range(9)]


def test_outpainting_goes_on_at_each_side(client, server):
    arguments = ["", 16, 4, ["left", "down"], 1.0, 0.05]
    body = {"init_images": [picture()], "denoising_strength": 0.8, "script_name": "Outpainting mk2", "script_args": arguments}
    (large,) = opened(client.post("/sdapi/v1/img2img", json=FOX | body))
    assert large.size == (80, 80) and "parameters" in large.text
    left, down = server.services.queue.jobs(owner=client.headers["x-owner"])
    assert [(job.request.mode, job.request.seed, job.request.only_masked) for job in (left, down)] == [
        ("inpaint", 42, False),
        ("inpaint", 43, False),
    ]
    assert (left.request.width, left.request.height) == (80, 64) and (down.request.width, down.request.height) == (80, 80)
    with Image.open(server.services.gallery.path_by_id(left.request.mask)) as mask:
        assert mask.convert("L").getpixel((17, 30)) == 255 and mask.convert("L").getpixel((30, 30)) == 0


def test_poor_mans_outpainting_leaves_what_is_there(client, server):
    body = {"init_images": [picture()], "script_name": "Poor man's outpainting", "script_args": [32, 0, 2, ["right"]]}
    (large,) = opened(client.post("/sdapi/v1/img2img", json=FOX | body))
    assert large.size == (96, 64)
    (job,) = server.services.queue.jobs(owner=client.headers["x-owner"])
    assert job.request.fill == "latent noise"
    start = Image.open(io.BytesIO(base64.b64decode(picture()))).convert("RGB")
    assert large.convert("RGB").crop((0, 0, 30, 64)).tobytes() == start.crop((0, 0, 30, 64)).tobytes()


BAD = {
    "no side": ("Outpainting mk2", ["", 16, 4, [], 1.0, 0.05]),
    "an unknown side": ("Outpainting mk2", ["", 16, 4, ["north"], 1.0, 0.05]),
    "no list": ("Poor man's outpainting", [16, 4, "fill", "left"]),
    "an unknown fill": ("Poor man's outpainting", [16, 4, 9, ["left"]]),
    "too few": ("Prompt matrix", []),
    "a wrong choice": ("Prompt matrix", [False, False, "both", "comma", 0]),
    "a text for a number": ("SD upscale", ["", "much", "Lanczos", 2]),
    "out of range": ("Loopback", [900, 0.5, "Linear", "None"]),
    "not here": ("Outpainting mk2", []),
    "no axes": ("X/Y/Z plot", []),
    "no such axis": ("X/Y/Z plot", ["Nonsense", "1", [], 0, "", [], 0, "", []]),
    "an absent axis": ("X/Y/Z plot", ["Face restore", "x", [], 0, "", [], 0, "", []]),
    "too many cells": ("X/Y/Z plot", ["Seed", "1-1000", [], 0, "", [], 0, "", []]),
    "no values": ("X/Y/Z plot", ["Steps", "", [], 0, "", [], 0, "", []]),
    "unknown": ("no such", []),
    "an unknown flag": ("Prompts from file or textbox", [False, False, "start", "--outpath /etc x", False]),
    "a wrong value in a line": ("Prompts from file or textbox", [False, False, "start", "--prompt x --steps many"]),
    "no flag": ("Prompt matrix", ["perhaps", False, "positive", "comma", 0]),
    "an upscaler past the list": ("SD upscale", ["", 8, 99, 2]),
    "a choice past the list": ("Loopback", [2, 0.5, 7, "None"]),
    "an axis past the list": ("X/Y/Z plot", [99, "1", [], 0, "", [], 0, "", []]),
    "no lines": ("Prompts from file or textbox", [False, False, "start", "", False]),
}


@pytest.mark.parametrize(("name", "args"), BAD.values(), ids=BAD)
def test_wrong_arguments_are_refused(client, name, args):
    answer = client.post("/sdapi/v1/img2img", json=FOX | {"init_images": [picture()], "script_name": name, "script_args": args})
    assert answer.status_code == 422 and isinstance(answer.json()["detail"], str)


def test_a_failed_round_fails_the_call(client):
    body = {"prompt": "fail|a|b", "script_name": "Prompt matrix", "script_args": [False, False, "positive", "comma", 0]}
    assert client.post("/sdapi/v1/txt2img", json=FOX | body).status_code == 500


def test_interrupting_ends_the_whole_script(client, server):
    body = {"prompt": "never|a|b", "script_name": "Prompt matrix", "script_args": [False, False, "positive", "comma", 0]}
    call = threading.Thread(target=lambda: client.post("/sdapi/v1/txt2img", json=FOX | body))
    call.start()
    with server.client(owner=client.headers["x-owner"]) as other:
        until(lambda: server.services.queue.running_of(client.headers["x-owner"]))
        other.post("/sdapi/v1/interrupt")
        call.join(60)
    assert not call.is_alive() and len(server.services.queue.jobs(owner=client.headers["x-owner"])) == 1


def test_an_xyz_plot_is_one_labelled_picture(client):
    args = [4, "2-3", [], "Prompt S/R", "fox, hen", [], "Nothing", "", [], True, False, False, False, False, False, False, 0, False]
    answer = client.post("/sdapi/v1/txt2img", json=FOX | {"prompt": "a fox", "script_name": "X/Y/Z plot", "script_args": args})
    (sheet,) = opened(answer)
    assert sheet.width > 2 * 64 and sheet.height > 2 * 64 and "parameters" in sheet.text
    info = json.loads(answer.json()["info"])
    assert info["all_prompts"] == ["a fox", "a fox", "a hen", "a hen"] and info["all_seeds"] == [42] * 4


def test_an_xyz_plot_with_its_cells_and_seeds_of_their_own(client):
    args = ["CFG Scale", "3, 7", [], "Sampler", "", ["Euler", "DDIM"], 0, "", [], False, True, False, False, True, True, False, 0, False]
    answer = client.post("/sdapi/v1/txt2img", json=FOX | {"script_name": "x/y/z plot", "script_args": args})
    assert [each.size for each in opened(answer)][1:] == [(64, 64)] * 4
    info = json.loads(answer.json()["info"])
    assert info["all_seeds"] == [42, 43, 44, 45] and info["index_of_first_image"] == 1


AXES = {
    "txt2img": (7, "Prompt S/R", 9, "Sampler", 11, "Checkpoint name"),
    "img2img": (7, "Prompt S/R", 9, "Sampler", 10, "Checkpoint name"),
}


@pytest.mark.parametrize("route", AXES)
def test_axes_have_a1111_s_numbers(client, route):
    """By its list of each route, in which Forge's own axes have no number of their own: they stand last."""
    listed = next(
        each
        for each in client.get("/sdapi/v1/script-info").json()
        if each["name"] == "x/y/z plot" and each["is_img2img"] == (route == "img2img")
    )["args"][0]["choices"]
    numbers, names = AXES[route][::2], AXES[route][1::2]
    assert [listed[number] for number in numbers] == list(names) and listed[-1] == "Distilled CFG Scale"
    args = ["9.0", "Euler, DDIM", "", 0, "", "", 0.0, "", "", "true", "false", None, False, 4]
    start = {"init_images": [picture()]} if route == "img2img" else {}
    answer = client.post(f"/sdapi/v1/{route}", json=FOX | start | {"seed": -1, "script_name": "X/Y/Z plot", "script_args": args})
    info = json.loads(answer.json()["info"])
    assert len(set(info["all_seeds"])) == 1 and len(info["all_seeds"]) == 2 and len(opened(answer)) == 1


def test_a_template_tells_each_pictures_prompt(client):
    answer = client.post("/sdapi/v1/txt2img", json=FOX | {"prompt": "a {fox|hen|owl|cat|dog}", "batch_size": 4})
    prompts = json.loads(answer.json()["info"])["all_prompts"]
    assert len(set(prompts)) > 1 and not any("{" in prompt for prompt in prompts)


def test_dynamic_prompts_are_turned_off_by_the_extensions_own_argument(client):
    off = {"prompt": "a {fox|hen}", "alwayson_scripts": {"Dynamic Prompts v2.17.1": {"args": [False, False, 1]}}}
    answer = client.post("/sdapi/v1/txt2img", json=FOX | off)
    assert json.loads(answer.json()["info"])["prompt"] == "a {fox|hen}"
