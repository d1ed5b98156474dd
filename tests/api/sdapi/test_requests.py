"""What is asked over /sdapi/v1 becomes the caller's own job; what is not understood is named; what is wrong is refused."""

import base64
import http.client
import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.api.sdapi.conftest import FOX, picture
from tests.library.test_scan import write
from webui.api.sdapi.translate import without_comments
from webui.prompts import strip_comments

EXTRAS = Path(__file__).resolve().parents[2] / "data" / "reference" / "extras"


@pytest.fixture
def client(server, request):
    with server.client(owner=f"asks {request.node.name}".partition("[")[0][:60]) as client:
        yield client


def made(client, server, route: str = "txt2img", **fields):
    """(the answer, the job that it made)."""
    answer = client.post(f"/sdapi/v1/{route}", json=FOX | fields)
    assert answer.status_code == 200, answer.text[-500:]
    return answer, server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]


def notes(answer) -> str:
    return " ".join(json.loads(answer.headers.get("x-darkroom-notes", "[]")))


def test_a_call_is_a_job_of_the_caller_with_a_picture_in_the_gallery(client, server):
    answer, job = made(client, server)
    (shown,) = answer.json()["images"]
    assert job.state == "done" and job.owner == client.headers["x-owner"]
    assert base64.b64decode(shown) == server.services.gallery.path(job.images[0]).read_bytes()


def test_fields_become_the_requests(client, server):
    fields = {"cfg_scale": 5, "subseed": 7, "subseed_strength": 0.25, "seed_resize_from_w": 128, "seed_resize_from_h": 64}
    _, job = made(client, server, **fields, tiling=True, eta=0.5, s_churn=1, s_tmin=0.1, s_noise=1.1, n_iter=2)
    request = job.request
    assert (request.guidance, request.variation_seed, request.variation_strength) == (5, 7, 0.25)
    assert (request.seed_resize_width, request.seed_resize_height, request.tiling, request.batch_count) == (128, 64, True, 2)
    options = request.sampler_options
    assert (options.eta, options.churn, options.churn_min, options.noise_scale) == (0.5, 1, 0.1, 1.1)


def test_hires_fix_with_another_checkpoint(client, server):
    hires = {"enable_hr": True, "hr_upscaler": "Latent", "hr_cfg": 6, "hr_checkpoint_name": "sd15-ref"}
    answer, job = made(client, server, **hires)
    assert job.request.hires.checkpoint.startswith("sd15-ref") and "hr_checkpoint_name" not in notes(answer)
    refused = client.post("/sdapi/v1/txt2img", json=FOX | hires | {"hr_checkpoint_name": "nowhere"})
    assert refused.status_code == 422 and "hr_checkpoint_name" in refused.text


