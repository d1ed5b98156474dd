"""Stability AI, REST v2beta: Core, Ultra, Stable Diffusion 3.5; of a prompt, of a picture; inpainting, outpainting and upscaling."""

import json

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, RequestError, hookimpl

TITLE = "Stability AI"
VERSION = "1.0"
RATIOS = {"1:1": 1, "16:9": 16 / 9, "21:9": 21 / 9, "3:2": 3 / 2, "2:3": 2 / 3, "5:4": 5 / 4, "4:5": 4 / 5, "9:16": 9 / 16, "9:21": 9 / 21}
PRICES = {"core": 0.03, "ultra": 0.08, "sd3.5-large": 0.065, "sd3.5-large-turbo": 0.04, "sd3.5-medium": 0.035, "sd3.5-flash": 0.025}
"""US dollars a picture: credits, of which a hundred are a dollar."""
PRICES |= {"outpaint": 0.04, "upscale-fast": 0.02, "upscale-conservative": 0.4}
SIDES = {"left": "left", "right": "right", "top": "up", "bottom": "down"}
MOST_SIDE = 2000
PICTURE = {"picture_bytes": 10 * 2**20 - 64 * 1024, "picture_pixels": 9_437_184, "picture_least": 64}
"""What a picture to start from may be; its request as a whole has at most 10 MiB."""
FAST_PICTURE = {"picture_bytes": PICTURE["picture_bytes"], "picture_pixels": 1_048_576, "picture_side": 1536, "picture_least": 32}
_PATIENCE = 300.0
_MAX_SEED = 2**32 - 2


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="stability",
            title="Stability AI",
            url="https://api.stability.ai",
            connect=Stability,
            url_variable="STABILITY_BASE_URL",
            key_variable="STABILITY_API_KEY",
            example="core",
            cancels=False,
            resumes=False,
            table=tuple(model_of(name) for name in PRICES),
        )
    )


class Stability(Backend):
    """Each call gives one picture, in its answer."""

    def models(self):
        return [model_of(name) for name in PRICES]

    def model(self, name):
        return model_of(name)

    def send(self, task):
        request = task.request
        form = {"prompt": request.prompt, "negative_prompt": request.negative_prompt, "seed": task.seed % _MAX_SEED, "output_format": "png"}
        form |= json.loads(request.where_options or "{}")
        files = {}
        if request.checkpoint in TOOLS:
            path, files = TOOLS[request.checkpoint], {"image": ("image.png", task.init)}
            form |= sides_of(request) if request.checkpoint == "outpaint" else {}
            form = {"output_format": "png"} if request.checkpoint == "upscale-fast" else form
        elif request.mode == "inpaint":
            path, files = "edit/inpaint", {"image": ("image.png", task.init), "mask": ("mask.png", task.mask)}
        else:
            kind = request.checkpoint if request.checkpoint in ("core", "ultra") else "sd3"
            path = f"generate/{kind}"
            if request.mode == "img2img":
                files = {"image": ("image.png", task.init)}
                form["strength"] = request.strength
            else:
                form["aspect_ratio"] = nearest(request.width / request.height)
            if kind == "sd3":
                form |= {"model": request.checkpoint, "mode": "image-to-image" if files else "text-to-image", "cfg_scale": request.guidance}
                form.pop("aspect_ratio" if files else "strength", None)
        parts = {name: (None, str(value)) for name, value in form.items() if value not in ("", None)}
        headers = {"Accept": "image/*"}
        answer = self.wire.call("POST", f"/v2beta/stable-image/{path}", files={**parts, **files}, headers=headers, patience=_PATIENCE)
        if answer.headers.get("finish-reason", "SUCCESS").upper() == "CONTENT_FILTERED":
            return RemoteState(state="failed", error="its filter blurred this picture")
        if answer.headers.get("content-type", "").startswith("application/json"):
            raise BackendError(f"Stability AI answered without a picture: {str(answer.json())[:200]}")
        return RemoteState(state="done", pictures=(RemotePicture(data=answer.body),), cost=PRICES.get(request.checkpoint))


TOOLS = {"outpaint": "edit/outpaint", "upscale-fast": "upscale/fast", "upscale-conservative": "upscale/conservative"}
"""What works on a picture, under the names of models."""
USED = {"outpaint": ("seed", "init", "outpaint"), "upscale-fast": ("init",), "upscale-conservative": ("negative_prompt", "seed", "init")}
NOTES = {
    "outpaint": "New sides of up to 2000 pixels.",
    "upscale-fast": "Four times as large.",
    "upscale-conservative": "Up to 4 megapixels.",
}


def sides_of(request):
    """The new sides. Raises `RequestError` where there are none, or too wide ones."""
    found = {theirs: getattr(request.outpaint, ours, 0) for ours, theirs in SIDES.items()}
    if not any(found.values()):
        raise RequestError("outpaint", "Say on which side the picture is to go on, and by how many pixels.")
    if max(found.values()) > MOST_SIDE:
        raise RequestError("outpaint", f"Stability AI adds at most {MOST_SIDE} pixels to a side.")
    return found


def model_of(name):
    """What a model honours. Of a size only its shape counts: the service chooses the pixels."""
    if name in TOOLS:
        limits = FAST_PICTURE if name == "upscale-fast" else PICTURE
        return BackendModel(name=name, honours=USED[name], modes=("img2img",), price=PRICES[name], note=NOTES[name], **limits)
    from_picture = ("img2img", "inpaint") if name != "core" else ("inpaint",)
    honours = ["negative_prompt", "width", "height", "seed", "init", "mask"]
    honours += ["strength"] if name != "core" else []
    honours += ["guidance"] if name.startswith("sd3") else []
    ranges = {"guidance": (1, 10)} if name.startswith("sd3") else {}
    guidance = 1.0 if name.endswith(("turbo", "flash")) else 4.0
    note = "The size gives the shape alone."
    return BackendModel(
        name=name,
        honours=tuple(honours),
        modes=("txt2img", *from_picture),
        ranges=ranges,
        guidance=guidance,
        price=PRICES.get(name),
        note=note,
        **PICTURE,
    )


def nearest(shape):
    """The ratio that a shape is nearest to."""
    return min(RATIOS, key=lambda name: max(RATIOS[name] / shape, shape / RATIOS[name]))
