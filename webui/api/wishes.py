"""Bodies that our own small routes take as models."""

from typing import Any

from pydantic import model_validator

from webui.core.plain import check_plain
from webui.core.request import FrozenModel


class Wish(FrozenModel):
    """A body whose texts can be kept and shown: JSON can say what is no Unicode. Raises `RequestError` for one that cannot."""

    @model_validator(mode="before")
    @classmethod
    def _is_plain(cls, data: Any) -> Any:
        check_plain(data)
        return data
