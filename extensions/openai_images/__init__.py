"""Images of OpenAI, and of every server that speaks its API (LocalAI, vLLM, Together, another Darkroom …): `OPENAI_BASE_URL`."""

import base64
import io
import json
import re

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, hookimpl

TITLE = "OpenAI-compatible images"
VERSION = "1.0"
SIZED = {
    "gpt-image-1": ((1024, 1024), (1536, 1024), (1024, 1536)),
    "dall-e-3": ((1024, 1024), (1792, 1024), (1024, 1792)),
    "dall-e-2": ((256, 256), (512, 512), (1024, 1024)),
}
"""Models that make these sizes only, by how their names begin."""
_OF_PICTURES = re.compile(r"image|dall|flux|diffusion|sd\d|sdxl|kandinsky|qwen|imagen|pixart|darkroom", re.IGNORECASE)
_PATIENCE = 600.0
LARGEST = {"": 50 * 2**20, "dall-e-2": 4 * 2**20}
"""Bytes of a picture to start from."""
FIELDS = ("width", "height", "init", "mask")


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="openai",
            title="OpenAI",
            url="https://api.openai.com/v1",
            connect=OpenAI,
            url_variable="OPENAI_BASE_URL",
            key_variable="OPENAI_API_KEY",
            hosts=("blob.core.windows.net", "openai.com"),
            example="gpt-image-2.5-flare",
            cancels=False,
            resumes=False,
            table=(model_of("gpt-image-2.5-flare"), model_of("any other")),
        )
    )


class OpenAI(Backend):
    """One makes the request wait until the pictures are there: what is not answered has no name, and cannot be asked for again."""

    def models(self):
        found = self.wire.call("GET", "/models").json().get("data") or []
        names = [str(each["id"]) for each in found if isinstance(each, dict) and each.get("id")]
        return [model_of(name) for name in names if _OF_PICTURES.search(name)][:100]

    def model(self, name):
        return model_of(name)

    def send(self, task):
        request, options = task.request, json.loads(task.request.where_options or "{}")
        body = {"model": request.checkpoint, "prompt": request.prompt, "n": task.count, "size": f"{request.width}x{request.height}"}
        if not request.checkpoint.startswith(("gpt-image", "chatgpt-image")):
            body["response_format"] = "b64_json"
        body |= options
        if request.mode == "txt2img":
            told = self.wire.call("POST", "/images/generations", json=body, patience=_PATIENCE).json()
        else:
            files = {"image": ("picture.png", as_png(task.init), "image/png")}
            if task.mask:
                files["mask"] = ("mask.png", transparent_where_white(task.mask, request.invert_mask), "image/png")
            data = {name: str(value) for name, value in body.items()}
            told = self.wire.call("POST", "/images/edits", data=data, files=files, patience=_PATIENCE).json()
        return RemoteState(state="done", pictures=pictures_of(told))


def model_of(name):
    """What is known of a model by its name: the API does not tell."""
    sizes = next((sizes for start, sizes in SIZED.items() if name.startswith(start)), ())
    one = name.startswith("dall-e-3")
    most = LARGEST["dall-e-2" if name.startswith("dall-e-2") else ""]
    modes = ("txt2img",) if one else ("txt2img", "img2img", "inpaint")
    return BackendModel(
        name=name,
        honours=FIELDS,
        modes=modes,
        sizes=sizes,
        pictures=1 if one else 4,
        picture_bytes=most,
    )


def pictures_of(told):
    """The pictures in an answer."""
    found = told.get("data") if isinstance(told, dict) else None
    if not isinstance(found, list):
        raise BackendError("OpenAI's answer holds no pictures. Is the address right?")
    pictures = []
    for each in (each for each in found if isinstance(each, dict)):
        note = f"The prompt was changed to: {each['revised_prompt']}" if each.get("revised_prompt") else ""
        if each.get("b64_json"):
            pictures.append(RemotePicture(data=decoded(each["b64_json"]), note=note[:1000]))
        elif each.get("url"):
            pictures.append(RemotePicture(url=str(each["url"]), note=note[:1000]))
    return tuple(pictures)


def decoded(text):
    """A picture's file from base64. Raises `BackendError`."""
    try:
        return base64.b64decode(text)
    except (ValueError, TypeError):
        raise BackendError("OpenAI sent a picture that cannot be decoded.") from None


def as_png(data):
    """A picture's file as PNG, which every server takes."""
    from PIL import Image

    stream = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGBA").save(stream, "PNG")
    return stream.getvalue()


def transparent_where_white(mask, inverted):
    """Our mask (white changes) as theirs (transparent changes)."""
    from PIL import Image, ImageChops

    grey = Image.open(io.BytesIO(mask)).convert("L")
    picture = Image.new("RGBA", grey.size, (0, 0, 0, 255))
    picture.putalpha(grey if inverted else ImageChops.invert(grey))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
