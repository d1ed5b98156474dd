"""A field is read once from its model, with its nested fields, its ranges and what is inside lists."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from webui.core.fields import find, nested, specs, walk
from webui.core.request import GenerationRequest, SamplerOptions


class Inner(BaseModel):
    scale: float = Field(2.0, gt=0, le=4, title="Scale", json_schema_extra={"step": 0.5})


class Outer(BaseModel):
    name: str = Field("x", title="Name", description="  said  ")
    way: Literal["a", "b"] | None = None
    sizes: tuple[int, ...] = ()
    seed: Annotated[int, Field(ge=-1)] = -1
    folder: Path = Path(".")
    free: dict[str, int] = Field(default_factory=dict)
    inner: Inner | None = None


def test_kinds_ranges_and_defaults():
    found = specs(Outer)
    kinds = {"name": "text", "way": "choice", "sizes": "list", "seed": "int", "folder": "path", "free": "object", "inner": "model"}
    assert {name: spec.kind for name, spec in found.items()} == kinds
    assert found["way"].choices == ("a", "b") and found["way"].optional and not found["name"].optional
    assert (found["name"].title, found["name"].description, found["name"].default) == ("Name", "said", "x")
    assert found["sizes"].item is int and found["inner"].model is Inner and found["free"].default == {}
    assert (found["seed"].low, found["seed"].high, found["seed"].above) == (-1, None, False)


def test_a_nested_field_by_its_place():
    scale = find(Outer, ("inner", "scale"))
    assert scale is not None and (scale.path, scale.name, scale.title) == ("inner.scale", "scale", "Scale")
    assert (scale.low, scale.high, scale.above, scale.extra) == (0, 4, True, {"step": 0.5})
    assert find(Outer, ("sizes", 3)) == specs(Outer)["sizes"]
    assert find(Outer, ()) is None and find(Outer, ("nothing",)) is None and find(Outer, ("inner", "nothing")) is None


def test_walking_goes_into_each_part_of_a_request():
    paths = [spec.path for spec in walk(GenerationRequest)]
    assert len(paths) == len(set(paths))
    assert {f"sampler_options.{name}" for name in SamplerOptions.model_fields} < set(paths)


@pytest.mark.parametrize("spec", list(walk(GenerationRequest)), ids=lambda spec: spec.path)
def test_every_field_of_a_request_has_a_kind_that_the_page_and_the_documents_know(spec):
    assert spec.kind != "object" or spec.path in ("extras", "templates", "sampler_options.sigmas", "sampler_options.timesteps")
    assert spec.low is None or spec.high is None or spec.low < spec.high


def test_dotted_paths_become_the_objects_that_they_are_parts_of():
    flat = {"steps": 3, "hires.scale": 2, "hires.upscaler": "Latent", "extras.grain": {"amount": 1}}
    assert nested(flat) == {"steps": 3, "hires": {"scale": 2, "upscaler": "Latent"}, "extras": {"grain": {"amount": 1}}}
