"""The samples for containers and Kubernetes, which no test starts: they can be read, name only what there is, and their commands parse."""

import shlex
from pathlib import Path

import pytest
import yaml

from webui.cli import COMMANDS, _parser, settings_of
from webui.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "docs" / "samples"
COMPOSE = yaml.safe_load((SAMPLES / "cluster-compose.yaml").read_text())
KUBERAY = list(yaml.safe_load_all((SAMPLES / "cluster-kuberay.yaml").read_text()))

OF_SERVICES = {"build", "command", "environment", "ports", "shm_size", "volumes", "depends_on", "restart", "deploy", "image"}
OF_CLUSTERS = {"rayVersion", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec", "workerGroupSpecs"}
OF_HEADS = {"rayStartParams", "template", "serviceType"}
OF_WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template", "idleTimeoutSeconds"}
"""Keys of the compose specification and of RayCluster (ray.io/v1) as they are published."""


def commands_of(text: str) -> list[list[str]]:
    """The words of each command of a shell line."""
    words = shlex.split(text)
    if words[:2] == ["sh", "-c"]:
        return [shlex.split(part) for part in words[2].split("&&")]
    return [words]


def all_commands() -> list[list[str]]:
    found = [command for service in COMPOSE["services"].values() for command in commands_of(service["command"])]
    heads = [spec["template"]["spec"]["containers"] for spec in (KUBERAY[0]["spec"]["headGroupSpec"],)]
    return found + [[*each["command"], *each.get("args", ())] for each in heads[0] if "command" in each]


@pytest.mark.parametrize("words", [each for each in all_commands() if each[0] == "python"], ids=" ".join)
def test_our_commands_are_accepted(words):
    assert words[:3] == ["python", "-m", "webui"] and words[3] in COMMANDS
    arguments = _parser(words[3]).parse_args(words[3:])
    settings = settings_of(arguments)
    assert settings.cluster in ("auto", "ray://127.0.0.1:10001")


@pytest.mark.parametrize("words", [each for each in all_commands() if each[0] == "ray"], ids=" ".join)
def test_rays_commands_are_accepted(words):
    start = pytest.importorskip("ray.scripts.scripts").start
    assert words[:2] == ["ray", "start"]
    start.make_context("start", words[2:])


def test_the_compose_file_holds_together():
    assert set(COMPOSE) <= {"services", "volumes", "networks", "name"}
    for service in COMPOSE["services"].values():
        assert set(service) <= OF_SERVICES and ("build" in service or "image" in service)
        assert (SAMPLES / service["build"]["context"]).resolve() == ROOT
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", ())) <= set(COMPOSE["services"])
        recipe = service["build"]["dockerfile_inline"]
        assert "-c constraints.txt -e '.[ray]'" in recipe and (ROOT / "constraints.txt").is_file()
    joins = next(words for words in all_commands() if "--address=darkroom:6379" in words)
    assert joins and "darkroom" in COMPOSE["services"], "a node finds the head by the service's name"


def test_the_kubernetes_sample_is_a_ray_cluster_with_a_disk_and_an_address():
    cluster, claim, service = KUBERAY
    assert [(each["apiVersion"], each["kind"]) for each in KUBERAY] == [
        ("ray.io/v1", "RayCluster"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Service"),
    ]
    spec, head = cluster["spec"], cluster["spec"]["headGroupSpec"]
    assert set(spec) <= OF_CLUSTERS and set(head) <= OF_HEADS
    for workers in spec["workerGroupSpecs"]:
        assert set(workers) <= OF_WORKERS and workers["minReplicas"] <= workers["maxReplicas"]
    for group in (head, *spec["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "its values are texts"
        pod = group["template"]["spec"]
        mounted = {mount["name"] for each in pod["containers"] for mount in each.get("volumeMounts", ())}
        assert mounted <= {volume["name"] for volume in pod.get("volumes", ())}
        for each in pod["containers"]:
            ours = [entry["name"] for entry in each.get("env", ()) if entry["name"].startswith(PREFIX)]
            assert all(name.removeprefix(PREFIX).lower() in Settings.model_fields for name in ours), ours
    assert head["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert service["spec"]["selector"]["ray.io/cluster"] == cluster["metadata"]["name"]
    web = next(each for each in head["template"]["spec"]["containers"] if "command" in each)
    assert service["spec"]["ports"][0]["targetPort"] == web["ports"][0]["containerPort"]