def test_hires_fix(client, server):
    hires = {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Lanczos", "hr_second_pass_steps": 3, "hr_cfg": 6, "hr_prompt": "a fox"}
    _, job = made(client, server, **hires, denoising_strength=0.4, hr_sampler_name="Use same sampler")
    found = job.request.hires
    assert (found.scale, found.upscaler, found.steps, found.guidance, found.prompt) == (1.5, "Lanczos", 3, 6, "a fox")
    assert found.strength == 0.4 and found.sampler is None


def test_inpainting(client, server):
    fields = {"mask": picture("in-mask.png"), "inpainting_fill": 2, "inpaint_full_res_padding": 8, "inpainting_mask_invert": 1}
    _, job = made(client, server, "img2img", init_images=[picture()], **fields, mask_blur=3, resize_mode=1)
    request = job.request
    assert (request.mode, request.fill, request.padding, request.invert_mask) == ("inpaint", "latent noise", 8, True)
    assert (request.mask_blur, request.resize_mode, request.only_masked) == (3, "Crop and resize", True)


def test_several_start_pictures_are_a_batch(client, server):
    inits = [picture(), picture("in-parameters.jpg")]
    answer, _ = made(client, server, "img2img", init_images=inits, batch_size=2, n_iter=2)
    assert len(answer.json()["images"]) == 4 and json.loads(answer.json()["info"])["all_seeds"] == [42, 43, 44, 45]
    starts = [job.request.init for job in server.services.queue.jobs(owner=client.headers["x-owner"])]
    assert starts[0] == starts[2] != starts[1] == starts[3]


def test_a_checkpoint_is_found_by_what_its_list_says(client, server):
    listed = next(each for each in client.get("/sdapi/v1/sd-models").json() if each["model_name"] == "sd15-ref")
    for name in ("title", "model_name", "hash", "sha256", "filename"):
        _, job = made(client, server, override_settings={"sd_model_checkpoint": listed[name]})
        assert job.request.checkpoint.startswith("sd15-ref"), name


def test_a_mask_of_another_size_is_brought_to_the_pictures(client, server):
    stream = io.BytesIO()
    Image.new("L", (32, 16), 255).save(stream, "PNG")
    mask = base64.b64encode(stream.getvalue()).decode()
    _, job = made(client, server, "img2img", init_images=[picture()], mask=mask)
    with Image.open(server.services.gallery.path_by_id(job.request.mask)) as kept:
        assert kept.size == (64, 64)


def test_unknown_names_are_replaced_and_named_in_the_header_and_the_jobs_notes(client, server):
    answer, job = made(client, server, sampler_name="No such", scheduler="Nor this", styles=["Nowhere"], restore_faces=True)
    assert job.request.sampler == "DPM++ 2M"
    for word in ("No such", "Nor this", "Nowhere", "faces"):
        assert word in notes(answer) and word in " ".join(job.notes)


@pytest.mark.parametrize(
    ("name", "sampler", "schedule"),
    [
        ("k_euler_a", "Euler a", "Automatic"),
        ("DPM++ 2M Karras", "DPM++ 2M", "Karras"),
        ("DPM++ SDE Karras", "DPM++ SDE", "Karras"),
        ("k_dpmpp_2m_ka", "DPM++ 2M", "Karras"),
        ("Euler A", "Euler a", "Automatic"),
    ],
)
def test_older_names_of_samplers_work(client, server, name, sampler, schedule):
    answer, job = made(client, server, sampler_name=name)
    assert (job.request.sampler, job.request.schedule, notes(answer)) == (sampler, schedule, "")


def test_an_override_is_for_this_request_only(client, server):
    _, job = made(client, server, override_settings={"CLIP_stop_at_last_layers": 2, "sd_vae": "Automatic"})
    assert job.request.clip_skip == 2
    assert client.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 1
    _, job = made(client, server, override_settings={"CLIP_stop_at_last_layers": 2}, override_settings_restore_afterwards=False)
    assert client.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 2


def test_options_are_each_users_own(client, server):
    assert client.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 3, "sd_model_checkpoint": "sd15-ref"}).json() is None
    _, job = made(client, server)
    assert job.request.clip_skip == 3 and job.request.checkpoint.startswith("sd15-ref")
    with server.client(owner="another user") as other:
        assert other.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 1


def test_options_read_can_be_sent_back_whole(client):
    options = client.get("/sdapi/v1/options").json()
    assert client.post("/sdapi/v1/options", json=options).status_code == 200
    assert client.get("/sdapi/v1/options").json() == options
    assert type(options["ESRGAN_tile"]) is int


@pytest.mark.parametrize(
    "wrong",
    [
        {"CLIP_stop_at_last_layers": "two"},
        {"no_such": 1},
        {"sd_model_checkpoint": "none-such"},
        {"tiling": 1},
        {"CLIP_stop_at_last_layers": 99},
    ],
)
def test_a_wrong_option_is_refused_and_nothing_of_its_call_is_kept(client, wrong):
    before = client.get("/sdapi/v1/options").json()
    answer = client.post("/sdapi/v1/options", json={"samples_format": "webp", **wrong})
    assert answer.status_code == 422 and answer.json()["detail"].endswith((".", "?"))
    assert client.get("/sdapi/v1/options").json() == before


def test_pictures_come_in_the_format_that_the_caller_chose(client, server):
    client.post("/sdapi/v1/options", json={"samples_format": "jpg"})
    answer, _ = made(client, server)
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["images"][0]))) as image:
        assert image.format == "JPEG"


