"""Loopback, travel and start pictures as axes: what each cell asks for, which waits for another, and what is refused."""

import math
from datetime import UTC, datetime

import pytest

from tests.grids.test_plan import cells, planned
from tests.grids.test_runner import Place
from tests.whole_requests import resolve_without_models
from webui.core.record import ImageRecord
from webui.errors import RequestError
from webui.grids.plan import add_values, before, cell_request

IMAGE = {"mode": "img2img", "init": "a" * 64, "strength": 0.9, "seed": 5, "prompt": "a fox"}


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.runner.stop()
    made.box.database.close()


def loops(values, **fields):
    plan = planned(("Loopback", values), **IMAGE | fields)
    return [cell_request(plan, (number, 0, 0), number, "b" * 64 if number else "") for number in range(plan.sides[0])]


@pytest.mark.parametrize(("curve", "middle"), [("Linear", 0.7), ("aggressive", 0.9 - 0.4 * math.sin(math.pi / 4)), ("Lazy", None)])
def test_a_loop_starts_from_the_picture_before_with_the_next_seed_and_strength(curve, middle):
    made = loops(f"3, 0.5, {curve}", mask=None)
    middle = 0.9 - 0.4 * (1 - math.cos(math.pi / 4)) if middle is None else middle
    assert [each.strength for each in made] == pytest.approx([0.9, middle, 0.5], abs=1e-5)
    assert [each.seed for each in made] == [5, 6, 7] and [each.init[0] for each in made] == ["a", "b", "b"]


def test_loops_keep_their_strength_where_none_is_named_and_may_begin_with_words_alone():
    assert [each.strength for each in loops("4")] == [0.9] * 4
    first, second = loops("2", mode="txt2img", init=None, hires={"scale": 2})
    assert (first.mode, first.hires is None, second.mode, second.hires) == ("txt2img", False, "img2img", None)


@pytest.mark.parametrize("values", ["", "x", "0", "4, 2", "4, 0.5, Bent", "4, 0.5, Linear, 9"])
def test_loops_that_are_none_are_a_sentence(values):
    with pytest.raises(RequestError, match=r"[.]$"):
        planned(("Loopback", values), **IMAGE)


def test_two_loopbacks_and_added_loops_are_refused():
    with pytest.raises(RequestError, match="Only one axis"):
        planned(("Loopback", "2"), ("Loopback", "3"), **IMAGE)
    with pytest.raises(RequestError, match="has all its values"):
        add_values(planned(("Loopback", "2"), **IMAGE), 0, "3", resolve_without_models)


def test_a_place_follows_the_one_before_on_its_axis():
    plan = planned(("Seed", "1, 2"), ("Loopback", "3"), **IMAGE)
    assert [before(plan, at) for at in ((1, 0, 0), (1, 1, 0), (1, 2, 0))] == [None, (1, 0, 0), (1, 1, 0)]


def picture(job, number):
    name = f"{number:064x}"
    return ImageRecord(id=name, path=f"outputs/{name}.png", job_id=job.id, width=64, height=64, created=datetime.now(UTC))


def finish(place, number=0):
    """End every waiting job with a picture of its own."""
    waiting = [job for job in place.jobs() if job.state == "queued"]
    for job in waiting:
        number += 1
        place.box.store.add_image(picture(job, number * 1000 + len(place.jobs())), None)
    place.finish()
    return len(waiting)


def test_each_loop_is_submitted_when_the_one_before_is_done(place):
    grid = place.make({"kind": "Seed", "values": "1, 20"}, {"kind": "Loopback", "values": "3"}, request=IMAGE)
    for number in range(3):
        place.runner.feed(grid.id)
        place.runner.feed(grid.id)
        assert len([job for job in place.jobs() if job.state == "queued"]) == 2, number
        place.again()  # a restart between two loops changes nothing
        assert finish(place) == 2
    assert place.grids.get(grid.id).counts == {"done": 6}
    jobs = {job.grid.cell: job for job in place.jobs()}
    for x in range(2):
        chain = [jobs[x, y, 0] for y in range(3)]
        assert [job.request.init for job in chain] == [IMAGE["init"], chain[0].images[0].id, chain[1].images[0].id]


