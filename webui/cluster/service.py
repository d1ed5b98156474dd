"""The cluster as the app has it: a connection, a client for each engine, and what decides how many there are."""

from collections.abc import Callable
from dataclasses import dataclass

from webui.cluster.client import ClusterTools, HostClient
from webui.cluster.files import JobFiles
from webui.cluster.host import ENGINE
from webui.cluster.ray_cluster import RayCluster
from webui.cluster.scaling import LOOK_S, ClusterScaling
from webui.jobs.engine_client import EngineClient, Receive
from webui.settings import Settings


@dataclass(frozen=True)
class Cluster:
    """A cluster that engines run on."""

    scaling: ClusterScaling
    tools: ClusterTools
    ray: RayCluster

    @classmethod
    def open(
        cls, started: Settings, settings: Callable[[], Settings], files: JobFiles, module: str = ENGINE, look: float = LOOK_S
    ) -> "Cluster | None":
        """Connect to the cluster that the settings name; None where they name none. Raises `SettingsError`."""
        if not started.cluster.strip():
            return None
        ray = RayCluster(started, module)
        tools = ClusterTools(ray.host, files, settings, ray.device)
        return cls(ClusterScaling(settings, ray.slots, ray.device, look), tools, ray)

    def make_client(self, receive: Receive, ended: Callable[[], None]) -> EngineClient:
        """See `EngineSetup`."""
        return HostClient(self.tools, receive, ended)

    def close(self) -> None:
        """Let go of the cluster."""
        self.ray.close()
