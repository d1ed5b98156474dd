"""What the page needs from the rest of the house, as values and functions: `app.py` fills it in, a test can too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from webui.core.job import LOCAL_OWNER, Job
from webui.core.protocol import Capabilities
from webui.core.request import GenerationRequest
from webui.library import Library
from webui.plugins.manager import Extensions
from webui.settings import Settings
from webui.ui.panels import Contributions


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The page's way to everything else.

    `capabilities` is whole at the first start too (the built-in catalog stands in until an engine was up once).
    `count_tokens` gives (tokens, limit) as A1111 counts.
    `must_be_admin(connection, what)` raises `Forbidden` for who may not do it; `what` completes "Only … may".
    """

    submit: Callable[[GenerationRequest, str], Job]
    capabilities: Callable[[], Capabilities]
    library: Library
    extensions: Extensions
    parts: Contributions
    settings: Callable[[], Settings]
    change_settings: Callable[[Mapping[str, Any]], Settings]
    switch_extension: Callable[[str, bool], None]
    count_tokens: Callable[[str], tuple[int, int]]
    owner_of: Callable[[HTTPConnection], str] = lambda connection: LOCAL_OWNER
    must_be_admin: Callable[[HTTPConnection, str], None] = lambda connection, what: None