def test_what_follows_a_cell_without_a_picture_says_so_and_goes_on_when_it_is_tried_again(place):
    grid = place.make({"kind": "Loopback", "values": "3"}, request=IMAGE)
    place.runner.feed(grid.id)
    place.box.queue.cancel(place.jobs()[0].id)
    place.runner.feed(grid.id)
    assert place.grids.get(grid.id).counts == {"cancelled": 1, "failed": 2}
    assert {cell.error for cell in place.grids.cells(grid.id)[1:]} == {"The picture before it was not made. Try that one again first."}
    place.grids.retry(grid.id)
    for _ in range(3):
        place.runner.feed(grid.id)
        finish(place)
    assert place.grids.get(grid.id).counts == {"done": 3}


def test_seeds_are_travelled_by_the_variation_seed():
    made = cells(planned(("Seed travel", "1, 2, 3 [5]"), prompt="x"))
    assert [(each.seed, each.variation_strength) for each in made] == [(1, 0), (1, 0.5), (2, 0), (2, 0.5), (3, 0)]
    assert [each.variation_seed for each in made if each.variation_strength] == [2, 3]
    assert len(cells(planned(("Seed travel", [1, 2]), prompt="x"))) == 9


@pytest.mark.parametrize("request_seed", [{}, {"seed": -1}])
def test_a_travel_without_a_seed_has_one_on_its_whole_way(request_seed):
    """As the page sends it. A random seed for each picture would be no way from one to the other."""
    plain = cells(planned(("Travel", "a fox\na wolf\n[4]"), prompt="x", **request_seed))
    assert len({each.seed for each in plain}) == 1
    named = cells(planned(("Travel", 'a fox\n--prompt "a wolf" --seed 9\n[4]'), prompt="x", **request_seed))
    assert named[0].seed == named[1].seed != 9 and named[3].seed == 9
    assert [each.variation_seed for each in named[1:3]] == [9, 9]


def test_prompts_are_travelled_by_blending():
    plan = planned(("Travel", 'a fox\n--prompt "a wolf" --seed 9\n[3]'), prompt="x", seed=4)
    first, middle, last = cells(plan)
    assert (first.prompt, first.blend, first.seed) == ("a fox", None, 4)
    assert (middle.prompt, middle.blend.prompt, middle.blend.share) == ("a fox", "a wolf", 0.5)
    assert (middle.variation_seed, middle.variation_strength) == (9, 0.5)
    assert (last.prompt, last.seed, last.blend) == ("a wolf", 9, None)
    assert plan.axes[0].labels[1] == "a fox → a wolf 0.5, seed 4 → 9 0.5"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("Seed travel", "1"),
        ("Seed travel", "1, 2 [1]"),
        ("Seed travel", "1, 2 [999999]"),
        ("Seed travel", [1, "x"]),
        ("Travel", "a fox"),
        ("Travel", "a fox\n--steps 20"),
        ("Travel", "a fox\n--prompt x --seed y"),
        ("Pictures", ["x"]),
        ("Pictures", [{"init": "a" * 64, "steps": 3}]),
        ("Pictures", [3]),
    ],
)
def test_what_is_no_travel_and_no_picture_is_a_sentence(kind, values):
    with pytest.raises(RequestError) as caught:
        planned((kind, values), prompt="x")
    assert caught.value.message[-1] in ".?"


def test_start_pictures_have_prompts_of_their_own():
    own = {"init": "b" * 64, "name": "b.png", "prompt": "a wolf", "width": 128, "mask": "c" * 64}
    plan = planned(("Pictures", ["a" * 64, own]), prompt="a fox", width=64, hires={"scale": 2})
    one, other = cells(plan)
    assert (one.mode, one.init, one.prompt, one.width, one.hires) == ("img2img", "a" * 64, "a fox", 64, None)
    assert (other.mode, other.init, other.prompt, other.width) == ("inpaint", "b" * 64, "a wolf", 128)
    assert plan.axes[0].labels == ("a" * 10, "b.png")