def test_infotext_fills_what_is_not_sent(client, server):
    text = "an owl\nNegative prompt: day\nSteps: 3, Sampler: Euler a, CFG scale: 4, Seed: 77, Size: 128x64, Clip skip: 2, ENSD: 31337"
    answer = client.post("/sdapi/v1/txt2img", json={"width": 64, "infotext": text})
    job = server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]
    assert answer.status_code == 200
    assert (job.request.prompt, job.request.width, job.request.height, job.request.seed) == ("an owl", 64, 64, 77)
    assert (job.request.steps, job.request.clip_skip, job.request.sampler_options.ensd) == (3, 2, 31337)


def test_an_extensions_values_come_through_alwayson_scripts(client, server):
    _, job = made(client, server, alwayson_scripts={"Film_grain": {"args": [0.5]}})
    assert job.request.extras == {"film_grain": {"amount": 0.5}}


def test_a1111s_own_scripts_have_their_effect_or_are_named(client, server):
    answer, job = made(client, server, alwayson_scripts={"refiner": {"args": [True, "sd15-ref", 0.5]}, "Seed": {"args": [5]}})
    assert "sd15-ref" in job.request.refiner_checkpoint and job.request.refiner_switch_at == 0.5 and "'Seed'" in notes(answer)
    labels = {"Soft inpainting": True, "Schedule bias": 2, "Preservation strength": 0.25}
    for args in ([True, 2, 0.25], [labels]):
        mask = {"init_images": [picture()], "mask": picture(), "alwayson_scripts": {"Soft inpainting": {"args": args}}}
        answer, job = made(client, server, "img2img", **mask)
        assert (job.request.soft_inpaint.schedule_bias, job.request.soft_inpaint.preservation) == (2, 0.25) and not notes(answer)


def test_options_without_effect_are_named_as_they_are_set(client):
    answer = client.post("/sdapi/v1/options", json={"save_to_dirs": False, "tiling": False})
    assert answer.status_code == 200 and answer.json() is None and "save_to_dirs" in notes(answer) and "tiling" not in notes(answer)


def test_a_script_that_is_not_here_is_named(client, server):
    answer, _ = made(client, server, alwayson_scripts={"ReActor": {"args": [True]}, "ControlNet": {"args": []}})
    assert "ReActor" in notes(answer) and "ControlNet" not in notes(answer)
    units = {"ControlNet": {"args": [{"enabled": True, "module": "canny"}]}}
    refused = client.post("/sdapi/v1/txt2img", json=FOX | {"alwayson_scripts": units})
    assert refused.status_code == 422 and "ControlNet" in refused.json()["detail"]


@pytest.mark.parametrize(
    "title",
    [
        *("Multidiffusion", "MultiDiffusion Integrated", "Never OOM Integrated", "Never OOM", "StyleAlign Integrated 1.2"),
    ],
)
def test_titles_of_all_versions_are_one_script(client, server, title):
    assert title in notes(made(client, server, alwayson_scripts={title: {"args": [True, 1.1]}})[0])
    assert not notes(made(client, server, alwayson_scripts={title: {"args": [False, 1.1]}})[0])


def test_fields_that_nobody_knows_are_named(client, server):
    answer, job = made(client, server, use_unknown=True, other={"a": 1})
    assert all(name in notes(answer) and name in " ".join(job.notes) for name in ("'use_unknown'", "'other'"))
    assert "use_unknown" not in answer.json()["parameters"]
    extras = client.post("/sdapi/v1/extra-single-image", json={"image": picture(), "upscaler_1": "Lanczos", "sharpen": 1})
    assert extras.status_code == 200 and "'sharpen'" in notes(extras)


