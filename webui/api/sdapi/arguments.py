"""What scripts take by position, read as it is sent: numbers and flags also as texts, choices by their names or their numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.refusals import Refusal
from webui.errors import RequestError

UPSCALER = "Upscaler"
_FLAGS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False, "": False}


@dataclass(frozen=True)
class Argument:
    """One argument of a script, as A1111's page labels it."""

    label: str
    value: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None

    def read(self, sent: Any) -> Any:
        """What was sent, as this argument has it; nothing is its default. Raises `RequestError`."""
        if sent is None or self.label == UPSCALER:  # whose list is longer than the one that is known here
            return self.value if sent is None else sent
        if isinstance(self.value, bool):
            return self._flag(sent)
        if self.choices is not None:
            return self._chosen(sent, self.choices)
        if isinstance(self.value, int | float):
            return self._number(sent)
        return sent

    def _flag(self, sent: Any) -> bool:
        found = flag(sent)
        if found is None:
            raise RequestError("script_args", f"{self.label} must be true or false.")
        return found

    def _number(self, sent: Any) -> float:
        value = number(sent)
        if value is None:
            raise RequestError("script_args", f"{self.label} must be a number.")
        if not (self.minimum or 0) <= value <= (self.maximum or math.inf):
            raise RequestError("script_args", f"{self.label} must be between {self.minimum} and {self.maximum}.")
        return value

    def _chosen(self, sent: Any, choices: Sequence[str]) -> Any:
        if isinstance(self.value, list):
            if isinstance(sent, list) and all(each in choices for each in sent):
                return sent
        elif sent in choices:
            return sent
        elif (place := number(sent)) is not None and place == int(place) and 0 <= place < len(choices):
            return choices[int(place)]
        raise RequestError("script_args", f"{self.label} must be one of {', '.join(choices)}.")


Script = tuple[tuple[str, ...], tuple[Argument, ...]]
"""The routes that a script is of, and its arguments."""


def arguments_of(body: Generation, script: Script, may_lack: int = 0) -> list[Any]:
    """A script's arguments by position, all of them; so many of the last may be left out.

    Raises `RequestError`, and `Refusal` for a script of the other route.
    """
    routes, wanted = script
    if ("img2img" if isinstance(body, Img2Img) else "txt2img") not in routes:
        raise Refusal(422, f"Script '{body.script_name}' not found")
    sent = list(body.script_args)
    if len(sent) < len(wanted) - may_lack:
        labels = ", ".join(each.label for each in wanted)
        raise RequestError("script_args", f"This script takes {len(wanted)} arguments by position: {labels}.")
    sent += [None] * (len(wanted) - len(sent))
    return [argument.read(value) for value, argument in zip(sent, wanted, strict=False)]


def flag(sent: Any) -> bool | None:
    """True or false, also as a text or a number; None for what is neither."""
    if isinstance(sent, bool | int | float):
        return bool(sent)
    return _FLAGS.get(sent.strip().lower()) if isinstance(sent, str) else None


def number(sent: Any) -> float | None:
    """A finite number, also as a text; whole ones stay whole. None for what is none."""
    try:
        value = None if isinstance(sent, bool) else float(sent)
    except (TypeError, ValueError, OverflowError):
        return None
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and not isinstance(sent, float) else value
