"""Gradio's page with two rules more: a call of one of its functions that fails is an answer and a line of the log, never a traceback;
and a page that nobody calls lets the machine sleep.
"""

import logging
from typing import Any

import gradio as gr

from webui.core.foreign import shortened
from webui.core.names import printable
from webui.core.sentences import in_words

REFUSED = "This cannot be done with these values."
QUEUE_LOOK_S = 0.05
"""How long a call may lie in Gradio's queue. Gradio takes this on Windows, and elsewhere looks a thousand times a second."""
log = logging.getLogger("webui.ui")


class Page(gr.Blocks):  # type: ignore[misc]  # Gradio tells no types
    """`gr.Blocks` for whoever calls a function of the page by its API with too few values, with a text for a number, or with none."""

    def run_startup_events(self) -> None:
        """Start the queue, at a pace that costs nothing while it is empty."""
        self._queue.sleep_when_free = self._queue.progress_update_sleep_when_free = QUEUE_LOOK_S
        super().run_startup_events()

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run a function of the page. Raises `gr.Error` with a sentence, whatever went wrong."""
        try:
            answer: dict[str, Any] = await super().process_api(*args, **kwargs)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            log.warning("A function of the page cannot do what it was asked%s", shortened(printable(in_words(error))))
            log.info("It failed so", exc_info=error)
            raise gr.Error(REFUSED, print_exception=False) from None
        return answer
