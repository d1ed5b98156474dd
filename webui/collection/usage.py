"""Which jobs used a model, and when one did last: what nothing has used for long can go."""

import re
from datetime import UTC, datetime

from sqlalchemy import desc, func, or_, select

from webui.core.request import FrozenModel
from webui.db import Database
from webui.db.tables import jobs
from webui.library import ModelFile


class Usage(FrozenModel):
    """How many jobs named a model, and when the last one was submitted."""

    jobs: int = 0
    last: datetime | None = None


_VAE = re.compile(r'"vae": ?"([^"\\]{1,300})"')
_NAMES = re.compile(r'<\w+:([^:<>"]+)[:>]|"((?:[^"\\]|\\.){1,300})"|([\w.+-]{2,100})')


def names_used(database: Database, since: datetime) -> set[str]:
    """Whatever jobs named since then that may be a model: tags in prompts, values of fields, words."""
    found: set[str] = set()
    with database.read() as connection:
        for checkpoint, prompt, request in connection.execute(
            select(jobs.c.checkpoint, jobs.c.prompt, jobs.c.request).where(jobs.c.created >= since.timestamp())
        ):
            found.add(checkpoint.partition(" [")[0])
            for text in (prompt, request):
                found.update(part for match in _NAMES.findall(text) for part in match if part)
    return found


def last_used(database: Database, owner: str, most: int = 2_000) -> dict[str, float]:
    """When somebody's latest jobs last used what is named so: a checkpoint, a VAE, the tags and words of their prompts."""
    query = select(jobs.c.checkpoint, jobs.c.prompt, jobs.c.request, jobs.c.created).where(jobs.c.owner == owner)
    found: dict[str, float] = {}
    with database.read() as connection:
        for checkpoint, prompt, request, created in connection.execute(query.order_by(desc(jobs.c.number)).limit(most)):
            named = [checkpoint.partition(" [")[0], *_VAE.findall(request), *(part for match in _NAMES.findall(prompt) for part in match)]
            for name in filter(None, named):
                found.setdefault(name, created)
    return found


def usage_of(database: Database, model: ModelFile) -> Usage:
    """Count the jobs that name a checkpoint, or a LoRA or embedding in their prompt."""
    if model.kind == "checkpoint":
        fits = or_(jobs.c.checkpoint == model.name, jobs.c.checkpoint.startswith(f"{model.name} [", autoescape=True))
    elif model.kind in ("lora", "hypernetwork"):
        tag = {"lora": "lora", "hypernetwork": "hypernet"}[model.kind]
        names = {model.name, model.short_name, model.alias} - {""}
        fits = or_(*(jobs.c.prompt.contains(f"<{tag}:{name}:", autoescape=True) for name in names))
    elif model.kind == "embedding":
        fits = jobs.c.prompt.contains(model.short_name, autoescape=True)
    else:
        fits = jobs.c.request.contains(f'"{model.name}"', autoescape=True)
    with database.read() as connection:
        count, last = connection.execute(select(func.count(), func.max(jobs.c.created)).where(fits)).one()
    return Usage(jobs=count, last=datetime.fromtimestamp(last, UTC) if last else None)
