"""The names in a picture's parameters, as this Darkroom knows them: samplers, schedules, model files; and which are not here.

The page, and `generate --from` for its own library or a server's, place names by the same rules and say the same words.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from webui.core.backend import AUTO, HERE
from webui.core.names import fold
from webui.core.protocol import Capabilities
from webui.errors import CheckpointError
from webui.images.upscaling import LATENT_UPSCALERS
from webui.library import Library, ModelFile
from webui.library.hashes import AUTOV1_DIGITS, read_autov1
from webui.prompts.grammar import strip_tags, without_tags
from webui.samplers.catalog import find_sampler, find_schedule, parse_sampler_name
from webui.services import Services
from webui.ui.choices import choices, choices_of
from webui.ui.fields import NONE, OWN, SAME, label_of

_HASH = re.compile(r"(?<!\s)\s*\[([0-9a-fA-F]{6,64})\]$")

KINDS = ("embedding", "hypernetwork", "face_restorer")
ByHash = Callable[[str], str | None]
Hashed = Callable[[str, str], bool]


@dataclass(frozen=True)
class NameMatcher:
    """What there is to choose from: names by the form's drop-down, and LoRAs as `fold` makes them comparable.

    `by_hash` gives the checkpoint that has a hash; `has_hash` says whether a checkpoint has one. They are asked only when needed.
    """

    names: Mapping[str, list[str]]
    loras: frozenset[str]
    by_hash: ByHash
    has_hash: Hashed
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of embeddings, hypernetworks and networks for faces by their kind; one that is not told of is not asked about."""

    @classmethod
    def of(cls, services: Services) -> "NameMatcher":
        """As it is now on this server."""
        here = cls.here(services.library, services.capabilities.current())
        return replace(here, names={**here.names, "where": list(choices(services).places)})

    @classmethod
    def here(cls, library: Library, capabilities: Capabilities) -> "NameMatcher":
        """By a library and by what the engine can do."""
        models = {model.name: model for model in library.models("checkpoint")}

        def by_hash(digest: str) -> str | None:
            model = library.find_by_hash("checkpoint", digest)
            if model is None and len(digest) == AUTOV1_DIGITS:
                model = next((each for each in models.values() if read_autov1(each.path) == digest.lower()), None)
            return model.name if model else None

        def has_hash(name: str, digest: str) -> bool:
            return name in models and _is_hash(library, models[name], digest.lower())

        loras = _called(library.models("lora"))
        files = {kind: tuple(_called(library.models(kind))) for kind in KINDS}
        return cls(choices_of(library, capabilities).by_field, _both(loras), by_hash, has_hash, files)

    @classmethod
    def anything(cls) -> "NameMatcher":
        """By nothing: every name is believed, for whoever makes the picture knows its own."""
        return cls({}, _Any(), lambda digest: None, lambda name, digest: True)

    @classmethod
    def told(cls, answer: Mapping[str, Any]) -> "NameMatcher":
        """By another server's answer to `GET /api/v1/capabilities`. It tells no hashes, so that names are believed."""

        def named(part: Any) -> list[str]:
            return [str(each["name"]) for each in part or []]

        models = answer.get("models", {})
        samplers, schedules = named(answer.get("samplers")), named(answer.get("schedules"))
        fields = {"checkpoint": named(models.get("checkpoint")), "vae": [OWN, *named(models.get("vae"))]}
        fields["text_encoder"] = [OWN, *named(models.get("checkpoint"))]
        fields["refiner_checkpoint"] = [NONE, *named(models.get("checkpoint"))]
        fields["hires.checkpoint"] = [SAME, *named(models.get("checkpoint"))]
        fields |= {"sampler": samplers, "schedule": schedules, "hires.sampler": [SAME, *samplers], "hires.schedule": [SAME, *schedules]}
        fields["hires.upscaler"] = [*(str(name) for name in answer.get("upscalers", [])), *named(models.get("upscaler"))]
        loras = [*named(models.get("lora")), *(str(each["alias"]) for each in models.get("lora") or [] if each.get("alias"))]
        fields["init_upscaler"] = [name for name in fields["hires.upscaler"] if name not in LATENT_UPSCALERS]
        files = {kind: tuple(named(models[kind])) for kind in KINDS if kind in models}
        return cls(fields, _both(loras), lambda digest: None, lambda name, digest: True, files)

    def match(self, values: Mapping[str, Any], checkpoint: str = "", embeddings: Iterable[str] = ()) -> tuple[dict[str, Any], list[str]]:
        """Values with names as the drop-downs have them, and a line for each name that is not here; those are taken out.

        `checkpoint` is the name with its hash, by which a renamed file is found (if it was hashed before); `embeddings` are words of the
        prompts that are said to be files.
        """
        found: dict[str, Any] = dict(values)
        missing: list[str] = []
        self._split(found)
        for name, here in self._names(found, checkpoint, missing).items():
            if here is None:
                said = found.pop(name)
                missing.append(f"{label_of(name)}: {checkpoint if name == 'checkpoint' and checkpoint and not said else said} (not here)")
            else:
                found[name] = here
        for prompt in ("prompt", "hires.prompt"):
            if isinstance(found.get(prompt), str):
                found[prompt] = self._without_missing(found[prompt], missing)
        if isinstance(found.get("finish"), list):
            found["finish"] = [placed for step in found["finish"] if (placed := self._step(step, missing)) is not None]
        missing += [f"Embedding: {name} (not here)" for name in embeddings if not self._is_here("embedding", name)]
        return found, list(dict.fromkeys(missing))

    def _is_here(self, kind: str, name: str) -> bool:
        return kind not in self.files or fold(name) in _both(self.files[kind])

    def _without_missing(self, prompt: str, missing: list[str]) -> str:
        """A prompt without the tags of files that are not here, for each of which `missing` gets a line."""
        here: Mapping[str, Callable[[str], bool]] = {
            "LoRA": lambda name: fold(name) in self.loras,
            "Hypernetwork": lambda name: self._is_here("hypernetwork", name),
        }
        for kind, words in (("LoRA", ("lora", "lyco")), ("Hypernetwork", ("hypernet",))):
            gone = list(dict.fromkeys(tag.name for tag in strip_tags(prompt)[1] if tag.kind in words and not here[kind](tag.name)))
            if gone:
                prompt = without_tags(prompt, gone, words)
                missing += [f"{kind}: {name} (not here)" for name in gone]
        return prompt

    def _step(self, step: Any, missing: list[str]) -> Any:
        """A step of the finish chain with the name of its network for faces as it is here; None, and a line in `missing`, where none is."""
        if not isinstance(step, Mapping) or step.get("kind") != "restore" or "face_restorer" not in self.files:
            return step
        here, wanted = self.files["face_restorer"], str(step.get("model") or "")
        name = _among(here, wanted) or next((name for name in here if fold(wanted) in fold(name)), None)
        if name is None:
            missing.append(f"Face restoration: {wanted or 'a network for faces'} (not here)")
            return None
        return {**step, "model": name} if wanted else step

    def _split(self, values: dict[str, Any]) -> None:
        """A1111's old names carry their schedule."""
        if isinstance(values.get("sampler"), str):
            values["sampler"], schedule = parse_sampler_name(values["sampler"])
            if schedule and not values.get("schedule"):
                values["schedule"] = schedule

    def match_fields(self, fields: Mapping[str, Any], embeddings: Iterable[str] = ()) -> tuple[dict[str, Any], list[str]]:
        """The same for the fields of a request, nested as they are there."""
        second = fields.get("hires") if isinstance(fields.get("hires"), Mapping) else {}
        flat = dict(fields) | {f"hires.{name}": value for name, value in (second or {}).items()}
        title = str(fields["checkpoint"]) if isinstance(fields.get("checkpoint"), str) else ""
        if title and _among(self.names.get("checkpoint", ()), title) is None:
            flat["checkpoint"] = _HASH.sub("", title).rstrip()
        else:
            title = ""  # a name that ends like a hash
        placed, missing = self.match(flat, title, embeddings)
        found = {name: value for name, value in placed.items() if not name.startswith("hires.")}
        if second:
            found["hires"] = {name: placed[f"hires.{name}"] for name in second if f"hires.{name}" in placed}
        for name in ("vae", "text_encoder"):
            if found.get(name) == OWN:
                found[name] = None
        if found.get("refiner_checkpoint") == NONE:
            found["refiner_checkpoint"] = None
        return found, missing

    def _names(self, values: Mapping[str, Any], checkpoint: str, told: list[str]) -> dict[str, str | None]:
        """The names of the drop-downs; a checkpoint under another name is found by its hash, and one with another hash is told."""
        lists = {name: names for name, names in self.names.items() if isinstance(values.get(name), str)}
        if values.get("where", AUTO) not in (AUTO, HERE) and values["where"] in self.names.get("where", ()):
            lists = {"where": self.names["where"]}  # a backend has its own names
        found = {name: _among(names, self._ours(name, values[name])) for name, names in lists.items()}
        digest = _HASH.search(checkpoint)
        if "checkpoint" in found and digest:
            here = found["checkpoint"]
            if here is None or not self.has_hash(here, digest[1]):
                found["checkpoint"] = self.by_hash(digest[1]) or here
            if here is not None and found["checkpoint"] == here and not self.has_hash(here, digest[1]):
                told.append(f"{label_of('checkpoint')}: {checkpoint} ({here} is here with another hash)")
        return found

    def _ours(self, name: str, value: str) -> str:
        """A built-in's alias is its name; A1111 calls the checkpoint's own VAE Automatic."""
        if name in ("vae", "text_encoder") and value.lower() in ("automatic", "none"):
            return OWN
        if name in ("refiner_checkpoint", "hires.checkpoint"):
            return _HASH.sub("", value).rstrip()
        entry = find_sampler(value) if name.endswith("sampler") else find_schedule(value) if name.endswith("schedule") else None
        return entry.name if entry else value


