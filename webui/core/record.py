"""A finished or uploaded picture as the database and the pages know it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from webui.core.request import MAX_SEED, FrozenModel


class ImageRecord(FrozenModel):
    """One picture file.

    `id` is the sha256 of the file's bytes (so an upload's id is what `init` and `mask` take, and a result's can be used the same way).
    `path` is relative to the data directory, with forward slashes. `index` counts a job's pictures from 0.
    """

    id: str
    path: str
    kind: Literal["result", "upload"] = "result"
    job_id: str | None = None
    index: int = 0
    owner: str = "local"
    width: int
    height: int
    seed: Annotated[int, Field(json_schema_extra={"maximum": MAX_SEED})] | None = None
    created: datetime
    notes: tuple[str, ...] = Field((), description="What the user should know: a LoRA not found, an extension left out.")
