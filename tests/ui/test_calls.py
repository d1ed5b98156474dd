"""What is ours about Gradio's page as a whole."""

import asyncio
import sys

from tests.waiting import until
from webui.ui.calls import QUEUE_LOOK_S


def test_a_page_that_nobody_calls_looks_for_work_seldom(page, monkeypatch):
    """Gradio does it a thousand times a second, which takes a thirtieth of a processor."""
    asked, sleep = [], asyncio.sleep

    def noted(seconds, *more):
        if sys._getframe(1).f_globals["__name__"] == "gradio.queueing":
            asked.append(seconds)
        return sleep(seconds, *more)

    monkeypatch.setattr(asyncio, "sleep", noted)
    with page.client():
        until(lambda: len(asked) >= 4)
    assert min(asked) >= QUEUE_LOOK_S