ASKED = {
    "cfg_scale": ({}, {"cfg_scale": "much"}),
    "n_iter": ({}, {"n_iter": 0}),
    "batch_size": ({}, {"batch_size": 1000}),
    "subseed": ({}, {"subseed": 2**70}),
    "seed_resize_from_w": ({}, {"seed_resize_from_w": 10**6}),
    "hr_scale": ({}, {"enable_hr": True, "hr_scale": 90}),
    "hr_second_pass_steps": ({}, {"enable_hr": True, "hr_second_pass_steps": 10**6}),
    "hr_upscaler": ({}, {"enable_hr": True, "hr_upscaler": "no such"}),
    "hr_cfg": ({}, {"enable_hr": True, "hr_cfg": 999}),
    "s_churn": ({}, {"s_churn": -1}),
    "eta": ({}, {"eta": 99}),
    "override_settings.eta_ancestral": ({}, {"override_settings": {"eta_ancestral": 99}}),
    "override_settings.sd_vae": ({}, {"override_settings": {"sd_vae": "no such"}}),
    "inpaint_full_res_padding": ({"mask": picture("in-mask.png")}, {"inpaint_full_res_padding": 10**6}),
    "mask_blur_x": ({"mask": picture("in-mask.png")}, {"mask_blur_x": 10**6}),
    "image_cfg_scale": ({"init_images": [picture()]}, {"image_cfg_scale": 300}),
    "initial_noise_multiplier": ({"init_images": [picture()]}, {"initial_noise_multiplier": 30}),
    "override_settings.upscaler_for_img2img": ({"init_images": [picture()]}, {"override_settings": {"upscaler_for_img2img": "no such"}}),
    "refiner_checkpoint": ({}, {"refiner_checkpoint": "no such"}),
    "alwayson_scripts.Refiner.refiner_switch_at": ({}, {"alwayson_scripts": {"Refiner": {"args": [True, "sd15-ref", 9]}}}),
    "alwayson_scripts.ADetailer.ad_confidence": (
        {},
        {"alwayson_scripts": {"ADetailer": {"args": [{"ad_model": "face_yolov8n.pt", "ad_confidence": 9}]}}},
    ),
    "alwayson_scripts.film_grain.amount": ({}, {"alwayson_scripts": {"film_grain": {"args": [9]}}}),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_refusal_names_the_callers_own_field(client, name):
    """Not ours: who sends `hr_scale` has never heard of `hires.scale`."""
    if "ADetailer" in name:
        pytest.importorskip("cv2")
    more, wrong = ASKED[name]
    route = "img2img" if more else "txt2img"
    start = {"init_images": [picture()]} if more else {}
    answer = client.post(f"/sdapi/v1/{route}", json=FOX | start | more | wrong)
    said = answer.json()["detail"]
    assert answer.status_code == 422, answer.text
    assert said.startswith(f"{name}: ") if isinstance(said, str) else said[0]["loc"][-1] == name


def test_an_option_that_every_request_would_be_refused_for_is_not_kept(client):
    refused = client.post("/sdapi/v1/options", json={"eta_ancestral": 99})
    assert refused.status_code == 422 and refused.json()["detail"].startswith("eta_ancestral: ")


def test_no_folder_of_this_server_is_told(client, server):
    refused = client.post("/sdapi/v1/txt2img", json=FOX | {"prompt": "a __nowhere__ fox"}).json()["detail"]
    assert "nowhere.txt" in refused and str(server.settings.data_dir) not in refused


def test_adetailer_s_units_are_steps_of_the_chain(client, server):
    pytest.importorskip("cv2")
    face = {"ad_model": "face_yolov8n.pt", "ad_prompt": "a face", "ad_denoising_strength": 0.3, "ad_use_steps": False, "ad_steps": 9}
    hands = {"ad_model": "hand_yolov8n.pt"}
    more = {"ad_model": "mediapipe_face_full", "ad_mask_merge_invert": "Merge", "ad_controlnet_model": "tile", "ad_mask_k": 1}
    units = [True, False, face, hands, more, {"ad_model": "None"}]
    answer, job = made(client, server, alwayson_scripts={"ADetailer": {"args": units}})
    first, second = job.request.finish
    assert (first.detector, first.prompt, first.strength, first.steps) == ("Face", "a face", 0.3, 0)
    assert (second.merge, second.limit) == ("merge", 1)
    for words in ("'face_yolov8n.pt'", "There is no detector named 'hand_yolov8n.pt'", "'ad_controlnet_model'"):
        assert words in notes(answer)
    assert "ADetailer model: Face, ADetailer prompt: a face" in json.loads(answer.json()["info"])["infotexts"][0]
    assert made(client, server, alwayson_scripts={"ADetailer": {"args": [False, face]}})[1].request.finish == ()
    wrong = {"ADetailer": {"args": [{"ad_model": "Face", "ad_confidence": "much"}]}}
    refused = client.post("/sdapi/v1/txt2img", json=FOX | {"alwayson_scripts": wrong})
    assert refused.status_code == 422 and "ADetailer" in str(refused.json()["detail"])


def test_comments_are_taken_out_unless_switched_off(client, server):
    assert without_comments("a # b\n# c\nd") == "a \nd" and without_comments("a") == "a" and without_comments("# all") == ""
    answer, job = made(client, server, prompt="a fox # red", override_settings={"enable_prompt_comments": False})
    assert json.loads(answer.json()["info"])["prompt"] == "a fox # red"
    assert job.request.prompt == r"a fox \# red" and strip_comments(job.request.prompt) == job.request.prompt


def bomb(width: int, height: int) -> str:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    data = b"".join(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


BAD = {
    "a bomb": {"init_images": [bomb(20_000, 20_000)]},
    "an SVG": {"init_images": [base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()]},
    "HTML": {"init_images": [base64.b64encode(b"<html></html>").decode()]},
    "no base64": {"init_images": ["#!"]},
    "a number": {"init_images": [5]},
    "an address": {"init_images": ["http://192.168.1.1/x.png"]},
    "a far address": {"init_images": ["https://example.com/x.png"]},
    "a negative size": {"init_images": [picture()], "width": -64},
    "a huge size": {"init_images": [picture()], "width": 10**9},
    "a huge batch": {"init_images": [picture()], "batch_size": 10**6},
    "many rounds": {"init_images": [picture()], "n_iter": 10**6},
    "an unknown override": {"init_images": [picture()], "override_settings": {"no_such": 1}},
    "a nested override": {"init_images": [picture()], "override_settings": {"tiling": {"a": [1]}}},
    "half a letter": {"init_images": [picture()], "prompt": "\ud800"},
    "a fill": {"init_images": [picture()], "mask": picture("in-mask.png"), "inpainting_fill": 9},
    "a mask that is none": {"init_images": [picture()], "mask": base64.b64encode(b"<svg/>").decode()},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_a_sentence(client, fields):
    answer = client.post("/sdapi/v1/img2img", content=json.dumps(FOX | fields), headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text[:300]
    said = answer.json()["detail"]
    assert len(said) < 400 and ("Traceback" not in str(said))


@pytest.mark.parametrize("body", ['{"cfg_scale": NaN}', '{"alwayson_scripts": ' + '{"a":' * 5000 + "1" + "}" * 5001, "", "null", '"x"'])
def test_odd_json_is_refused(client, body):
    answer = client.post("/sdapi/v1/txt2img", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422) and "detail" in answer.json()


def test_a_body_that_is_too_long_is_refused_in_this_apis_shape(client):
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=60)
    connection.putrequest("POST", "/sdapi/v1/txt2img")
    connection.putheader("Content-Length", str(2**30))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and "MB" in json.loads(answer.read())["detail"]
    connection.close()


def test_a_failed_job_says_why(client):
    answer = client.post("/sdapi/v1/txt2img", json=FOX | {"prompt": "fail"})
    assert answer.status_code == 500 and "did not foresee" in answer.json()["detail"]


def test_unknown_paths_and_methods(client):
    assert client.get("/controlnet/nothing").json() == {"detail": "Not Found"}
    assert client.delete("/sdapi/v1/txt2img").headers["allow"] == "POST"


def test_a_picture_is_enlarged_and_keeps_its_text(client):
    body = {"image": picture("in-parameters.png"), "upscaler_1": "Nearest", "upscaling_resize": 3, "codeformer_visibility": 1}
    answer = client.post("/sdapi/v1/extra-single-image", json=body)
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["image"]))) as image:
        assert image.size == (192, 192) and set(image.text) == {"parameters", "extra"}
    assert "CodeFormer is not in models/GFPGAN" in notes(answer)
    huge = client.post("/sdapi/v1/extra-single-image", json=body | {"upscaling_resize": 1e9})
    assert huge.status_code == 422


