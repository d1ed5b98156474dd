"""A sampler node of ComfyUI's graph as request fields: whole, or in parts (guider, noise, sampler, sigmas)."""

from dataclasses import dataclass
from typing import Any

from webui.images.dialects.comfyui_graph import Link, Node, Walk
from webui.images.dialects.comfyui_nodes import SAMPLER_OPTIONS, SAMPLERS, SCHEDULE_OPTIONS, SCHEDULERS
from webui.images.dialects.comfyui_values import number_of, text_of
from webui.images.dialects.names import sampler_fields, schedule_name

_WHOLE = {"steps", "cfg", "sampler_name"}
_IMAGE = ("image", "images", "pixels")
_ENDLESS = 10_000


@dataclass(frozen=True)
class Sampling:
    """What one sampler says: request fields, and where its prompts and its model come from."""

    fields: dict[str, Any]
    positive: Link | None
    negative: Link | None
    model: Link | None
    has_negative: bool = True
    adds_noise: bool = True
    part: tuple[int, int | None] = (0, None)
    """The steps that it does, from the first on, up to the second: to the end for None."""


def is_sampler(node: Node) -> bool:
    """Whether a node makes latents from noise. One that takes a picture changes it, whatever settings it has."""
    if node.kind in ("KSamplerSelect", "KSamplerConfig"):
        return False
    known = node.kind.startswith(("KSampler", "SamplerCustom"))
    return known or (node.inputs.keys() >= _WHOLE and not any(name in node.inputs for name in _IMAGE))


def sampling_of(walk: Walk, node: Node) -> Sampling:
    """Read a sampler node."""
    return _in_parts(walk, node) if node.kind.startswith("SamplerCustom") else _whole(walk, node)


def _whole(walk: Walk, node: Node) -> Sampling:
    inputs = node.inputs
    fields = {
        "steps": number_of(walk, inputs.get("steps"), "Steps"),
        "guidance": number_of(walk, inputs.get("cfg"), "CFG scale"),
        "seed": number_of(walk, inputs.get("seed", inputs.get("noise_seed")), "Seed"),
        "strength": number_of(walk, inputs.get("denoise", 1.0), "Denoising strength"),
        **_named(walk, inputs.get("sampler_name"), inputs.get("scheduler")),
    }
    adds_noise = inputs.get("add_noise", "enable") not in ("disable", False)
    part = _range(walk, node, fields, adds_noise)
    if node.link("script"):
        walk.note(f"node {node.kind}: its script")
    return Sampling(fields, node.link("positive"), node.link("negative"), node.link("model"), True, adds_noise, part)


def _named(walk: Walk, sampler: Any, scheduler: Any) -> dict[str, Any]:
    name, schedule = text_of(walk, sampler, "Sampling method"), text_of(walk, scheduler, "Schedule type")
    return sampler_fields(name, schedule or "") if name else {"schedule": schedule_name(schedule or "") or None}


def refiner_of(walk: Walk, node: Node, first: Sampling, second: Sampling) -> dict[str, Any] | None:
    """The fields of a second sampler (`node`) that takes over from the first at a step, but its model; None for any other."""
    steps, at = first.fields.get("steps"), second.part[0]
    same = all(first.fields.get(key) == second.fields.get(key) for key in ("steps", "sampler", "schedule", "guidance"))
    if not (same and isinstance(steps, int) and 0 < at < steps and first.part == (0, at) and second.part[1] is None):
        return None
    for part in (first.part, second.part):
        walk.notes.pop(_part_said(node, steps, part), None)
    return {"refiner_switch_at": at / steps}


def _part_said(node: Node, steps: int, part: tuple[int, int | None]) -> str:
    return f"node {node.kind}: steps {part[0]} to {steps if part[1] is None else part[1]} of {steps}"


def _range(walk: Walk, node: Node, fields: dict[str, Any], adds_noise: bool) -> tuple[int, int | None]:
    """KSamplerAdvanced's part of the steps: one that starts later and adds noise is a denoising strength, anything else is said."""
    if "start_at_step" not in node.inputs and "end_at_step" not in node.inputs:
        return 0, None
    start = number_of(walk, node.inputs.get("start_at_step", 0), "Start at step") or 0
    end = number_of(walk, node.inputs.get("end_at_step", _ENDLESS), "End at step")
    steps = fields["steps"]
    if not isinstance(steps, int) or steps < 1:
        return 0, None
    if start > 0 and adds_noise:
        fields["strength"] = max(0.0, (steps - start) / steps)
    if (end is not None and end < steps) or (start > 0 and not adds_noise):
        walk.note(_part_said(node, steps, (int(start), None if end is None or end >= steps else int(end))))
    return int(start), None if end is None or end >= steps else int(end)


