"""What the Queue tab's plots are drawn from."""

from tests.waiting import until
from webui.core.events import StepDone
from webui.jobs.monitor import ResourceMonitor
from webui.jobs.placement import EngineStatus


def test_a_sample_tells_memory_speed_and_depth(box):
    running, _ = box.submit(), box.submit()
    box.dispatch.take("e", "")
    box.dispatch.set_engine(EngineStatus(name="e", device="cuda:0", resident=5, device_used=7, device_total=9))
    samples = ResourceMonitor(box.queue, period=0.05)
    samples.start()

    def is_told() -> bool:
        box.dispatch.handle_event(StepDone(job_id=running.id, step=1, steps=4), running.request)
        taken = samples.body()["samples"]
        return len(taken) >= 2 and any(sample["speed"] for sample in taken)

    until(is_told)
    samples.stop()
    last = samples.body()["samples"][-1]
    assert (last["queue"], last["device_used"], last["device_total"], last["engines_memory"]) == (2, 7, 9, 5)
    assert 0 < last["memory"] <= last["memory_total"] and last["cpu"] >= 0