def test_extras_by_filters_count_among_the_pictures_of_a_day(client, server):
    body = {"image": picture(), "upscaler_1": "Lanczos"}
    server.services.settings.change({"guest_pictures": 1})
    try:
        answers = [client.post("/sdapi/v1/extra-single-image", json=body) for _ in range(2)]
    finally:
        server.services.settings.change({"guest_pictures": None})
    assert [each.status_code for each in answers] == [200, 429] and "today" in answers[1].json()["detail"]


def test_faces_are_restored_by_the_networks_that_are_here(client, server):
    file = server.settings.data_dir / "models" / "GFPGAN" / "GFPGANv1.4.safetensors"
    write(file)
    server.services.library.scan()
    try:
        assert client.get("/sdapi/v1/face-restorers").json() == [{"name": "GFPGANv1.4", "cmd_dir": "models/GFPGAN"}]
        _, job = made(client, server, restore_faces=True, alwayson_scripts={"ADetailer": {"args": [{"ad_model": "face_yolov8n.pt"}]}})
        assert [step.kind for step in job.request.finish] == ["restore", "detail"] and job.request.finish[0].model == "GFPGANv1.4"
        body = {"image": picture(), "upscaler_1": "Nearest", "gfpgan_visibility": 0.5, "codeformer_visibility": 1, "codeformer_weight": 0.2}
        answer = client.post("/sdapi/v1/extra-single-image", json=body)
        job = server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]
        assert [step.kind for step in job.request.finish] == ["upscale", "restore"] and job.request.finish[1].visibility == 0.5
        assert "CodeFormer is not in models/GFPGAN" in notes(answer)
        client.post("/sdapi/v1/extra-single-image", json=body | {"upscaler_1": "None"})
        job = server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]
        assert [step.kind for step in job.request.finish] == ["restore"]
    finally:
        file.unlink()
        server.services.library.scan()


