"""Replicate: any `owner/name[:version]`. The model's own inputs are mapped onto the request; the rest are the provider's options."""

import base64
import json
import re
from datetime import datetime
from urllib.parse import quote

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, RequestError, hookimpl

TITLE = "Replicate"
VERSION = "1.0"
NAMES = {
    "prompt": ("prompt", "text_prompt", "text"),
    "negative_prompt": ("negative_prompt",),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
    "steps": ("num_inference_steps", "steps", "num_steps", "inference_steps", "sample_steps"),
    "guidance": ("guidance_scale", "guidance", "cfg_scale", "cfg", "true_cfg_scale"),
    "seed": ("seed",),
    "sampler": ("scheduler", "sampler", "sampler_name"),
    "strength": ("prompt_strength", "strength", "denoising_strength", "image_strength"),
    "init": ("image", "init_image", "input_image", "start_image"),
    "mask": ("mask", "mask_image"),
    "clip_skip": ("clip_skip",),
}
"""Names that models give to what a request has."""
COUNT = ("num_outputs", "num_images", "number_of_images", "batch_size")
RATIO, FORMAT = "aspect_ratio", ("output_format", "format")
REMOVED = "it was made there, and has been deleted since: Replicate keeps what its API makes for an hour"
_NAME = re.compile(r"(?P<owner>[\w.-]{1,100})/(?P<name>[\w.-]{1,200})(?::(?P<version>[0-9a-zA-Z]{5,100}))?")
_PERCENT = re.compile(r"(\d{1,3})%\|")
_INLINE = 256 * 1024
_STATES = {"succeeded": "done", "failed": "failed", "canceled": "cancelled", "aborted": "cancelled"}


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="replicate",
            title="Replicate",
            url="https://api.replicate.com",
            connect=Replicate,
            url_variable="REPLICATE_BASE_URL",
            key_variable="REPLICATE_API_TOKEN",
            hosts=("replicate.delivery", "replicate.com"),
            example="black-forest-labs/flux-schnell",
            table=(BackendModel(name="any owner/name", honours=tuple(NAMES), modes=("txt2img", "img2img", "inpaint")),),
        )
    )


