"""A graph that shows several pictures: each end gets its own, as one job where that suffices and as several where not."""

import io
import json

from PIL import Image

from tests.api.comfy.test_graphs import client, history, job_of, usual  # noqa: F401 - a fixture
from tests.api.comfy.test_socket import heard, socket
from tests.api.conftest import server  # noqa: F401 - a fixture


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def second_pass(words: str = "an apple twice", **first) -> dict:
    """ComfyUI's own example of a second pass: both passes are saved."""
    sampler = usual()["3"]["inputs"] | first
    return usual(
        **{
            "3": node("KSampler", **sampler),
            "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
            "6": node("CLIPTextEncode", text=words, clip=["4", 1]),
            "10": node("LatentUpscaleBy", samples=["3", 0], upscale_method="bilinear", scale_by=2),
            "11": node("KSampler", **sampler | {"latent_image": ["10", 0], "denoise": 0.5}),
            "12": node("VAEDecode", samples=["11", 0], vae=["4", 2]),
            "13": node("SaveImage", images=["12", 0], filename_prefix="second"),
        }
    )


def shown(client, outputs: dict) -> dict[str, tuple[int, int]]:  # noqa: F811
    """The size of the first picture of each end."""
    sizes = {}
    for key, output in outputs.items():
        with Image.open(io.BytesIO(client.get("/view", params=output["images"][0]).content)) as image:
            sizes[key] = image.size
    return sizes


def test_every_end_shows_its_own_picture(server, client):  # noqa: F811
    prompt_id = job_of(server, client, second_pass())
    done = history(client, prompt_id)
    assert shown(client, done["outputs"]) == {"9": (64, 64), "13": (128, 128)}
    assert done["status"]["status_str"] == "success" and done["prompt"][4] == ["9", "13"]
    assert client.get("/history").json()[prompt_id]["outputs"] == done["outputs"]


def test_ends_of_one_decoded_picture_are_one_job(server, client):  # noqa: F811
    small = node("ImageScale", image=["8", 0], upscale_method="area", width=16, height=32, crop="disabled")
    graph = usual(**{"10": small, "11": node("SaveImage", images=["10", 0]), "12": node("PreviewImage", images=["8", 0])})
    before = len(server.services.queue.jobs(owner="comfy user", limit=1000))
    done = history(client, job_of(server, client, graph))
    assert len(server.services.queue.jobs(owner="comfy user", limit=1000)) == before + 1
    assert shown(client, done["outputs"]) == {"9": (64, 64), "11": (16, 32), "12": (64, 64)}
    kinds = {key: output["images"][0]["type"] for key, output in done["outputs"].items()}
    assert kinds == {"9": "output", "11": "output", "12": "temp"}


def test_two_jobs_of_a_graph_are_told_as_one(server):  # noqa: F811
    with socket(server) as mine, server.client(owner="comfy socket") as mine_too:
        answer = mine_too.post("/prompt", json={"prompt": second_pass(), "client_id": "me", "prompt_id": "mine"})
        assert answer.status_code == 200 and answer.json()["prompt_id"] == "mine", answer.text
        said = [each for each in heard(mine, "mine", "execution_success") if isinstance(each, dict)]
    about = [each for each in said if each["data"].get("prompt_id") == "mine"]
    assert [each["type"] for each in about].count("execution_start") == 1
    assert sorted(each["data"]["node"] for each in about if each["type"] == "executed") == ["13", "9"]


def test_interrupting_a_graph_stops_all_of_it(server):  # noqa: F811
    with socket(server) as mine, server.client(owner="comfy socket") as mine_too:
        answer = mine_too.post("/prompt", json={"prompt": second_pass("never"), "client_id": "me", "prompt_id": "long"})
        assert answer.status_code == 200, answer.text
        heard(mine, "long", "progress")
        queue = mine_too.get("/queue").json()
        assert [each[1] for each in queue["queue_running"]] == ["long"] and "long" not in json.dumps(queue["queue_pending"])
        mine_too.post("/interrupt", json={"prompt_id": "long"})
        heard(mine, "long", "execution_interrupted")


def test_a_preview_that_cannot_be_made_is_left_out_and_a_graph_has_a_bound(server, client):  # noqa: F811
    graph = usual(**{"20": node("VAEDecode", samples=["5", 0], vae=["4", 2]), "21": node("PreviewImage", images=["20", 0])})
    prompt_id = job_of(server, client, graph)
    assert set(history(client, prompt_id)["outputs"]) == {"9"}
    assert any("#21" in note for note in server.services.queue.get(prompt_id).notes)
    many = usual()
    for number in range(20, 30):
        many[f"{number}"] = node("KSampler", **usual()["3"]["inputs"] | {"seed": number})
        many[f"{number}d"] = node("VAEDecode", samples=[f"{number}", 0], vae=["4", 2])
        many[f"{number}s"] = node("SaveImage", images=[f"{number}d", 0])
    refused = client.post("/prompt", json={"prompt": many})
    assert refused.status_code == 400 and "different pictures" in refused.text


def handed_on(**second) -> dict:
    """ComfyUI's own example of SDXL: another checkpoint does the last steps."""
    whole = {key: value for key, value in usual()["3"]["inputs"].items() if key not in ("seed", "denoise")} | {"steps": 5, "noise_seed": 8}
    first = whole | {"add_noise": "enable", "start_at_step": 0, "end_at_step": 4, "return_with_leftover_noise": "enable"}
    last = whole | {"add_noise": "disable", "start_at_step": 4, "end_at_step": 10000, "return_with_leftover_noise": "disable"}
    refined = {"model": ["14", 0], "latent_image": ["3", 0]}
    return usual(
        **{
            "3": node("KSamplerAdvanced", **first),
            "14": node("CheckpointLoaderSimple", ckpt_name="tiny.safetensors"),
            "15": node("KSamplerAdvanced", **last | refined | second),
            "8": node("VAEDecode", samples=["15", 0], vae=["14", 2]),
        }
    )


def test_a_second_sampler_that_goes_on_is_the_refiner_or_is_refused(server, client):  # noqa: F811
    job = server.services.queue.get(job_of(server, client, handed_on()))
    assert "tiny" in str(job.request.refiner_checkpoint) and (job.request.refiner_switch_at, job.request.steps) == (0.8, 5)
    assert not [note for note in job.notes if "KSampler" in note]
    refused = client.post("/prompt", json={"prompt": handed_on(sampler_name="euler")})
    assert refused.status_code == 400 and "goes on where the first sampler stops" in refused.text
    lost = handed_on() | {"14": node("CheckpointLoaderSimple", ckpt_name="none-such.safetensors")}
    refused = client.post("/prompt", json={"prompt": lost})
    assert refused.status_code == 400 and "none-such" in refused.text