def test_extras_by_a_network_are_a_job_of_the_caller(client, server):
    write(server.settings.data_dir / "models" / "ESRGAN" / "net.safetensors")
    server.services.library.scan()
    client.post("/sdapi/v1/options", json={"ESRGAN_tile": 64})
    body = {"image": picture(), "upscaler_1": "net", "upscaling_resize": 2, "upscaler_2": "Nearest", "extras_upscaler_2_visibility": 0.5}
    answer = client.post("/sdapi/v1/extra-single-image", json=body)
    assert answer.status_code == 200, answer.text[-500:]
    job = server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]
    (step,) = job.request.finish
    assert (step.upscaler, step.second, step.second_visibility, job.request.upscale_tile) == ("net", "Nearest", 0.5, 64)
    with (
        Image.open(io.BytesIO(base64.b64decode(answer.json()["image"]))) as shown,
        Image.open(server.services.gallery.path(job.images[0])) as kept,
    ):
        assert shown.tobytes() == kept.tobytes() and "darkroom" in kept.text and "darkroom" not in shown.text
    assert answer.json()["html_info"] == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: net, Postprocess upscaler 2: Nearest</p>"
    several = {**body, "imageList": [{"data": picture(), "name": "a"}, {"data": picture("in-parameters.jpg"), "name": "b"}]}
    assert len(client.post("/sdapi/v1/extra-batch-images", json=several).json()["images"]) == 2
    for wrong, field in (({"upscaler_1": "<nobody>"}, "upscaler_1"), ({"upscaling_resize": 400}, "upscaling_resize")):
        refused = client.post("/sdapi/v1/extra-single-image", json=body | wrong)
        assert refused.status_code == 422 and field in refused.json()["detail"], refused.text[:300]


