"""What a checkpoint's file says that it was made for, within the bounds of a user's own request."""

import json
from typing import Any

from webui.core.request import parse_request
from webui.errors import RequestError
from webui.library.header import Header
from webui.library.models import FAMILY_NATIVE, Native

KEY = "darkroom.native"
_LONGEST, _LONGEST_VALUE = 10_000, 100


def native(header: Header, family: str) -> Native:
    """The maker's own defaults (metadata `darkroom.native`, JSON), else the family's. One that a request would not take is left out."""
    values = FAMILY_NATIVE.get(family, Native()).model_dump()
    for name, value in _said(header.metadata.get(KEY, "")).items():
        if name in values and value is not None and len(text := str(value)) <= _LONGEST_VALUE and text.isprintable():
            try:
                values[name] = getattr(parse_request({name: value}), name)
            except RequestError:
                continue
    return Native(**values)


def _said(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if 0 < len(text) <= _LONGEST else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
