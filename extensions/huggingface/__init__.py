"""Hugging Face Inference Providers: `org/model` or `org/model:provider`, over Hugging Face's router and with its token.

Providers here: hf-inference, fal-ai, together, nscale. Which of them has a model, Hugging Face tells.
"""

import base64
import json
import re
from urllib.parse import quote

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, RequestError, hookimpl

TITLE = "Hugging Face Inference Providers"
VERSION = "1.0"
ROUTER, HUB = "https://router.huggingface.co", "https://huggingface.co"
FIELDS = ("negative_prompt", "width", "height", "steps", "guidance", "seed")
HONOURS = {"hf-inference": FIELDS, "fal-ai": FIELDS, "together": FIELDS, "nscale": ("negative_prompt", "width", "height", "seed")}
"""In the order in which they are taken where the name says none."""
_NAME = re.compile(r"(?P<model>[\w.-]{1,100}/[\w.-]{1,200})(?::(?P<provider>[\w-]{1,40}))?")
_PATIENCE = 300.0
_TASKS = {"txt2img": "text-to-image", "img2img": "image-to-image"}


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="huggingface",
            title="Hugging Face",
            url=ROUTER,
            connect=Providers,
            url_variable="HF_INFERENCE_ENDPOINT",
            key_variable="HF_TOKEN",
            hosts=("huggingface.co", "hf.co", "fal.media", "together.ai", "together.xyz", "nscale.com"),
            sends="the prompt, and the picture to start from if there is one, passed on to the provider that has the model",
            example="black-forest-labs/FLUX.1-schnell",
            cancels=False,
            resumes=False,
            table=tuple(BackendModel(name=f"any org/model:{name}", honours=fields) for name, fields in HONOURS.items()),
        )
    )


class Providers(Backend):
    """Pictures come in the answer, or their address does."""

    def __init__(self, wire):
        super().__init__(wire)
        self._places = {}

    def model(self, name):
        place = self._place(name)
        modes = tuple(mode for mode, task in _TASKS.items() if task in place["tasks"])
        if not modes:
            raise RequestError("checkpoint", f"{name} makes no pictures at {place['provider']}. Choose another model.")
        honours = (*HONOURS[place["provider"]], *(("strength", "init") if "img2img" in modes else ()))
        return BackendModel(name=name, honours=honours, modes=modes)

    def send(self, task):
        request, place = task.request, self._place(task.request.checkpoint)
        values = {
            "negative_prompt": request.negative_prompt or None,
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance,
            "seed": task.seed,
        }
        parameters = {name: value for name, value in values.items() if value is not None}
        ask = {"hf-inference": self._hf, "fal-ai": self._fal, "together": self._together, "nscale": self._nscale}[place["provider"]]
        return ask(place["id"], request, parameters, task.init, json.loads(request.where_options or "{}"))

    # ------------------------------------------------------------------------------------------------------------------
    def _hf(self, model, request, parameters, init, options):
        inputs = request.prompt if init is None else base64.b64encode(init).decode()
        more = {} if init is None else {"prompt": request.prompt, "strength": request.strength}
        body = {"inputs": inputs, "parameters": {**parameters, **more, **options}}
        headers = {"Accept": "image/png"}
        answer = self.wire.call("POST", f"/hf-inference/models/{quote(model)}", json=body, headers=headers, patience=_PATIENCE)
        if answer.headers.get("content-type", "").startswith("application/json"):
            raise BackendError(f"Hugging Face answered without a picture: {str(answer.json())[:200]}")
        return RemoteState(state="done", pictures=(RemotePicture(data=answer.body),))

    def _fal(self, model, request, parameters, init, options):
        size = {"width": parameters.pop("width"), "height": parameters.pop("height")}
        body = {"prompt": request.prompt, "image_size": size, "output_format": "png", **parameters}
        if init is not None:
            body |= {"image_url": data_url(init), "strength": request.strength}
        told = self.wire.call("POST", f"/fal-ai/{quote(model)}", json=body | options, patience=_PATIENCE).json()
        if any(told.get("has_nsfw_concepts") or ()):
            return RemoteState(state="failed", error="its filter held the picture back")
        return RemoteState(state="done", pictures=tuple(RemotePicture(url=str(each["url"])) for each in told.get("images") or []))

    def _together(self, model, request, parameters, init, options):
        parameters["steps"] = parameters.pop("num_inference_steps")
        body = {"prompt": request.prompt, "model": model, "response_format": "base64", **parameters}
        if init is not None:
            body["image_url"] = data_url(init)
        return self._openai("together", body | options)

    def _nscale(self, model, request, parameters, init, options):
        size = f"{parameters.pop('width')}x{parameters.pop('height')}"
        kept = {name: value for name, value in parameters.items() if name in ("negative_prompt", "seed")}
        return self._openai(
            "nscale", {"prompt": request.prompt, "model": model, "response_format": "b64_json", "size": size, **kept, **options}
        )

    def _openai(self, provider, body):
        told = self.wire.call("POST", f"/{provider}/v1/images/generations", json=body, patience=_PATIENCE).json()
        made = told.get("data") if isinstance(told, dict) else None
        pictures = (RemotePicture(data=base64.b64decode(each["b64_json"])) for each in made or [] if each.get("b64_json"))
        return RemoteState(state="done", pictures=tuple(pictures))

    def _place(self, name):
        """The provider of a model and its name there, as Hugging Face tells."""
        if name not in self._places:
            self._places[name] = self._found(name)
        return self._places[name]

    def _found(self, name):
        parts = _NAME.fullmatch(name)
        if parts is None:
            raise RequestError("checkpoint", f"{name[:100]!r} is no model of Hugging Face. Write org/model or org/model:provider.")
        hub = HUB if self.wire.url == ROUTER else self.wire.url
        try:
            told = json.loads(self.wire.fetch(f"{hub}/api/models/{parts['model']}?expand%5B%5D=inferenceProviderMapping"))
            mapping = told.get("inferenceProviderMapping") or {}
        except BackendError as error:
            if error.status in (401, 404):
                raise RequestError("checkpoint", f"Hugging Face has no model {parts['model']}. Is it written right, and public?") from None
            raise
        except (ValueError, AttributeError):
            raise BackendError("Hugging Face's answer is not what was expected. Is the address right?") from None
        entries = mapping.items() if isinstance(mapping, dict) else [(each.get("provider"), each) for each in mapping]
        live = {key: each for key, each in entries if each.get("status") in ("live", "staging") and key in HONOURS}
        chosen = parts["provider"] or next((each for each in HONOURS if each in live), "")
        if chosen not in live:
            there = ", ".join(live) or "none of those known here"
            raise RequestError("checkpoint", f"{parts['model']} is not served by {chosen or 'any provider'}. It is by: {there}.")
        return {"provider": chosen, "id": str(live[chosen].get("providerId") or parts["model"]), "tasks": {live[chosen].get("task")}}


def data_url(data):
    """A picture's file as an address."""
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
