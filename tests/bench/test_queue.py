"""What `bench queue` measures of a queue with jobs in it, with few of them."""

from webui.bench.queue import measure


def test_each_figure_is_there_and_every_job_was_submitted(tmp_path):
    figures = measure(tmp_path, jobs=30, owners=3)
    assert (figures["jobs"], figures["owners"]) == (30, 3)
    times = {name: value for name, value in figures.items() if name not in ("jobs", "owners")}
    assert {name.split("_")[0] for name in times} == {"submit", "choose", "take", "order"}
    assert all(value > 0 for value in times.values())
