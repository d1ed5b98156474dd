"""Engines on nodes: what they need is brought, what they make comes back, and a node that is lost costs one attempt."""

import hashlib
import json
from functools import partial

from tests.backends.servers import png
from tests.cluster.conftest import ClusterBox
from tests.waiting import until
from webui.cluster.host import EngineHost


def test_what_a_job_names_goes_to_the_node_once_and_its_pictures_come_back(cluster):
    source = cluster.gallery.store.add_upload(png(), (64, 64), ".png", "local").id
    cluster.start()
    for seed in (1, 2):
        job = cluster.wait(cluster.submit("a red apple", mode="img2img", init=source, seed=seed, batch_count=2).id)
        assert (job.state, len(job.images)) == ("done", 2), job.error
        files = [cluster.settings.data_dir / image.path for image in job.images]
        assert [hashlib.sha256(file.read_bytes()).hexdigest() for file in files] == [image.id for image in job.images]
    assert list((cluster.node / "outputs").rglob("*.png")) == [], "nothing stays there"
    models = cluster.settings.models_dirs[0] / "Stable-diffusion"
    there = {path.name: path.read_bytes() for path in (cluster.node / "models").rglob("*") if path.is_file()}
    assert there == {name: (models / name).read_bytes() for name in ("tiny.safetensors", "tiny.yaml")}, "and none that it does not name"
    assert (cluster.node / f"data/uploads/{source[:2]}/{source}.png").read_bytes() == png()
    assert cluster.hosts[0].calls.count("finish") == 3, "the model, what lies beside it, and the picture"
    assert cluster.queue.engines()[0].node, "the queue shows where it runs"
    job = cluster.submit("never")
    until(partial(cluster.queue.progress, job.id))
    cluster.queue.cancel(job.id)
    assert cluster.wait(job.id).state == "cancelled"


def test_a_damaged_file_and_a_lost_node_cost_an_attempt_each_and_no_picture(cluster, monkeypatch):
    damaged = iter([b"x"])
    put = EngineHost.put
    monkeypatch.setattr(EngineHost, "put", lambda self, digest, chunk: put(self, digest, chunk + next(damaged, b"")))
    cluster.start()
    job = cluster.submit("slow", batch_count=3, steps=8)
    until(lambda: len(cluster.queue.get(job.id).images) == 1)
    until(lambda: (at := cluster.queue.progress(job.id)) and at.batch == 1)
    cluster.hosts[-1].lose()
    job = cluster.wait(job.id)
    assert (job.state, [image.index for image in job.images]) == ("done", [0, 1, 2]), job.error
    reasons = [event.reason for event in cluster.store.events_after(0, job.id) if event.type == "queued"]
    assert len(reasons) == 3 and "with other bytes than it was sent with" in reasons[1] and "is gone" in reasons[2]
    assert len(list(cluster.settings.outputs.rglob("*.png"))) == 3 and len(cluster.hosts) == 3


def test_a_node_chooses_as_web_did_on_a_machine_of_its_kind(cluster):
    """What is faster is measured, and pictures differ with it in their last bits: a node that measured anew made others."""
    ours, theirs = cluster.settings.measured, cluster.settings.model_copy(update={"data_dir": cluster.node}).measured
    for path, text in ((ours, '{"a": {"layout": {"plain": 2}}, "b": 5}'), (theirs, '{"a": {"layout": {"plain": 1}, "x": {}}, "c": {}}')):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    cluster.start()
    assert cluster.wait(cluster.submit("a red apple").id).state == "done"
    assert json.loads(theirs.read_text()) == {"a": {"layout": {"plain": 2}, "x": {}}, "c": {}}


def test_a_node_that_shares_the_folders_is_sent_nothing(tmp_path):
    box = ClusterBox(tmp_path, cluster_dir="")
    box.node = tmp_path / "unused"
    box.start()
    job = box.wait(box.submit("a red apple").id)
    box.close()
    assert job.state == "done" and not box.node.exists() and "offer" not in box.hosts[0].calls


def test_a_node_with_another_version_is_told_in_a_sentence(cluster):
    cluster.version = "0.0.1 (abc)"
    cluster.start()
    told = until(lambda: next((engine.message for engine in cluster.queue.engines() if "Install" in engine.message), ""))
    assert "has Darkroom 0.0.1 (abc), and this machine" in told
    cluster.version = ""
    assert cluster.wait(cluster.submit("x").id).state == "done", "once it is the same one"


def test_engines_come_while_jobs_wait_and_go_after_their_last_job(tmp_path):
    box = ClusterBox(tmp_path, cluster_min=1, cluster_max=3, batch_jobs=1)
    box.start()
    jobs = [box.submit(f"never {number}") for number in range(5)]
    until(lambda: sum(bool(engine.jobs) for engine in box.queue.engines()) == 3)
    assert len(box.engines.supervisors) == 3, "and not more"
    box.settings = box.settings.model_copy(update={"cluster_max": 1})
    until(lambda: len(box.scaling.leaving) == 2)
    assert sum(bool(engine.jobs) for engine in box.queue.engines()) == 3, "what they make is finished first"
    for job in jobs:
        box.queue.cancel(job.id)
    until(lambda: len(box.engines.supervisors) == 1 and len(box.queue.engines()) == 1)
    assert {(found.state, found.attempts) for job in jobs if (found := box.queue.get(job.id))} == {("cancelled", 0)}
    box.settings = box.settings.model_copy(update={"cluster_min": 0, "cluster_idle": 0.0001})
    until(lambda: not box.engines.supervisors)
    assert box.wait(box.submit("one more").id).state == "done", "and one comes again for a job"
    box.close()
