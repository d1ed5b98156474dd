"""Hugging Face Inference Providers: `org/model` or `org/model:provider`, over Hugging Face's router and with its token.

Providers here: hf-inference, fal-ai, together, nscale, wavespeed. Which of them has a model, and for which task, Hugging Face tells.
"""

import base64
import json
import re
from urllib.parse import quote, urlsplit

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, RequestError, hookimpl

TITLE = "Hugging Face Inference Providers"
VERSION = "1.0"
ROUTER, HUB = "https://router.huggingface.co", "https://huggingface.co"
FIELDS = ("negative_prompt", "width", "height", "steps", "guidance", "seed")
SHAPELESS = ("negative_prompt", "steps", "guidance", "seed")
HONOURS = {
    "hf-inference": {"txt2img": FIELDS, "img2img": (*FIELDS, "strength", "init")},
    "fal-ai": {"txt2img": FIELDS, "img2img": (*FIELDS, "strength", "init")},
    "together": {"txt2img": FIELDS, "img2img": (*FIELDS, "strength", "init")},
    "nscale": {"txt2img": ("negative_prompt", "width", "height", "seed")},
    "wavespeed": {"txt2img": FIELDS, "img2img": (*SHAPELESS, "strength", "init")},
}
"""Providers in the order in which they are taken where the name says none, and what each uses of a request."""
_NAME = re.compile(r"(?P<model>[\w.-]{1,100}/[\w.-]{1,200})(?::(?P<provider>[\w-]{1,40}))?")
_PATIENCE = 300.0
HOSTS = (
    *("huggingface.co", "hf.co", "fal.media", "together.ai", "together.xyz", "nscale.com", "wavespeed.ai"),
    *("d1q70pf5vjeyhc.cloudfront.net", "d2g64w682n9w0w.cloudfront.net"),  # WaveSpeed's
)
_TASKS = {"text-to-image": "txt2img", "image-to-image": "img2img"}
_ID = re.compile(r"(?P<provider>fal-ai|wavespeed)(?P<path>/[\w./-]{1,300})")
_WAITING = {"created": "waiting", "processing": "waiting", "completed": "done", "failed": "failed"}


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
            hosts=HOSTS,
            sends="the prompt, and the picture to start from if there is one, passed on to the provider that has the model",
            example="black-forest-labs/FLUX.1-schnell",
            cancels=False,
            resumes=False,
            table=tuple(
                BackendModel(name=f"any org/model:{name}", honours=tuple(dict.fromkeys(sum(fields.values(), ()))), modes=tuple(fields))
                for name, fields in HONOURS.items()
            ),
        )
    )


