"""How many engines a cluster has: more while jobs wait and nobody is free, fewer after a time without work, within the owner's bounds."""

import threading
import time
import traceback
from collections.abc import Callable

from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSupervisor
from webui.settings import Settings

COMING = ("starting", "restarting")
LOOK_S = 1.0


class ClusterScaling:
    """See `jobs.engine_pool.Scaling`. `slots` tells for how many engines the cluster has room now, `device` what they compute with."""

    def __init__(self, settings: Callable[[], Settings], slots: Callable[[], int], device: str, look: float = LOOK_S) -> None:
        self._settings, self._slots, self._device, self._look = settings, slots, device, look
        self._ending = threading.Event()
        self.leaving: set[EngineSupervisor] = set()
        """Engines that take no job any more and end after their last one."""
        self._idle_since: dict[EngineSupervisor, float] = {}
        self._thread: threading.Thread | None = None

    def start(self, pool: EnginePool) -> None:
        """Begin the first engines, and look from time to time."""
        self._thread = threading.Thread(target=self._run, args=(pool,), name="cluster-scaling", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self, pool: EnginePool) -> None:
        while not self._ending.is_set():
            try:
                self.look(pool)
            except Exception:  # a cluster that cannot be asked now is asked again
                traceback.print_exc()
            self._ending.wait(self._look)

    def bounds(self) -> tuple[int, int]:
        """Return how many engines there are at least and at most."""
        settings = self._settings()
        most = settings.cluster_max or max(self._slots(), settings.cluster_min, 1)
        return min(settings.cluster_min, most), most

    def look(self, pool: EnginePool) -> None:
        """Begin or retire engines, by what waits now."""
        gone = [each for each in self.leaving if not each.is_alive()]
        if gone:
            pool.forget(gone)
            self.leaving.difference_update(gone)
        live = [each for each in pool.supervisors if each not in self.leaving]
        least, most = self.bounds()
        state = pool.dispatch.state
        with state.choosing:
            waiting = 0 if state.paused else len(state.fair_queue)
        spare = sum(each.status.state in ("ready", *COMING) for each in live)
        more = max(least - len(live), min(waiting - spare, most - len(live)), 0)
        for _ in range(more):
            pool.add(self._device)
        for each in self._to_retire(live, least, most) if not more else ():
            each.drain()
            self.leaving.add(each)

    def _to_retire(self, live: list[EngineSupervisor], least: int, most: int) -> list[EngineSupervisor]:
        """Those above the most, those that never came first; and those that have been idle for long enough, above the least."""
        now, minutes = time.monotonic(), self._settings().cluster_idle
        idle = {each for each in live if each.status.state == "ready"}
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        order = sorted(live, key=lambda each: (each.status.state not in COMING, each not in idle))
        too_many = order[: max(len(live) - most, 0)]
        left = [each for each in order if each not in too_many]
        long_idle = [each for each in left if each in idle and minutes and now - self._idle_since[each] > minutes * 60]
        return [*too_many, *long_idle[: max(len(left) - least, 0)]]
