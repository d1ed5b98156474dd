"""Wildcards and styles of one installation as one value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from webui.core.request import Request
from webui.settings import Settings
from webui.words.fill import fill_templates
from webui.words.styles import Styles, put_styles, style_files
from webui.words.wildcards import Wildcards, wildcard_folders


@dataclass(frozen=True)
class Words:
    """What prompts may ask for; by default nothing is there."""

    wildcards: Wildcards = field(default_factory=lambda: Wildcards(tuple))
    styles: Styles = field(default_factory=lambda: Styles(tuple))

    def put_into(self, request: Request, anew: bool = False) -> Request:
        """The request with its styles' words, and each picture's own in place of its templates. Its seeds must be chosen.

        `anew`: what was filled before is filled again. Raises `RequestError` naming the field.
        """
        return fill_templates(put_styles(request, self.styles), self.wildcards, anew)


NO_WORDS = Words()
"""Nothing is there; `{a|b}` is filled all the same."""


def words_of(settings: Callable[[], Settings]) -> Words:
    """Those of the data directory and of programs whose models are used."""
    return Words(Wildcards(lambda: wildcard_folders(settings())), Styles(lambda: style_files(settings())))
