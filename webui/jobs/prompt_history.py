"""What somebody has used: prompts, each once and the latest first, and pictures."""

import json

from pydantic import Field
from sqlalchemy import desc, select

from webui.core.request import FrozenModel
from webui.db.database import Database
from webui.db.tables import jobs

MOST_JOBS = 2000


class UsedPrompt(FrozenModel):
    """Both prompts as they were written: with their templates, where they had some."""

    prompt: str
    negative_prompt: str = ""
    job_id: str = Field(description="The last job with them.")


def used_prompts(database: Database, owner: str, search: str = "", limit: int = 50) -> list[UsedPrompt]:
    """The latest prompts of an owner that have these words, each once."""
    query = select(jobs.c.id, jobs.c.request).where(jobs.c.owner == owner).order_by(desc(jobs.c.number)).limit(MOST_JOBS)
    if search.isascii() and search:  # SQLite knows no case of other letters
        query = query.where(jobs.c.request.icontains(json.dumps(search)[1:-1], autoescape=True))
    found: dict[tuple[str, str], UsedPrompt] = {}
    with database.read() as connection:
        for job_id, text in connection.execute(query):
            one = _prompts(str(job_id), str(text))
            if one is not None and search.lower() in f"{one.prompt}\n{one.negative_prompt}".lower():
                found.setdefault((one.prompt, one.negative_prompt), one)
            if len(found) >= limit:
                break
    return list(found.values())


def has_used(database: Database, owner: str, image_id: str) -> bool:
    """Whether a job of this owner has begun with a picture of this id."""
    mine = select(jobs.c.id).where(jobs.c.owner == owner, jobs.c.request.contains(image_id, autoescape=True)).limit(1)
    with database.read() as connection:
        return connection.execute(mine).first() is not None


def _prompts(job_id: str, text: str) -> UsedPrompt | None:
    try:
        request = json.loads(text)
        templates = request.get("templates") or {}
        prompt, negative = (
            str((templates.get(field) or {}).get("text") or request.get(field) or "") for field in ("prompt", "negative_prompt")
        )
    except (ValueError, AttributeError):
        return None
    return UsedPrompt(prompt=prompt, negative_prompt=negative, job_id=job_id) if prompt.strip() or negative.strip() else None