def _in_parts(walk: Walk, node: Node) -> Sampling:
    own = node.inputs
    parts = {name: found[0] for name in ("guider", "noise", "sampler", "sigmas") if (found := walk.at(node.link(name))) is not None}
    for name in ("sampler", "sigmas", *(("guider", "noise") if "guider" in own or "noise" in own else ())):
        if name not in parts:
            walk.note(f"node {node.kind}: its {name} is not linked")
    guider = parts.get("guider", node)
    noise = parts.get("noise", node)
    fields = {
        "guidance": number_of(walk, guider.inputs.get("cfg", guider.inputs.get("cfg_conds", 1.0)), "CFG scale"),
        "seed": number_of(walk, noise.inputs.get("noise_seed", noise.inputs.get("seed")), "Seed"),
        **_sampler_part(walk, parts.get("sampler")),
        **_sigmas(walk, own.get("sigmas")),
    }
    if guider is not node and guider.kind not in ("CFGGuider", "BasicGuider"):
        walk.note(f"node {guider.kind}")
    adds_noise = noise.kind != "DisableNoise" and own.get("add_noise", True) not in (False, "disable")
    positive = guider.link("positive", "conditioning", "cond1")
    return Sampling(fields, positive, guider.link("negative"), guider.link("model"), "negative" in guider.inputs, adds_noise)


def _sampler_part(walk: Walk, node: Node | None) -> dict[str, Any]:
    if node is None:
        return {}
    if node.kind not in SAMPLERS and "sampler_name" not in node.inputs:
        walk.note(f"Sampling method: comes from node {node.kind}")
        return {}
    found = {"sampler": SAMPLERS[node.kind]} if node.kind in SAMPLERS else _named(walk, node.inputs["sampler_name"], None)
    options = {key: node.inputs[key] for key in SAMPLER_OPTIONS if key in node.inputs}
    values = {key: value if key == "solver_type" else number_of(walk, value, key) for key, value in options.items()}
    return {key: value for key, value in found.items() if value} | {
        f"sampler_options.{SAMPLER_OPTIONS[key]}": value for key, value in values.items()
    }


def _sigmas(walk: Walk, link: Any) -> dict[str, Any]:
    """A schedule, of which SplitSigmas may leave the first steps out: that is a denoising strength."""
    found = walk.at(link) if isinstance(link, tuple) else None
    if found is None or found[0].kind != "SplitSigmas":
        return _sigmas_part(walk, found and found[0])
    inner = walk.at(found[0].link("sigmas"))
    fields = _sigmas_part(walk, inner and inner[0])
    step, steps = number_of(walk, found[0].inputs.get("step", 0), "Split at step") or 0, fields.get("steps")
    if found[1] == 1 and isinstance(steps, int) and 0 < step < steps:
        fields["strength"] = (steps - step) / steps
    elif step > 0:
        walk.note(f"node SplitSigmas: steps {'after' if found[1] == 1 else 'before'} {step} of {steps}")
    return fields


def _sigmas_part(walk: Walk, node: Node | None) -> dict[str, Any]:
    if node is None:
        return {}
    inputs = node.inputs
    if node.kind not in SCHEDULERS and not {"scheduler", "steps"} <= inputs.keys():
        walk.note(f"Schedule type and steps: come from node {node.kind}")
        return {}
    named = SCHEDULERS.get(node.kind) or schedule_name(text_of(walk, inputs.get("scheduler"), "Schedule type") or "") or None
    options = {f"sampler_options.{ours}": number_of(walk, inputs[key], key) for key, ours in SCHEDULE_OPTIONS.items() if key in inputs}
    return {
        "schedule": named,
        "steps": number_of(walk, inputs.get("steps"), "Steps"),
        "strength": number_of(walk, inputs.get("denoise", 1.0), "Denoising strength"),
        **options,
    }
