"""ADetailer's script arguments in A1111's API, as steps of the finish chain."""

from collections.abc import Mapping
from typing import Any

from webui.errors import RequestError
from webui.images.dialects import adetailer
from webui.services import Services

NAME = "adetailer"
_FIELD = "alwayson_scripts.ADetailer"


def steps_of(args: Any, api: Services, notes: list[str]) -> list[dict[str, Any]]:
    """The steps that the arguments ask for: whether it is on, whether img2img itself is skipped, and a unit for each pass.

    A detector that is not here changes nothing, as in ADetailer, and is said. Raises `RequestError` for a number that is none.
    """
    listed = args if isinstance(args, list) else [args]
    switches = [each for each in listed if isinstance(each, bool)]
    if switches[:1] == [False]:
        return []
    if switches[1:2] == [True]:
        notes.append("Darkroom's detailer does not skip img2img; the picture was made first.")
    found = [_step(unit, api, notes) for unit in listed if isinstance(unit, Mapping)]
    return [step for step in found if step is not None]


def _step(unit: Mapping[str, Any], api: Services, notes: list[str]) -> dict[str, Any] | None:
    try:
        step, unused = adetailer.step_of(unit)
    except (ValueError, OverflowError) as error:
        raise RequestError(_FIELD, f"A number of ADetailer's arguments is none: {str(error)[:200]}.") from None
    if step is None:
        return None
    asked = str(step.get("detector", ""))
    try:
        step["detector"] = api.detectors.named(asked)
    except RequestError as error:
        notes.append(f"ADetailer changed nothing: {error.message}")
        return None
    if step["detector"] != asked and not asked.startswith(step["detector"]):
        notes.append(f"The detector {step['detector']} was taken for {asked[:100]!r}.")
    notes += [f"Darkroom's detailer has nothing for ADetailer's {name[:100]!r}." for name in unused]
    return step
