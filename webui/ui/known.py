"""The names in a picture's parameters, as this Darkroom knows them: samplers, schedules, model files; and which are not here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from webui.library import Library
from webui.prompts.grammar import strip_tags
from webui.samplers.catalog import find_sampler, find_schedule, parse_sampler_name
from webui.ui.choices import Choices, choices
from webui.ui.fields import OWN, label_of
from webui.ui.services import Services

_HASH = re.compile(r"\[([0-9a-fA-F]{6,64})\]$")


@dataclass(frozen=True)
class Known:
    """What there is to choose from."""

    library: Library
    offered: Choices

    @classmethod
    def of(cls, services: Services) -> "Known":
        """As it is now."""
        return cls(services.library, choices(services))

    def place(self, values: Mapping[str, Any], checkpoint: str = "") -> tuple[dict[str, Any], list[str]]:
        """Values with names as the drop-downs have them, and a line for each name that is not here; those are taken out.

        `checkpoint` is the name with its hash, by which a renamed file is found (if it was hashed before).
        """
        found: dict[str, Any] = dict(values)
        missing = []
        self._split(found)
        for name, here in self._names(found, checkpoint).items():
            if here is None:
                missing.append(f"{label_of(name)}: {found.pop(name)} (not here)")
            else:
                found[name] = here
        return found, missing + [f"LoRA: {name} (not here)" for name in self._missing_loras(str(found.get("prompt", "")))]

    def _split(self, values: dict[str, Any]) -> None:
        """A1111's old names carry their schedule."""
        if isinstance(values.get("sampler"), str):
            values["sampler"], schedule = parse_sampler_name(values["sampler"])
            if schedule and not values.get("schedule"):
                values["schedule"] = schedule

    def _names(self, values: Mapping[str, Any], checkpoint: str) -> dict[str, str | None]:
        lists = {name: names for name, names in self.offered.by_field.items() if isinstance(values.get(name), str)}
        found = {name: _among(names, self._ours(name, values[name])) for name, names in lists.items()}
        if "checkpoint" in found and found["checkpoint"] is None:
            digest = _HASH.search(checkpoint)
            model = self.library.find_by_hash("checkpoint", digest[1]) if digest else None
            found["checkpoint"] = model.name if model else None
        return found

    def _ours(self, name: str, value: str) -> str:
        """A built-in's alias is its name; A1111 calls the checkpoint's own VAE Automatic."""
        if name == "vae" and value.lower() in ("automatic", "none"):
            return OWN
        entry = find_sampler(value) if name.endswith("sampler") else find_schedule(value) if name.endswith("schedule") else None
        return entry.name if entry else value

    def _missing_loras(self, prompt: str) -> list[str]:
        here = {model.name.rsplit("/", 1)[-1].lower() for model in self.library.models("lora")} | {
            model.name.lower() for model in self.library.models("lora")
        }
        wanted = dict.fromkeys(tag.name for tag in strip_tags(prompt)[1] if tag.kind in ("lora", "lyco"))
        return [name for name in wanted if name.lower() not in here]


def _among(names: Iterable[str], value: str) -> str | None:
    """The name itself, whatever its case, folder or suffix; None when it is not there."""
    wanted = value.strip().replace("\\", "/").lower()
    bare = re.sub(r"\.(safetensors|ckpt|pt|pth|bin)$", "", wanted)
    exact = {name.lower(): name for name in names}
    short = {name.rsplit("/", 1)[-1].lower(): name for name in names}
    return exact.get(wanted) or exact.get(bare) or short.get(bare.rsplit("/", 1)[-1])
