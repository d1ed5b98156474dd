"""Gradio's page with one rule more: a call of one of its functions that fails is an answer and a line of the log, never a traceback."""

import logging
from typing import Any

import gradio as gr

from webui.core.foreign import shortened
from webui.core.names import printable
from webui.core.sentences import in_words

REFUSED = "This cannot be done with these values."
log = logging.getLogger("webui.ui")


class Page(gr.Blocks):  # type: ignore[misc]  # Gradio tells no types
    """`gr.Blocks` for whoever calls a function of the page by its API with too few values, with a text for a number, or with none."""

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
