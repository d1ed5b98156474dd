"""AI Horde: pictures made by volunteers' machines, free of charge, seen by who makes them; who has no key waits longer."""

import base64
import json
from urllib.parse import quote

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, RequestError, hookimpl

TITLE = "AI Horde"
VERSION = "1.0"
SAMPLERS = {
    "Euler": "k_euler",
    "Euler a": "k_euler_a",
    "DPM++ 2M": "k_dpmpp_2m",
    "DPM++ SDE": "k_dpmpp_sde",
    "DPM++ 2S a": "k_dpmpp_2s_a",
    "Heun": "k_heun",
    "LMS": "k_lms",
    "DPM2": "k_dpm_2",
    "DPM2 a": "k_dpm_2_a",
    "DPM fast": "k_dpm_fast",
    "DPM adaptive": "k_dpm_adaptive",
    "DDIM": "DDIM",
    "LCM": "lcm",
}
ANONYMOUS = "0000000000"
FIELDS = (
    "negative_prompt",
    "width",
    "height",
    "steps",
    "guidance",
    "sampler",
    "schedule",
    "seed",
    "strength",
    "init",
    "mask",
    "clip_skip",
    "tiling",
)


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="horde",
            title="AI Horde",
            url="https://aihorde.net/api",
            connect=Horde,
            url_variable="HORDE_BASE_URL",
            key_variable="HORDE_API_KEY",
            needs_key=False,
            hosts=("r2.cloudflarestorage.com",),
            authorize=lambda key: {"apikey": key or ANONYMOUS, "Client-Agent": "darkroom:1:private"},
            sends="the prompt, and the picture and mask to start from if there are any, to a volunteer's machine that nobody has checked",
            example="stable_diffusion",
            parallel=2,
            resends=True,
            table=(model_of("stable_diffusion"),),
        )
    )


class Horde(Backend):
    """Version 2 of the API. Everything is free: asking again costs nothing."""

    def models(self):
        found = self.wire.call("GET", "/v2/status/models", params={"type": "image"}).json()
        busy = sorted(
            (each for each in found if isinstance(each, dict) and each.get("name")), key=lambda each: -int(each.get("count") or 0)
        )
        return [model_of(str(each["name"])) for each in busy[:300]]

    def model(self, name):
        return model_of(name)

    def send(self, task):
        request = task.request
        for name, side in (("width", request.width), ("height", request.height)):
            if side % 64:
                raise RequestError(name, f"AI Horde makes sides that are multiples of 64. Nearest: {max(64, round(side / 64) * 64)}.")
        parameters = {
            "sampler_name": SAMPLERS.get(request.sampler, "k_euler_a"),
            "karras": request.schedule == "Karras",
            "cfg_scale": request.guidance,
            "seed": str(task.seed),
            "width": request.width,
            "height": request.height,
            "steps": request.steps,
            "n": task.count,
            "clip_skip": request.clip_skip,
            "tiling": request.tiling,
        }
        prompt = f"{request.prompt} ### {request.negative_prompt}" if request.negative_prompt else request.prompt
        body = {"prompt": prompt, "params": parameters, "models": [request.checkpoint], "r2": False, "nsfw": True, "shared": False}
        if task.init:
            parameters["denoising_strength"] = request.strength
            body |= {"source_image": base64.b64encode(task.init).decode(), "source_processing": "inpainting" if task.mask else "img2img"}
        if task.mask:
            body["source_mask"] = base64.b64encode(task.mask).decode()
        told = self.wire.call("POST", "/v2/generate/async", json=body | json.loads(request.where_options or "{}")).json()
        if not isinstance(told, dict) or not told.get("id"):
            raise BackendError("AI Horde's answer is not what was expected. Is the address right?")
        return RemoteState(id=str(told["id"]))

    def look(self, remote_id, task):
        told = self.wire.call("GET", f"/v2/generate/check/{quote(remote_id, safe='')}").json()
        if told.get("faulted"):
            return RemoteState(id=remote_id, state="failed", error="its machine gave up")
        if told.get("is_possible") is False:
            return RemoteState(
                id=remote_id, state="failed", error="no machine there makes such pictures now: another size, or another model"
            )
        if not told.get("done"):
            place, wait = told.get("queue_position") or 0, told.get("wait_time") or 0
            return RemoteState(id=remote_id, detail=f"number {place} in its line, about {wait} s" if place else f"about {wait} s")
        told = self.wire.call("GET", f"/v2/generate/status/{quote(remote_id, safe='')}").json()
        made = [each for each in told.get("generations") or [] if isinstance(each, dict) and each.get("img")]
        if made and all(each.get("censored") for each in made):
            return RemoteState(id=remote_id, state="failed", error="its filter held the picture back")
        return RemoteState(id=remote_id, state="done", pictures=tuple(picture_of(each) for each in made), cost=0.0)

    def cancel(self, remote_id):
        self.wire.call("DELETE", f"/v2/generate/status/{quote(remote_id, safe='')}")


def model_of(name):
    """What every model honours there."""
    return BackendModel(
        name=name,
        honours=FIELDS,
        modes=("txt2img", "img2img", "inpaint"),
        width=512,
        height=512,
        sampler="Euler a",
        schedule="Karras",
        ranges={"width": (64, 3072), "height": (64, 3072), "steps": (1, 500), "guidance": (0, 100)},
        choices={"sampler": tuple(SAMPLERS)},
        pictures=4,
        price=0.0,
        picture_pixels=3072 * 3072,
    )


def picture_of(made):
    """A picture, in the answer or elsewhere, with who made it."""
    note = f"Made by {made.get('worker_name') or 'a volunteer'} of AI Horde with {made.get('model') or 'its model'}."
    if str(made["img"]).startswith("http"):
        return RemotePicture(url=str(made["img"]), note=note)
    return RemotePicture(data=base64.b64decode(made["img"]), note=note)