class Providers(Backend):
    """Pictures come in the answer, or their address does; fal-ai (from a picture) and WaveSpeed name the work, and are asked for it."""

    def __init__(self, wire):
        super().__init__(wire)
        self._places = {}

    def model(self, name):
        place = self._place(name)
        mode = _TASKS.get(place["task"])
        honours = HONOURS[place["provider"]].get(mode)
        if honours is None:
            raise RequestError("checkpoint", f"{name} makes no pictures at {place['provider']}. Choose another model.")
        return BackendModel(name=name, honours=honours, modes=(mode,))

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
        if task.init is not None:
            values["strength"] = request.strength
        parameters = {name: value for name, value in values.items() if value is not None}
        ask = {
            "hf-inference": self._hf,
            "fal-ai": self._fal,
            "together": self._together,
            "nscale": self._nscale,
            "wavespeed": self._wavespeed,
        }[place["provider"]]
        return ask(place["id"], request, parameters, task.init, json.loads(request.where_options or "{}"))

    def look(self, remote_id, task):
        known = _ID.fullmatch(remote_id)
        if known is None:
            raise BackendError("Hugging Face gave this work a name that cannot be asked for.")
        if known["provider"] == "wavespeed":
            return wavespeed_state(remote_id, self._object("GET", f"/wavespeed{known['path']}"))
        queue = {"_subdomain": "queue"}
        status = str(self._object("GET", f"/fal-ai{known['path']}/status", params=queue).get("status"))
        if status != "COMPLETED":
            return RemoteState(id=remote_id, detail=status.replace("_", " ").lower()[:60])
        return fal_state(self._object("GET", f"/fal-ai{known['path']}", params=queue), remote_id)

    # ------------------------------------------------------------------------------------------------------------------
    def _object(self, method, path, **options):
        """The object in an answer."""
        told = self.wire.call(method, path, **options).json()
        if not isinstance(told, dict):
            raise BackendError("Hugging Face's answer is not what was expected. Is the address right?")
        return told

    def _hf(self, model, request, parameters, init, options):
        inputs = request.prompt if init is None else base64.b64encode(init).decode()
        if init is not None:
            parameters = {"prompt": request.prompt, "target_size": size_of(parameters), **parameters}
        body = {"inputs": inputs, "parameters": {**parameters, **options}}
        headers = {"Accept": "image/png"}
        answer = self.wire.call("POST", f"/hf-inference/models/{quote(model)}", json=body, headers=headers, patience=_PATIENCE)
        if answer.headers.get("content-type", "").startswith("application/json"):
            raise BackendError(f"Hugging Face answered without a picture: {str(answer.json())[:200]}")
        return RemoteState(state="done", pictures=(RemotePicture(data=answer.body),))

    def _fal(self, model, request, parameters, init, options):
        body = {"prompt": request.prompt, "image_size": size_of(parameters), "output_format": "png", **parameters}
        path = f"/fal-ai/{quote(model)}"
        if init is None:
            return fal_state(self._object("POST", path, json=body | options, patience=_PATIENCE))
        body |= {"image_url": data_url(init), "image_urls": [data_url(init)]}
        told = self._object("POST", path, json=body | options, params={"_subdomain": "queue"}, patience=_PATIENCE)
        return RemoteState(id=name_of("fal-ai", told.get("response_url")), detail=str(told.get("status") or "")[:60])

    def _together(self, model, request, parameters, init, options):
        parameters["steps"] = parameters.pop("num_inference_steps")
        body = {"prompt": request.prompt, "model": model, "response_format": "base64", **parameters}
        if init is not None:  # one family takes a picture under another name than all others
            is_kontext = "kontext" in model.lower() and "flux.1" in model.lower()
            body |= {"image_url": data_url(init)} if is_kontext else {"reference_images": [data_url(init)]}
        return self._openai("together", body | options)

    def _nscale(self, model, request, parameters, init, options):
        size = f"{parameters.pop('width')}x{parameters.pop('height')}"
        kept = {name: value for name, value in parameters.items() if name in ("negative_prompt", "seed")}
        body = {"prompt": request.prompt, "model": model, "response_format": "b64_json", "size": size, **kept}
        return self._openai("nscale", body | options)

    def _wavespeed(self, model, request, parameters, init, options):
        body = {"prompt": request.prompt, **parameters}
        if init is not None:
            size_of(body)
            body["image"] = data_url(init)
        told = self._object("POST", f"/wavespeed/api/v3/{quote(model)}", json=body | options, patience=_PATIENCE).get("data")
        urls = told.get("urls") if isinstance(told, dict) else None
        return RemoteState(id=name_of("wavespeed", urls.get("get") if isinstance(urls, dict) else None))

    def _openai(self, provider, body):
        made = self._object("POST", f"/{provider}/v1/images/generations", json=body, patience=_PATIENCE).get("data")
        found = [each for each in made if isinstance(each, dict)] if isinstance(made, list) else []
        pictures = [RemotePicture(data=decoded(each["b64_json"])) for each in found if each.get("b64_json")]
        pictures += [RemotePicture(url=str(each["url"])) for each in found if each.get("url") and not each.get("b64_json")]
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
        entries = (
            mapping.items() if isinstance(mapping, dict) else [(each.get("provider"), each) for each in mapping if isinstance(each, dict)]
        )
        live = {
            key: each for key, each in entries if isinstance(each, dict) and each.get("status") in ("live", "staging") and key in HONOURS
        }
        chosen = parts["provider"] or next((each for each in HONOURS if each in live), "")
        if chosen not in live:
            there = ", ".join(live) or "none of those known here"
            raise RequestError("checkpoint", f"{parts['model']} is not served by {chosen or 'any provider'}. It is by: {there}.")
        return {"provider": chosen, "id": str(live[chosen].get("providerId") or parts["model"]), "task": live[chosen].get("task")}


def data_url(data):
    """A picture's file as an address."""
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def size_of(parameters):
    """Take the size out of parameters."""
    return {"width": parameters.pop("width"), "height": parameters.pop("height")}


def decoded(text):
    """A picture's file from base64. Raises `BackendError`."""
    try:
        return base64.b64decode(text)
    except (ValueError, TypeError):
        raise BackendError("Hugging Face sent a picture that cannot be decoded.") from None


def name_of(provider, address):
    """What work is asked for by: its address there, without the host. Raises `BackendError` for what is none."""
    name = f"{provider}{urlsplit(address).path if isinstance(address, str) else ''}"
    if _ID.fullmatch(name) is None or ".." in name:
        raise BackendError(f"{provider} took this on and did not say where it can be asked for.", unsure=True)
    return name


def is_flagged(told):
    """Whether a filter has held back one of the pictures."""
    return isinstance(told, list) and True in told


def fal_state(told, remote_id=""):
    """What fal-ai has made."""
    if is_flagged(told.get("has_nsfw_concepts")):
        return RemoteState(id=remote_id, state="failed", error="its filter held the picture back")
    found = told.get("images")
    urls = [str(each["url"]) for each in found if isinstance(each, dict) and each.get("url")] if isinstance(found, list) else []
    return RemoteState(id=remote_id, state="done", pictures=tuple(RemotePicture(url=url) for url in urls))


def wavespeed_state(remote_id, told):
    """How far WaveSpeed is."""
    task = told.get("data")
    if not isinstance(task, dict):
        raise BackendError("WaveSpeed's answer is not what was expected.")
    outputs = task.get("outputs")
    urls = [url for url in outputs if isinstance(url, str)] if isinstance(outputs, list) else []
    state = _WAITING.get(str(task.get("status")), "waiting")
    if state == "done" and is_flagged(task.get("has_nsfw_contents")):
        return RemoteState(id=remote_id, state="failed", error="its filter held the picture back")
    return RemoteState(
        id=remote_id,
        state=state,
        pictures=tuple(RemotePicture(url=url) for url in urls) if state == "done" else (),
        detail=str(task.get("status") or "")[:60],
        error=" ".join(str(task.get("error") or "").split())[:300],
    )