@pytest.mark.parametrize("case", ["lanczos-1.5", "nearest-2", "alpha-lanczos", "to-crop-lanczos", "to-smaller"])
def test_enlarged_pixels_are_those_of_forge(client, case):
    record = json.loads((EXTRAS / f"{case}.json").read_text())
    body = record["request"] | {"image": base64.b64encode((EXTRAS / record["request"]["image"]).read_bytes()).decode()}
    answer = client.post("/sdapi/v1/extra-single-image", json=body).json()
    assert answer["html_info"] == record["html_info"]
    with Image.open(io.BytesIO(base64.b64decode(answer["image"]))) as made, Image.open(EXTRAS / f"{case}.png") as wanted:
        assert made.mode == wanted.mode and made.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("upscaler", ["Nearest", "Lanczos"])
def test_pictures_that_filters_enlarge_are_a_job_of_the_caller(client, server, upscaler):
    several = {"imageList": [{"data": picture(), "name": "a"}, {"data": picture(), "name": "b"}], "upscaler_1": upscaler}
    assert len(client.post("/sdapi/v1/extra-batch-images", json=several).json()["images"]) == 2
    job = server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]
    assert job.request.mode == "extras" and job.state == "done" and [step.upscaler for step in job.request.finish] == [upscaler]
    assert len(job.images) == 2


WRONG_SIZES = {
    "too wide": ({"resize_mode": 1, "upscaling_resize_w": 10**6}, "upscaling_resize_w"),
    "too large": ({"resize_mode": 1, "upscaling_resize_w": 20000, "upscaling_resize_h": 20000}, "upscaling_resize_w"),
    "not cropped, and too large": (
        {"resize_mode": 1, "upscaling_resize_w": 60000, "upscaling_resize_h": 60000, "upscaling_crop": False},
        "upscaling_resize_w",
    ),
    "far too often": ({"upscaling_resize": 1e9}, "upscaling_resize"),
}


@pytest.mark.parametrize(("fields", "named"), WRONG_SIZES.values(), ids=WRONG_SIZES)
def test_a_size_that_cannot_be_is_refused_by_the_caller_s_own_field(client, fields, named):
    answer = client.post("/sdapi/v1/extra-single-image", json={"image": picture(), "upscaler_1": "Lanczos", **fields})
    assert answer.status_code == 422 and answer.json()["detail"].startswith(f"{named}: "), answer.text[:300]


def test_a_script_s_wrong_values_are_its_arguments(client):
    arguments = ["Steps", "a,b", "", "Nothing", "", "", "Nothing", "", "", True, False, False, False, 0]
    answer = client.post("/sdapi/v1/txt2img", json=FOX | {"script_name": "x/y/z plot", "script_args": arguments})
    assert answer.status_code == 422 and answer.json()["detail"].startswith("script_args: The axis Steps: 'a' is no number")


@pytest.mark.parametrize("body", [b'{"prompt": "\xff"}', b'{"prompt":' + b"[" * 5000 + b"]" * 5000 + b"}"], ids=["not UTF-8", "deep"])
def test_a_body_that_cannot_be_read_is_refused_in_a_sentence(client, body):
    headers = {"content-type": "application/json"}
    a1111, openai = (client.post(path, content=body, headers=headers) for path in ("/sdapi/v1/txt2img", "/v1/images/generations"))
    assert a1111.status_code == openai.status_code == 400
    for said in (a1111.json()["detail"], openai.json()["error"]["message"]):
        assert said.startswith("The body cannot be read: ")


def test_a_file_tells_what_it_is(client, server):
    assert client.get("/sd_extra_networks/metadata", params={"page": "checkpoints", "item": "tiny"}).json()["metadata"].startswith("{")
    assert client.get("/sd_extra_networks/metadata", params={"page": "lora", "item": "../x"}).json() == {}
    assert client.get("/sd_extra_networks/thumb", params={"filename": "/etc/passwd"}).status_code == 404
    folder = server.settings.data_dir / "models" / "Stable-diffusion"
    Image.new("RGB", (4, 4)).save(folder / "tiny.preview.png")
    shown = client.get("/sd_extra_networks/thumb", params={"filename": "models/Stable-diffusion/tiny.preview.png"})
    assert shown.status_code == 200 and shown.headers["content-type"] == "image/png"
    assert client.get("/sd_extra_networks/cover-images", params={"page": "checkpoints", "item": "tiny"}).status_code == 200
