"""Undo what a builder left behind when it raises: one bad extension must not take the page with it.

Uses Gradio's private context; found by experiment with 6.31 and pinned by tests/ui/test_extension_tabs.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradio.context import Context, get_blocks_context


@contextmanager
def isolated(failed: Callable[[], None]) -> Iterator[None]:
    """Run a builder inside the page. If it raises, everything it added is taken out again and `failed` is called within the `except`."""
    config, root, parent = get_blocks_context(), Context.root_block, Context.block
    if config is None or root is None or parent is None:
        raise RuntimeError("isolated() works only inside `with gr.Blocks()`")
    saved: tuple[Any, ...] = (
        dict(config.blocks),
        dict(config.fns),
        config.fn_id,
        list(parent.children),
        list(config.renderables),
        list(root.temp_file_sets),
    )
    try:
        yield
    except (Exception, SystemExit):  # the boundary around foreign builders, like the hook caller's
        failed()
        Context.root_block, Context.block = root, parent
        config.blocks.clear()
        config.blocks.update(saved[0])
        config.fns.clear()
        config.fns.update(saved[1])
        config.fn_id = saved[2]
        parent.children[:] = saved[3]
        config.renderables[:] = saved[4]
        root.temp_file_sets[:] = saved[5]
