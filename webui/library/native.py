"""What a checkpoint's file says that it was made for, within the bounds of a user's own request."""

import json
from typing import Any

from webui.core.family import Header, ModelDefaults
from webui.core.request import parse_request
from webui.errors import RequestError

KEY = "darkroom.native"
_LONGEST, _LONGEST_VALUE = 10_000, 100


def native(header: Header, usual: ModelDefaults) -> ModelDefaults:
    """The maker's own defaults (metadata `darkroom.native`, JSON), else the family's `usual` ones.

    One that a request would not take is left out.
    """
    said = _said(header.metadata.get(KEY, ""))
    values = usual.model_dump() if said else {}
    for name, value in said.items():
        if name in values and value is not None and len(text := str(value)) <= _LONGEST_VALUE and text.isprintable():
            try:
                values[name] = getattr(parse_request({name: value}), name)
            except RequestError:
                continue
    return ModelDefaults(**values) if said else usual


def _said(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if 0 < len(text) <= _LONGEST else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