class _Any(frozenset[str]):
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


def _called(models: Iterable[ModelFile]) -> list[str]:
    """What files are called: by their place, their file, and as who made them called them."""
    return [name for model in models for name in (model.name, model.file_name, model.path.stem, model.alias) if name]


def _both(names: Iterable[str]) -> frozenset[str]:
    """Names with and without their folder, as they are compared."""
    return frozenset(part for name in names for part in (fold(name), fold(name.rsplit("/", 1)[-1])))


def _is_hash(library: Library, model: ModelFile, digest: str) -> bool:
    """Whether a file has this hash: the first digits of its sha256, or the eight of A1111's first months."""
    if len(digest) == AUTOV1_DIGITS and read_autov1(model.path) == digest:
        return True
    try:
        return library.sha256(model).startswith(digest)
    except CheckpointError:
        return False


def _among(names: Iterable[str], value: str) -> str | None:
    """The name itself, whatever its case, folder or suffix; None when it is not there."""
    wanted = fold(value)
    bare = re.sub(r"\.(safetensors|ckpt|pt|pth|bin)$", "", wanted)
    exact = {fold(name): name for name in reversed(list(names))}
    short = {name.rsplit("/", 1)[-1]: exact[name] for name in exact}
    return exact.get(wanted) or exact.get(bare) or short.get(bare.rsplit("/", 1)[-1])
