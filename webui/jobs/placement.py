"""Choose the preferred engine for a waiting job, by loaded model and memory."""

from collections.abc import Callable, Collection, Sequence

import psutil

from webui.core.batch_key import batch_key
from webui.core.job import Job
from webui.core.protocol import BatchStats
from webui.core.request import FrozenModel


class EngineStatus(FrozenModel):
    """An engine's status as subscribers see it."""

    name: str
    device: str
    node: str = ""
    state: str = "starting"
    loaded: str = ""
    warm: tuple[str, ...] = ()
    resident: int = 0
    device_used: int = 0
    device_total: int = 0
    message: str = ""
    job_id: str = ""
    jobs: tuple[str, ...] = ()
    batch: BatchStats = BatchStats()

    def has(self, checkpoint: str) -> bool:
        """Whether it has a checkpoint in memory."""
        return checkpoint in (self.loaded, *self.warm)


def free_memory() -> int:
    """Bytes of main memory that a further model could take."""
    return int(psutil.virtual_memory().available)


def better_elsewhere(checkpoint: str, me: EngineStatus, engines: Collection[EngineStatus], free: Callable[[], int] = free_memory) -> bool:
    """Whether an idle engine should leave a job with this checkpoint to another one.

    It does when another idle engine has the checkpoint loaded, or has nothing loaded while this one would have to drop its model; and when
    a busy engine that shares this one's memory has it loaded and a second copy would not fit. Otherwise nobody waits for a busy engine.
    """
    if me.has(checkpoint):
        return False
    others = [engine for engine in engines if engine.name != me.name]
    holders = [engine for engine in others if engine.has(checkpoint)]
    if any(engine.state == "ready" for engine in holders):
        return True
    if any(engine.state == "working" and shares_memory(engine, me) and free() < engine.resident for engine in holders):
        return True
    return bool(me.loaded) and any(engine.state == "ready" and not engine.loaded for engine in others)


def better_than_joining(
    checkpoint: str, me: EngineStatus, engines: Collection[EngineStatus], free: Callable[[], int] = free_memory
) -> bool:
    """Whether a job with this checkpoint should go to an idle engine instead of joining the batch of this one, which works."""
    idle = [engine for engine in engines if engine.name != me.name and engine.state == "ready"]
    return any(not better_elsewhere(checkpoint, engine, (me, *engines), free) for engine in idle)


def shares_memory(one: EngineStatus, other: EngineStatus) -> bool:
    """Whether two engines' models lie in the same memory."""
    return (one.node, one.device) == (other.node, other.device)


def batch_key_of(running: Sequence[Job]) -> str | None:
    """What the running jobs have in common: "" when the one that runs is alone, None when none runs."""
    if not running:
        return None
    return "" if running[0].attempts else batch_key(running[0].work)
