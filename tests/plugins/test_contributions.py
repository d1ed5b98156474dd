"""What extensions add to the page, and what becomes of one that adds what cannot be."""

import pytest

from webui.core.registry import Registry
from webui.core.request import GenerationRequest
from webui.errors import ExtensionError
from webui.plugins.contributions import collect, refuse
from webui.plugins.manager import Extensions

HEAD = "from pydantic import BaseModel\nfrom webui import Panel, Tab, hookimpl\n"
PANEL = """
class {model}(BaseModel):
    amount: float = 0.0

@hookimpl
def register_panels(register):
    register(Panel("{title}", {model}))
"""
TABS = """
@hookimpl
def register_tabs(register):
    for title in {titles}:
        register(Tab(title, lambda: None))
"""
ADDING = "from webui import hookimpl\n@hookimpl\ndef process_image(image, request):\n    return image + '{letter}'\n"


@pytest.fixture
def load(tmp_path):
    def make(process="web", **files):
        for name, source in files.items():
            (tmp_path / f"{name}.py").write_text(source)
        loaded = Extensions(process)
        loaded.load([tmp_path])
        return loaded

    return make


def panel(title, model="Grain"):
    return PANEL.format(title=title, model=model)


def test_panels_and_tabs_know_their_owner(load):
    parts = collect(load(grain=HEAD + panel("Grain") + TABS.format(titles=["One", "Two"])))
    assert [(each.title, parts.panels.owner(each.name)) for each in parts.panels] == [("Grain", "grain")]
    assert [(each.title, parts.tabs.owner(each.name)) for each in parts.tabs] == [("One", "grain"), ("Two", "grain")]
    assert {owner: model.__name__ for owner, model in parts.models().items()} == {"grain": "Grain"}


def test_two_panels_of_one_extension_are_refused_and_the_others_stay(load):
    two = (
        HEAD + "class A(BaseModel): ...\n@hookimpl\ndef register_panels(register):\n    register(Panel('X', A)); register(Panel('Y', A))\n"
    )
    loaded = load(two=two, grain=HEAD + panel("Grain"))
    parts = collect(loaded)
    assert [each.title for each in parts.panels] == ["Grain"] and loaded.failed() == ("two",)
    assert next(state for state in loaded.states if state.id == "two").error.startswith("An extension has one panel")


def test_a_title_that_is_taken_names_both(load):
    loaded = load(a=HEAD + panel("Grain"), b=HEAD + panel("grain"))
    parts = collect(loaded)
    assert [parts.panels.owner(each.name) for each in parts.panels] == ["a"]
    error = next(state for state in loaded.states if state.id == "b").error
    assert "already registered by a (Grain)" in error


def test_one_that_raises_while_it_registers_leaves_nothing(load):
    loaded = load(bad=HEAD + panel("Grain") + TABS.format(titles=["One"]) + "    1 / 0\n")
    parts = collect(loaded)
    assert list(parts.panels) == list(parts.tabs) == [] and loaded.failed() == ("bad",)


def test_one_that_raises_while_it_is_built_is_taken_off_the_page(load):
    loaded = load(grain=HEAD + panel("Grain") + TABS.format(titles=["One"]))
    told = []
    loaded.on_failure = lambda extension, hook, text: told.append((extension, hook, text.splitlines()[-1]))
    parts = collect(loaded)
    try:
        raise ValueError("no slider")
    except ValueError:
        refuse(parts, loaded, "grain", "register_tabs")
    assert list(parts.panels) == list(parts.tabs) == [] and told == [("grain", "register_tabs", "ValueError: no slider")]


def test_a_chain_hands_on_what_the_one_before_has_made(load):
    loaded = load("engine", a=ADDING.format(letter="a"), b=ADDING.format(letter="b"))
    assert loaded.chain("process_image", "image", image="x", request=GenerationRequest()) == "xab"


def test_a_chain_goes_on_without_the_one_that_raises(load):
    raising = "from webui import hookimpl\n@hookimpl\ndef process_image(image, request):\n    raise ValueError\n"
    loaded = load(
        "engine", a=raising, b=ADDING.format(letter="b"), c=ADDING.format(letter="c").replace("return image + 'c'", "return None")
    )
    assert loaded.chain("process_image", "image", image="x", request=GenerationRequest()) == "xb"
    assert loaded.failed() == ("a",) and not loaded.is_loaded("a") and loaded.is_loaded("b")


def test_what_was_registered_before_the_failure_is_taken_out_again(load):
    loaded = load(bad=HEAD + TABS.format(titles=["One", "Two"]) + "    1 / 0\n", good=HEAD + TABS.format(titles=["Three"]))
    tabs = Registry("tab", "extras")
    loaded.fill("register_tabs", tabs)
    assert [each.title for each in tabs] == ["Three"]


def test_an_error_in_our_own_plugin_is_ours():
    class Own:
        @staticmethod
        def register_tabs(register):
            raise ExtensionError("own", "register_tabs", "broken")

    from webui import hookimpl

    Own.register_tabs = staticmethod(hookimpl(Own.register_tabs))
    loaded = Extensions("web")
    loaded.add_builtin("own", Own)
    with pytest.raises(ExtensionError, match="broken"):
        list(loaded.call("register_tabs", register=lambda entry, owner: None))
    assert loaded.states == () and loaded.failed() == ()


def test_a_switch_shows_at_once_and_acts_at_the_next_start(load):
    loaded = load(grain=HEAD + panel("Grain"))
    loaded.set_enabled("grain", False)
    loaded.set_enabled("nobody", False)
    assert [state.enabled for state in loaded.states] == [False] and loaded.is_loaded("grain")
