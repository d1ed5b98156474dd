"""A1111's texts of its Extras: what was done to a picture after it was made, as steps of the finish chain and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from webui.core.detail import DetailStep
from webui.core.finish import BuiltinStep, ExtensionStep, RestoreStep, UpscaleStep, dump_steps
from webui.images.dialects import adetailer

Pair = tuple[str, Any]
CHUNKS = ("postprocessing", "extras")
"""Keys of the PNG texts in which A1111 keeps what its Extras did."""
FINISH = "Finish"
"""Our own key: the whole chain as JSON."""
KEYS = frozenset(
    (
        *("Postprocess upscale by", "Postprocess upscale to", "Postprocess crop to", "Postprocess upscaler", "Postprocess upscaler 2"),
        *("Postprocess GFPGAN visibility", "Postprocess CodeFormer visibility", "Postprocess CodeFormer weight"),
        *("GFPGAN visibility", "CodeFormer visibility", "CodeFormer weight", "Face restoration", "Postprocess upscale max side"),
    )
)
"""Keys that A1111 writes of it, in any version."""


def pairs_of(steps: Sequence[BuiltinStep | ExtensionStep]) -> Iterator[Pair]:
    """The chain under A1111's keys, as far as it has them (the first of each kind), and then whole under ours."""
    seen: set[str] = set()
    for step in steps:
        if step.kind not in seen:
            seen.add(step.kind)
            yield from _named(step)
    yield from adetailer.pairs_of([step for step in steps if isinstance(step, DetailStep)])
    if steps:
        yield FINISH, dump_steps(tuple(steps))


def _named(step: BuiltinStep | ExtensionStep) -> Iterator[Pair]:
    match step:
        case UpscaleStep(width=0, height=0):
            yield "Postprocess upscale by", step.scale or None
            yield from _upscalers(step)
        case UpscaleStep():
            yield "Postprocess upscale to", f"{step.width}x{step.height}"
            yield "Postprocess crop to", f"{step.width}x{step.height}" if step.crop else None
            yield from _upscalers(step)
        case RestoreStep() if "codeformer" in step.model.lower():
            yield "CodeFormer visibility", step.visibility
            yield "CodeFormer weight", step.fidelity
        case RestoreStep():
            yield "GFPGAN visibility", step.visibility
        case _:
            return


def _upscalers(step: UpscaleStep) -> Iterator[Pair]:
    yield "Postprocess upscaler", step.upscaler
    yield "Postprocess upscaler 2", step.second if step.second_visibility else None


def steps_of(pairs: Mapping[str, str]) -> list[dict[str, Any]]:
    """The steps that A1111's pairs tell of, as plain data. Raises `ValueError` for numbers that are none."""
    steps: list[dict[str, Any]] = []
    if restored := pairs.get("Face restoration", "").strip():
        said = {"fidelity": float(pairs["CodeFormer weight"])} if "CodeFormer weight" in pairs else {}
        steps.append({"kind": "restore", "model": restored, "visibility": 1.0, **said})
    if name := pairs.get("Postprocess upscaler"):
        step: dict[str, Any] = {"kind": "upscale", "upscaler": name}
        if to := pairs.get("Postprocess upscale to"):
            width, height = to.lower().split("x")
            step |= {"width": int(width), "height": int(height), "crop": "Postprocess crop to" in pairs}
        elif by := pairs.get("Postprocess upscale by"):
            step["scale"] = float(by)
        steps.append(step)
    for network, more in (("GFPGAN", {}), ("CodeFormer", {"fidelity": "CodeFormer weight"})):
        share = pairs.get(f"{network} visibility", pairs.get(f"Postprocess {network} visibility"))
        if share is not None:
            said = {field: float(pairs[key]) for field, key in more.items() if key in pairs}
            steps.append({"kind": "restore", "model": network, "visibility": float(share), **said})
    return [*steps, *adetailer.steps_of(pairs)]
