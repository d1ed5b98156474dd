"""Names are found whatever their case; a clash names both owners."""

from dataclasses import dataclass

import pytest

from webui.core.registry import Registry
from webui.errors import ExtensionError, RequestError


@dataclass(frozen=True)
class Thing:
    name: str
    aliases: tuple[str, ...] = ()


@pytest.fixture
def samplers() -> Registry[Thing]:
    registry: Registry[Thing] = Registry("sampler", "sampler")
    registry.register(Thing("Euler a", ("k_euler_a",)), "darkroom")
    return registry


@pytest.mark.parametrize("name", ["Euler a", "EULER A", " k_euler_a "])
def test_found_by_name_and_alias_in_any_case(samplers, name):
    assert samplers.get(name).name == "Euler a"
    assert samplers.owner(name) == "darkroom"


def test_unknown_name_lists_what_there_is(samplers):
    with pytest.raises(RequestError, match="There are: Euler a") as caught:
        samplers.get("Eular")
    assert caught.value.field == "sampler"


@pytest.mark.parametrize("clash", [Thing("euler A"), Thing("Other", ("K_Euler_A",))])
def test_a_clash_names_both_owners_and_changes_nothing(samplers, clash):
    with pytest.raises(ExtensionError, match="mine.*darkroom"):
        samplers.register(clash, "mine")
    assert [entry.name for entry in samplers] == ["Euler a"]


def test_forgetting_an_owner_frees_its_names(samplers):
    samplers.register(Thing("Mine", ("m",)), "mine")
    samplers.forget("mine")
    assert len(samplers) == 1
    samplers.register(Thing("m"), "other")
    assert samplers.owner("M") == "other"
