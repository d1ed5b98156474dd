"""A blend of two prompts, regions with prompts of their own, and tiles of a large canvas: in the engine, in the text, and made again."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from webui.core.canvas import Area, RegionOptions, TileOptions, areas_text, read_areas
from webui.errors import RequestError
from webui.generation.composing import attended, blended, by_place, coupled, field_of, shares_of
from webui.generation.conditioning import Encoded
from webui.generation.tiled import grid_of, tiled
from webui.images.metadata import read_metadata
from webui.prompts.encode import Part, Scheduled

HALVES = {"areas": [{"prompt": "a wolf", "width": 0.5}, {"prompt": "snow", "x": 0.5, "width": 0.5}], "base": 0.2}
EMPTY = torch.zeros(77, 3)


def encoded(*entries):
    parts = (Part(1.0, tuple(Scheduled(until, torch.full((tokens, 3), value)) for until, value, tokens in entries)),)
    return Encoded(parts, parts[0], EMPTY)


def test_a_blend_lies_between_at_every_step_and_the_shorter_prompt_is_padded():
    made = blended(encoded((4, 0.0, 77), (8, 2.0, 77)), encoded((8, 4.0, 154)), 0.25)
    assert [entry.until for entry in made[0].schedule] == [4, 8]
    assert [float(entry.cond[0, 0]) for entry in made[0].schedule] == [1.0, 2.5]
    assert [float(entry.cond[100, 0]) for entry in made[0].schedule] == [1.0, 1.0]
    with pytest.raises(RequestError, match="AND"):
        blended(Encoded(encoded((8, 0, 77)).positive * 2, encoded((8, 0, 77)).positive[0], EMPTY), encoded((8, 0, 77)), 0.5)


def test_a_blend_of_nothing_is_the_prompt_and_of_all_the_other_one(engine):
    def make(prompt, share=None):
        blend = None if share is None else {"prompt": "a wolf", "share": share}
        return engine.make(prompt=prompt, blend=blend)[0]

    fox, wolf, middle = make("a fox"), make("a wolf"), make("a fox", 0.5)
    assert np.array_equal(make("a fox", 0.0), fox) and np.array_equal(make("a fox", 1.0), wolf)
    assert not np.array_equal(middle, fox) and not np.array_equal(middle, wolf)


def test_at_every_place_the_weights_are_one_together(engine):
    options = RegionOptions.model_validate(HALVES | {"areas": [HALVES["areas"][0] | {"weight": 3}]})
    fields = [field_of(area, (8, 4), engine.context.images) for area in options.areas]
    base, area = coupled(encoded((8, 0, 77)).positive, shares_of(fields, options.base), [encoded((8, 1, 77)).positive], [0])
    assert torch.allclose(base.weight + area.weight, torch.ones(1, 1, 4, 8))
    assert torch.allclose(area.weight[..., :4], torch.full((1, 1, 4, 4), 3 / 3.2)) and not area.weight[..., 4:].any()


def test_a_mask_says_where_an_area_counts(engine):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    field = field_of(Area(prompt="x", y=0.5, height=0.5, mask=engine.keep(mask)), (8, 8), engine.context.images)
    assert field[0, 0, 4:, :4].min() == 1 and float(field.sum()) == 16
    with pytest.raises(RequestError, match="not here any more"):
        field_of(Area(prompt="x", mask="0" * 64), (8, 8), engine.context.images)


def test_areas_as_lines_are_read_again_and_a_broken_line_is_named():
    areas = RegionOptions.model_validate(HALVES | {"areas": [*HALVES["areas"], {"prompt": "a: b", "weight": 0.5, "mask": "a" * 64}]}).areas
    assert RegionOptions.model_validate({"areas": read_areas(areas_text(areas))}).areas == areas
    with pytest.raises(RequestError, match="'0 0 fox' is no area"):
        read_areas("0 0 0.5 1: a fox\n0 0 fox")


@given(
    st.builds(
        Area,
        prompt=st.text(max_size=20),
        x=st.floats(0, 1),
        y=st.floats(0, 1),
        width=st.floats(0, 1, exclude_min=True),
        height=st.floats(0, 1, exclude_min=True),
        weight=st.floats(0, 10, exclude_min=True),
    )
)
def test_every_area_is_read_again_as_it_was(area):
    (found,) = read_areas(areas_text((area,)))
    words = " ".join(area.prompt.splitlines()).strip()
    assert Area.model_validate(found) == area.model_copy(update={"prompt": words})


def test_regions_change_the_picture_and_it_is_made_again(engine):
    fields = {"prompt": "a fox", "regions": HALVES, "blend": {"prompt": "a cat", "share": 0.25}}
    made = engine.make(**fields)[0]
    assert not np.array_equal(made, engine.make(prompt="a fox")[0])
    engine.make(**fields)
    read = read_metadata(engine.context.images.path(next(event.record for event in engine.events if event.type == "image")))
    assert "Regions: " in read.text and "Blend prompt: a cat, Blend share: 0.25" in read.text
    assert np.array_equal(engine.make(**{**read.request().model_dump(), "checkpoint": "tiny"})[0], made)


def test_attention_couple_is_one_prediction_for_each_set_of_loras(engine):
    options = RegionOptions.model_validate(HALVES)
    shares = shares_of([field_of(area, (8, 4), engine.context.images) for area in options.areas], options.base)
    own, prompts = encoded((8, 0, 77)).positive, [encoded((8, value, 77)).positive for value in (1, 2)]
    (one,) = attended(own, shares, prompts, [0, 0])
    assert one.weight == 1 and one.place == 0 and torch.allclose(one.beside.shares.sum(0), torch.ones(4, 8))
    plain, second = attended(own, shares, prompts, [0, 1])
    assert (plain.place, second.place) == (0, 1) and torch.equal(second.weight, shares[2])
    assert torch.allclose(plain.weight + second.weight, torch.ones(1, 1, 4, 8))
    assert [place for place, _ in by_place(shares, [0, 1])] == [0, 1] and by_place(shares, [0, 0]) == ()
    with pytest.raises(RequestError, match="AND"):
        attended(own, shares, [own * 2, own], [0, 0])


def attentive(**regions):
    return {"prompt": "a fox", "steps": 2, "regions": {"method": "attention", **regions}}


def test_attention_couple_of_one_prompt_everywhere_is_that_prompt(engine):
    plain = engine.make(prompt="a fox", steps=2)[0].astype(int)
    same = engine.make(**attentive(areas=[{"prompt": "a fox", "width": 0.5}], base=0.2))[0].astype(int)
    wolf = engine.make(prompt="a wolf", steps=2)[0].astype(int)
    alone = engine.make(**attentive(areas=[{"prompt": "a wolf"}], base=0))[0].astype(int)
    assert abs(same - plain).max() <= 1 and abs(alone - wolf).max() <= 1 and abs(plain - wolf).max() > 1


@pytest.mark.parametrize("method", ["latent", "attention"])
def test_an_area_is_made_by_its_prompt_where_it_lies(engine, method):
    def made(width, **more):
        areas = [{"prompt": "a wolf howling at night", "width": width}]
        return engine.make(prompt="a fox", steps=1, width=128, regions={"method": method, "areas": areas, "base": 0}, **more)[0].astype(int)

    plain = engine.make(prompt="a fox", steps=1, width=128)[0].astype(int)
    half = abs(made(0.5) - plain)
    assert half[:, :48].mean() > 1.3 * half[:, 80:].mean()
    assert not np.array_equal(made(0.5, tiles={"width": 64, "height": 64, "overlap": 32}), made(0.5))


def test_regions_by_attention_are_made_again_from_the_picture(engine):
    fields = {
        "prompt": "a fox AND a cat",
        "regions": HALVES | {"method": "attention"},
        "hires": {"scale": 1.5, "steps": 1},
    }
    made = engine.make(**fields)
    latent = engine.make(**fields | {"regions": HALVES})
    assert not np.array_equal(made[0], latent[0])
    engine.make(**fields)
    read = read_metadata(engine.context.images.path(next(event.record for event in engine.events if event.type == "image")))
    assert "Regions method: attention" in read.text and read.request().regions.method == "attention"
    again = engine.make(**{**read.request().model_dump(), "checkpoint": "tiny"})
    assert np.array_equal(again[0], made[0])
    both = engine.make(**fields, batch_size=2)
    assert abs(both[0].astype(int) - made[0]).max() <= 1 and abs(both[1].astype(int) - made[0]).max() > 1


@pytest.mark.parametrize("method", ["multidiffusion", "mixture"])
def test_tiles_of_a_network_that_looks_at_each_place_alone_change_nothing(method):
    seen = []

    def network(x, sigma, concat=None, **conditioning):
        seen.append(tuple(x.shape))
        return x * 2 + (0 if concat is None else concat)

    x, concat = torch.randn(2, 4, 13, 21), torch.randn(2, 4, 13, 21)
    options = TileOptions(method=method, width=64, height=64, overlap=24)
    betweens = []
    made = tiled(network, options, 8, lambda: betweens.append(1))(x, torch.ones(2), concat=concat)
    assert torch.allclose(made, x * 2 + concat, atol=1e-4)
    assert set(seen) == {(2, 4, 8, 8)} and len(seen) == len(grid_of(options, 21, 13, 8)) == len(betweens) + 1


def test_a_canvas_no_larger_than_a_tile_is_seen_whole_and_a_larger_one_in_tiles(engine):
    plain = engine.make(prompt="a fox", width=64)[0]
    tiles = {"width": 64, "height": 64, "overlap": 32}
    assert np.array_equal(engine.make(prompt="a fox", width=64, tiles=tiles)[0], plain)
    wide = engine.make(prompt="a fox", width=160, tiles=tiles)[0]
    assert wide.shape == (64, 160, 3) and not np.array_equal(wide, engine.make(prompt="a fox", width=160)[0])
    engine.make(prompt="a fox", width=160, tiles=tiles | {"method": "mixture"})
    read = read_metadata(engine.context.images.path(next(event.record for event in engine.events if event.type == "image")))
    assert "Tiled diffusion: mixture, Tiled diffusion tile: 64x64, Tiled diffusion overlap: 32" in read.text
    assert read.request().tiles == TileOptions.model_validate(tiles | {"method": "mixture"})


def test_tiles_do_not_go_with_seamless_pictures(engine):
    with pytest.raises(RequestError, match="Switch one"):
        engine.make(prompt="x", tiles={}, tiling=True)
