"""The base of all values that flow."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Base of all values that flow: frozen, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