class Replicate(Backend):
    """The API of version 1. A model is asked for once and kept with its schema."""

    def __init__(self, wire):
        super().__init__(wire)
        self._root = "" if wire.url.endswith("/v1") else "/v1"
        self._schemas = {}

    def models(self):
        found = self._get("/collections/text-to-image").get("models") or []
        names = [f"{each['owner']}/{each['name']}" for each in found if isinstance(each, dict) and each.get("owner") and each.get("name")]
        return [BackendModel(name=name, honours=tuple(NAMES)) for name in names[:200]]

    def model(self, name):
        inputs = self._schema(name).inputs
        known = {ours: theirs for ours, names in NAMES.items() if (theirs := next((each for each in names if each in inputs), None))}
        if "prompt" not in known:
            raise RequestError("checkpoint", f"Replicate's {name} takes no prompt. Its inputs are: {', '.join(inputs) or 'none'}.")
        honours = [*known, *(("width", "height") if RATIO in inputs and "width" not in known else ())]
        count = inputs.get(next((each for each in COUNT if each in inputs), ""), {})
        modes = ["txt2img"] if not required(inputs, "init") else []
        modes += ["img2img"] if "init" in known else []
        modes += ["inpaint"] if {"init", "mask"} <= set(known) else []
        usual = {ours: default for ours, theirs in known.items() if (default := inputs[theirs].get("default")) is not None}
        return BackendModel(
            name=name,
            honours=tuple(honours),
            modes=tuple(modes),
            ranges={
                ours: bounds(inputs[theirs])
                for ours, theirs in known.items()
                if ours in ("width", "height", "steps", "guidance", "strength")
            },
            choices={"sampler": tuple(map(str, choices(inputs[known["sampler"]])))}
            if choices(inputs.get(known.get("sampler"), {}))
            else {},
            picture_bytes=100 * 2**20,
            pictures=min(int(bounds(count)[1] or 1), 8) if count else 1,
            **{field: usual[field] for field in ("width", "height", "steps", "guidance", "sampler") if fits(field, usual.get(field))},
        )

    def send(self, task):
        model = self._schema(task.request.checkpoint)
        body = {"input": self._input(task, model)}
        by_name = (f"/models/{quote(model.owner)}/{quote(model.name)}/predictions", body)
        by_version = ("/predictions", {"version": model.version, **body})
        ways = [by_version] if model.pinned else [by_name, by_version] if model.official or not model.version else [by_version, by_name]
        for number, (path, wanted) in enumerate(ways):
            try:
                return state_of(self.wire.call("POST", self._root + path, json=wanted).json())
            except BackendError as error:
                is_other_way = error.status in (404, 405) or (error.status == 422 and "version" in str(error))
                if not is_other_way or number == len(ways) - 1:
                    raise
        raise BackendError("Replicate has no way to run this model.")

    def look(self, remote_id, task):
        return state_of(self._get(f"/predictions/{quote(remote_id, safe='')}"))

    def cancel(self, remote_id):
        self.wire.call("POST", f"{self._root}/predictions/{quote(remote_id, safe='')}/cancel")

    def find(self, task, since, known):
        wanted = {key: value for key, value in self._input(task, self._schema(task.request.checkpoint), False).items() if value is not None}
        for each in self._get("/predictions").get("results") or []:
            if each.get("id") in known or state_of(each).state in ("failed", "cancelled") or before(each.get("created_at"), since - 120):
                continue
            given = each.get("input")
            if given is None:
                given = self._get(f"/predictions/{quote(str(each['id']), safe='')}").get("input") or {}
            if all(given.get(key) == value for key, value in wanted.items()):
                return str(each["id"])
        return None

    # ------------------------------------------------------------------------------------------------------------------
    def _get(self, path):
        found = self.wire.call("GET", self._root + path).json()
        if not isinstance(found, dict):
            raise BackendError("Replicate's answer is not what was expected. Is the address right?")
        return found

    def _schema(self, name):
        if name not in self._schemas:
            self._schemas[name] = self._asked(name)
        return self._schemas[name]

    def _asked(self, name):
        parts = _NAME.fullmatch(name)
        if parts is None:
            raise RequestError(
                "checkpoint", f"{name[:100]!r} is no model of Replicate. Write owner/name, such as black-forest-labs/flux-schnell."
            )
        path = f"/models/{quote(parts['owner'])}/{quote(parts['name'])}"
        try:
            told = self._get(path)
            version = (
                self._get(f"{path}/versions/{parts['version']}") if parts["version"] else told.get("latest_version") or self._last(path)
            )
        except BackendError as error:
            if error.status == 404:
                raise RequestError("checkpoint", f"Replicate has no model {name}. Is it written right, and yours to use?") from None
            raise
        inputs = inputs_of(version.get("openapi_schema") or {})
        if not inputs:
            raise RequestError(
                "checkpoint", f"Replicate tells no inputs of {name}, so that nothing can be asked of it. Choose another model."
            )
        return Schema(
            parts["owner"], parts["name"], str(version.get("id") or ""), bool(parts["version"]), bool(told.get("is_official")), inputs
        )

    def _last(self, path):
        """The newest version of a model that names none; empty where it has none."""
        try:
            found = self._get(f"{path}/versions").get("results") or []
        except BackendError as error:
            if error.again is not None:
                raise
            return {}
        return found[0] if found and isinstance(found[0], dict) else {}

    def _input(self, task, model, pictures=True):
        """A request as the model's inputs. Raises `RequestError` for an option that it has not."""
        request, inputs = task.request, model.inputs
        ours = {name: getattr(request, name) for name in NAMES if name not in ("init", "mask", "seed")}
        if request.mode == "txt2img":
            ours.pop("strength")
        values = {theirs: ours[name] for name, names in NAMES.items() if name in ours and (theirs := first(names, inputs))}
        values = {name: value for name, value in values.items() if value not in ("", None)}
        if seed := first(NAMES["seed"], inputs):
            values[seed] = task.seed % (int(bounds(inputs[seed])[1] or 2**32 - 1) + 1)
        if (count := first(COUNT, inputs)) and (task.count > 1 or inputs[count].get("default") not in (None, 1)):
            values[count] = task.count
        if RATIO in inputs and first(NAMES["width"], inputs) is None:
            values[RATIO] = nearest_ratio(request.width / request.height, choices(inputs[RATIO]))
        if (kind := first(FORMAT, inputs)) and "png" in choices(inputs[kind]):
            values[kind] = "png"
        values = {name: whole(value, inputs[name]) for name, value in values.items() if value is not None}
        if pictures:
            for name, data in (("init", task.init), ("mask", task.mask)):
                if data and (theirs := first(NAMES[name], inputs)):
                    values[theirs] = self._uploaded(data)
        return values | self._options(request.where_options, model)

    def _options(self, text, model):
        options = json.loads(text) if text.strip() else {}
        for name in options:
            if name not in model.inputs:
                raise RequestError(
                    "where_options", f"Replicate's {model.owner}/{model.name} has no input {name!r}. It has: {', '.join(model.inputs)}."
                )
        return options

    def _uploaded(self, data):
        kind = "image/png" if data.startswith(b"\x89PNG") else "image/webp" if data[8:12] == b"WEBP" else "image/jpeg"
        if len(data) > _INLINE:
            told = self.wire.call("POST", self._root + "/files", files={"content": ("picture", data, kind)}).json()
            if url := (told.get("urls") or {}).get("get"):
                return url
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"


