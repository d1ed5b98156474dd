"""Where things lie on this machine is for who runs it: to others a file's path begins below its folder."""

import os
from typing import Any

from webui.api.identity import Viewer
from webui.services import Services


def without_folders(told: dict[str, Any], api: Services, who: Viewer) -> dict[str, Any]:
    """JSON as this viewer may see it: in its texts, however deep, the folders before a file's name are cut off."""
    if who.admin:
        return told
    folders = _folders(api)
    return {key: _cut(each, folders) for key, each in told.items()}


def _folders(api: Services) -> tuple[str, ...]:
    """The longest first, so that nothing is left of it."""
    settings = api.settings.current()
    known = {settings.data_dir, *settings.all_models_dirs, *api.words.wildcards.folders}
    both = {str(path) for each in known for path in (each, each.resolve())}
    return tuple(sorted((each.rstrip(os.sep) for each in both if len(each) > 1), key=len, reverse=True))


def _cut(told: Any, folders: tuple[str, ...]) -> Any:
    if isinstance(told, str):
        for folder in folders:
            if folder in told:
                told = told.replace(folder + os.sep, "").replace(folder, ".")
        return told
    if isinstance(told, dict):
        return {key: _cut(each, folders) for key, each in told.items()}
    return [_cut(each, folders) for each in told] if isinstance(told, list | tuple) else told
