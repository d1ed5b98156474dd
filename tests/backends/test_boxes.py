"""Machines that the settings name: how they are written, what `auto` makes of them, and another Darkroom's own API."""

import pytest

from tests.backends.conftest import Desk
from tests.waiting import until
from webui.errors import RequestError


@pytest.mark.parametrize(
    ("entry", "name", "url"),
    [
        ("darkroom://10.0.0.5", "darkroom://10.0.0.5", "http://10.0.0.5:7860"),
        ("studio=darkroom://box:7861", "studio", "http://box:7861"),
        ("studio = darkroom://box/folder", "studio", "http://box:7860/folder"),
        ("a1111+https://box.example", "a1111://box.example", "https://box.example"),
        ("old=a1111://[fe80::1]:7860", "old", "http://[fe80::1]:7860"),
        ("a1111://[fe80::1]", "a1111://[fe80::1]", "http://[fe80::1]:7860"),
    ],
)
def test_a_machine_is_written_as_an_address(desk, entry, name, url):
    box = desk.backends.box(entry)
    assert (box.name, box.url, box.kind) == (name, url, "box")


@pytest.mark.parametrize("entry", ["", "box", "http://box", "comfy://box", "darkroom://", "=darkroom://"])
def test_what_is_no_machine_is_told(desk, entry):
    with pytest.raises(RequestError, match="is no other machine. Write"):
        desk.backends.box(entry)


def test_a_machine_that_is_not_there_is_waited_for(tmp_path, environment):
    desk = Desk(tmp_path, environment, boxes=("studio=darkroom://127.0.0.1:1",))
    job = desk.submit(where="studio", checkpoint="tiny")
    told = until(lambda: (progress := desk.queue.progress(job.id)) and progress.detail)
    assert "studio (127.0.0.1:1) cannot be reached" in told
    desk.queue.cancel(job.id)
    assert desk.wait(job).state == "cancelled"
    desk.close()
