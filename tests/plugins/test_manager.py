"""Extensions load where their hooks are called; a broken one is named with its traceback and the others go on."""

import subprocess
import sys
from pathlib import Path

import pytest

from webui import hookimpl
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.plugins import hookspecs
from webui.plugins.discovery import HOOKS
from webui.plugins.manager import Extensions

HEAD = "from webui import hookimpl\n"
GOOD = HEAD + "@hookimpl\ndef denoiser_wrapper(request):\n    return 'wrapped ' + request.prompt\n"


def extensions(folder: Path, process="engine", off=(), **files: str) -> Extensions:
    folder.mkdir(exist_ok=True)
    for name, source in files.items():
        (folder / f"{name}.py").write_text(source)
    loaded = Extensions(process)
    loaded.load([folder], off)
    return loaded


def results(loaded: Extensions) -> list[tuple[str, object]]:
    return list(loaded.call("denoiser_wrapper", request=GenerationRequest(prompt="x")))


@pytest.mark.parametrize(
    "source",
    [
        HEAD + "import nowhere_to_be_found\n@hookimpl\ndef denoiser_wrapper(request): ...\n",
        HEAD + "@hookimpl\ndef denoiser_wrapper(request): 1 / 0\n",
        HEAD + "@hookimpl\ndef denoiser_wrapper(wrong_argument): ...\n",
        HEAD + "@hookimpl\ndef denoiser_wraper(request): ...\n",
        HEAD + "raise SystemExit\n@hookimpl\ndef denoiser_wrapper(request): ...\n",
        "def broken(:\n",
        "\x00",
    ],
    ids=["import", "raises", "argument", "misspelt", "exit", "syntax", "binary"],
)
def test_a_broken_extension_is_named_and_the_rest_works(tmp_path, source):
    loaded = extensions(tmp_path / "e", bad=source, good=GOOD)
    assert results(loaded) == [("good", "wrapped x")]
    assert results(loaded) == [("good", "wrapped x")]
    state = next(state for state in loaded.states if state.id == "bad")
    assert state.error and loaded.failed() == ("bad",)


def test_a_hook_tells_the_user_through_request_error(tmp_path):
    refusing = (
        "from webui import hookimpl, RequestError\n@hookimpl\ndef denoiser_wrapper(request):\n    raise RequestError('steps', 'too many')\n"
    )
    loaded = extensions(tmp_path / "e", refusing=refusing)
    with pytest.raises(RequestError, match="too many"):
        results(loaded)
    assert loaded.failed() == ()


def test_switched_off_is_listed_but_not_imported(tmp_path):
    loaded = extensions(tmp_path / "e", off=("boom",), boom=HEAD + "raise SystemExit\n@hookimpl\ndef denoiser_wrapper(request): ...\n")
    assert [(state.id, state.enabled, state.error) for state in loaded.states] == [("boom", False, "")]


def test_a_file_is_imported_only_where_its_hooks_are_called(tmp_path):
    marker = tmp_path / "imported"
    source = HEAD + f"open({str(marker)!r}, 'w')\n@hookimpl\ndef denoiser_wrapper(request): ...\n"
    extensions(tmp_path / "e", process="web", mine=source)
    assert not marker.exists()
    Extensions("engine").load([tmp_path / "e"], hooks=("register_families",))
    assert not marker.exists()
    extensions(tmp_path / "e", process="engine")
    assert marker.exists()


def test_two_of_one_name_are_both_listed(tmp_path):
    extensions(tmp_path / "a", same=GOOD)
    extensions(tmp_path / "b", same=GOOD)
    loaded = Extensions("engine")
    loaded.load([tmp_path / "a", tmp_path / "b"])
    assert [state.id for state in loaded.states] == ["same", "same@b"]
    assert results(loaded) == [("same", "wrapped x")]


def test_a_web_extension_that_imports_torch_is_switched_off(tmp_path):
    (tmp_path / "heavy.py").write_text("import torch\n" + HEAD + "@hookimpl\ndef register_tabs(register): ...\n")
    code = (
        "from webui.plugins.manager import Extensions; from pathlib import Path; e = Extensions('web'); "
        f"e.load([Path({str(tmp_path)!r})]); print(e.states[0].enabled, 'split the file' in e.states[0].error)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["False", "True"]


def test_register_is_bound_to_its_owner():
    class Plugin:
        @hookimpl
        def register_tabs(self, register):
            register("a tab")

    loaded, seen = Extensions("web"), []
    loaded.add_builtin("builtin", Plugin())
    list(loaded.call("register_tabs", register=lambda entry, owner: seen.append((entry, owner))))
    assert seen == [("a tab", "builtin")]


def test_every_hook_is_documented_and_typed():
    for name in HOOKS:
        function = getattr(hookspecs, name)
        assert len(function.__doc__.splitlines()) >= 3, name
        assert set(function.__annotations__) >= set(function.__code__.co_varnames[: function.__code__.co_argcount]) | {"return"}, name


def test_the_files_of_a_folder_import_one_another(tmp_path):
    room = tmp_path / "extensions" / "room"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text(
        "from webui import hookimpl\n\n\n@hookimpl\ndef denoiser_wrapper(request):\n    from . import outer\n\n    return outer.value\n"
    )
    (room / "outer.py").write_text("from . import inner\n\nvalue = inner.value\n")
    (room / "inner.py").write_text("value = 7\n")
    loaded = Extensions("engine")
    loaded.load([tmp_path / "extensions"])
    assert list(loaded.call("denoiser_wrapper", request=None)) == [("room", 7)] and loaded.failed() == ()