class Schema:
    """A model's version and its inputs."""

    def __init__(self, owner, name, version, pinned, official, inputs):
        self.owner, self.name, self.version, self.pinned, self.official, self.inputs = owner, name, version, pinned, official, inputs


def inputs_of(schema):
    """The inputs in a model's OpenAPI schema, in their order, with what a `$ref` names put in; nothing where there are none."""
    known = (schema.get("components") or {}).get("schemas") or {}
    found = (known.get("Input") or {}).get("properties") or {}
    needed = (known.get("Input") or {}).get("required") or []
    ordered = sorted(found, key=lambda name: found[name].get("x-order", 1000) if isinstance(found[name], dict) else 1000)
    inputs = {}
    for name in ordered:
        entry = dict(found[name]) if isinstance(found[name], dict) else {}
        for part in [entry, *(entry.get("allOf") or []), *(entry.get("anyOf") or [])]:
            reference = str(part.get("$ref") or "").rpartition("/")[2]
            entry = {**known.get(reference, {}), **part, **entry} if reference else {**part, **entry}
        inputs[name] = {**entry, "needed": name in needed}
    return inputs


def required(inputs, ours):
    """Whether the model must have what a request calls so."""
    return any(inputs[name]["needed"] for name in NAMES[ours] if name in inputs)


def first(names, inputs):
    """The first of these names that is an input."""
    return next((name for name in names if name in inputs), None)


def bounds(entry):
    """Least and most of a number."""
    return (entry.get("minimum"), entry.get("maximum"))


def choices(entry):
    """What an input may be, if that is a list."""
    return list(entry.get("enum") or [])


def fits(field, value):
    """Whether a model's own default can be a request's."""
    if field in ("width", "height"):
        return isinstance(value, int) and value % 8 == 0 and 64 <= value <= 4096
    if field == "steps":
        return isinstance(value, int) and 1 <= value <= 1000
    if field == "guidance":
        return isinstance(value, int | float) and 0 <= value <= 100
    return isinstance(value, str)


def whole(value, entry):
    """A number as its input's type has it."""
    return int(value) if entry.get("type") == "integer" and isinstance(value, float) else value


def nearest_ratio(wanted, known):
    """The ratio that a size is nearest to, such as 16:9; None where the input names none."""
    ratios = {
        name: int(parts[1]) / int(parts[2]) for name in map(str, known) if (parts := re.fullmatch(r"(\d+):(\d+)", name)) and int(parts[2])
    }
    return min(
        ratios, key=lambda name: abs(ratios[name] / wanted - 1) if ratios[name] >= wanted else abs(wanted / ratios[name] - 1), default=None
    )


def before(moment, since):
    """Whether a time of theirs is before one of ours; not where it cannot be read."""
    try:
        return datetime.fromisoformat(str(moment)).timestamp() < since
    except ValueError:
        return False


def state_of(told):
    """A prediction as a state."""
    if not isinstance(told, dict) or not told.get("id"):
        raise BackendError("Replicate's answer is not what was expected. Is the address right?")
    state = _STATES.get(str(told.get("status")), "waiting")
    error = told.get("error") or (REMOVED if told.get("data_removed") and not told.get("output") else "")
    percents = _PERCENT.findall(str(told.get("logs") or "")[-2000:])
    return RemoteState(
        id=str(told["id"]),
        state=state,
        pictures=tuple(RemotePicture(url=url) for url in urls_of(told.get("output"))) if state == "done" else (),
        progress=min(int(percents[-1]), 100) / 100 if percents else None,
        detail=str(told.get("status") or ""),
        error=" ".join(str(error).split())[:300],
    )


def urls_of(output):
    """The addresses in a model's output, whatever its shape."""
    if isinstance(output, str):
        return [output] if re.match(r"https?://|data:|/", output) else []
    if isinstance(output, list):
        return [url for each in output for url in urls_of(each)]
    if isinstance(output, dict):
        named = [name for name in ("url", "image", "images", "output", "outputs", "files") if name in output]
        return [url for name in named or output for url in urls_of(output[name])]
    return []
