"""A Ray cluster: connecting to it, its nodes, and engines' hosts as actors. The only module that imports Ray, and only when it is used."""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from webui.cluster.host import ENGINE, EngineHost
from webui.errors import EngineLost, SettingsError
from webui.settings import PROJECT, Settings

LOCAL = "ray"
NAMESPACE = "darkroom"
CALLS = 6
"""Calls of one host that may run at once: its messages, both ways, and files."""


class RayCluster:
    """A connection to a cluster. Engines ask for a GPU each, where `device` is one or the cluster has some; else for a CPU."""

    def __init__(self, settings: Settings, module: str = ENGINE) -> None:
        """Connect. Raises `SettingsError` where Ray is not installed, or there is no such cluster."""
        if find_spec("ray") is None:
            raise SettingsError("--cluster needs Ray. Install it beside Darkroom: pip install 'darkroom[ray]', or leave --cluster out.")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        self._ray: Any = ray
        self._folder, self._module = settings.cluster_dir, module
        device = settings.devices[0] if settings.devices else "auto"
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            self._connect(settings.cluster.strip())
        self.device = device.partition(":")[0]

    def _connect(self, address: str) -> None:
        options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "configure_logging": False}
        if address == LOCAL:
            options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        else:
            options |= {"address": address}
        path = os.environ.get("PYTHONPATH", "")
        options["runtime_env"] = (
            {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), path)))}} if address == LOCAL else {}
        )
        try:
            self._ray.init(**options)
        except Exception as error:  # Ray raises whatever its parts do
            said = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise SettingsError(
                f"There is no Ray cluster at {address!r} that can be used: {said.rstrip('.')}. Start one with `ray start --head`,"
                " or write --cluster ray for one of this machine alone."
            ) from None

    def slots(self) -> int:
        """Return for how many engines there is room by what the nodes have now, whoever uses it: GPUs, or nodes where there are none."""
        alive = [node["Resources"] for node in self._nodes() if node.get("Alive")]
        gpus = int(sum(node.get("GPU", 0) for node in alive))
        return gpus if gpus and self.device != "cpu" else sum(node.get("CPU", 0) >= 1 for node in alive)

    def _nodes(self) -> list[Mapping[str, Any]]:
        return list(self._ray.nodes())

    def host(self) -> "RayHost":
        """Start an engine's host on a node that has room for it; where none has, Ray's autoscaler is asked for one."""
        has_gpus = any(node.get("Alive") and node["Resources"].get("GPU") for node in self._nodes())
        wants_gpu = self.device not in ("auto", "cpu") or (self.device == "auto" and has_gpus)
        needs = {"num_gpus": 1, "num_cpus": 0} if wants_gpu else {"num_cpus": 1}
        actor = self._ray.remote(EngineHost).options(
            **needs, max_concurrency=CALLS, max_restarts=0, scheduling_strategy="SPREAD", name=None
        )
        return RayHost(self._ray, actor.remote(self._folder, self._module))

    def close(self) -> None:
        """Let go of the cluster; its engines end."""
        if self._is_ours:
            self._ray.shutdown()


class RayHost:
    """An engine's host as an actor. See `client.Host`."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor
        self._first: Any = actor.about.remote()

    def begun(self, seconds: float) -> bool:
        """See `Host.begun`."""
        done, _ = self._ray.wait([self._first], timeout=seconds)
        return bool(done)

    def call(self, method: str, *arguments: Any) -> Any:
        """See `Host.call`."""
        try:
            return self._ray.get(getattr(self._actor, method).remote(*arguments))
        except self._ray.exceptions.RayTaskError as error:
            raise EngineLost(f"its host could not go on: {error.cause}") from None
        except (self._ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            print(error, file=sys.stderr)
            raise EngineLost("its node, or the process there, is gone") from None

    def kill(self) -> None:
        """See `Host.kill`."""
        try:
            self._ray.kill(self._actor)
        except Exception as error:  # it is gone, or the whole cluster is
            print(error, file=sys.stderr)
