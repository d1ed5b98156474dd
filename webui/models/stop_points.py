"""Stop points inside a network's call: on a CPU one call of a large picture takes minutes."""

from typing import Any

from torch import nn

from webui.core.stopping import stop_point


def add_stop_points(network: nn.Module) -> None:
    """Before each block that stands in a list of blocks the call may be stopped."""
    blocks = {block for part in network.modules() if isinstance(part, nn.ModuleList) for block in part if any(block.children())}
    for block in blocks:
        block.register_forward_pre_hook(_stop)


def _stop(block: nn.Module, inputs: Any) -> None:
    stop_point()
