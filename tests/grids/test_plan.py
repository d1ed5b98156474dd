"""From a wish to the requests of its cells: every kind of axis, the order in which cells are made, and what is refused."""

import pytest

from tests.whole_requests import resolve_without_models
from webui.errors import RequestError
from webui.grids.axes import kind_of, kinds
from webui.grids.plan import add_values, cell_request, make_plan, parse_wish, places


def planned(*axes, resolve=resolve_without_models, new_seeds=False, **request):
    wish = {"request": request, "axes": [dict(zip(("kind", "values", "of"), axis, strict=False)) for axis in axes], "new_seeds": new_seeds}
    return make_plan(parse_wish(wish), resolve)


def cells(plan):
    return [cell_request(plan, at, number) for number, at in enumerate(places(plan))]


def made(field, *axes, **request):
    return [getattr(cell, field) for cell in cells(planned(*axes, **request))]


def test_three_axes_are_every_combination_once():
    plan = planned(("Steps", "1-3"), ("cfg scale", "2, 4"), ("Seed", [7, 8]), prompt="x")
    assert plan.sides == (3, 2, 2) and len(set(places(plan))) == 12
    assert {(cell.steps, cell.guidance, cell.seed) for cell in cells(plan)} == {
        (s, c, e) for s in (1, 2, 3) for c in (2, 4) for e in (7, 8)
    }


def test_a1111s_names_fields_and_labels_mean_the_same():
    for names in (
        ("Steps", "steps", "Sampling steps"),
        ("Checkpoint name", "checkpoint"),
        ("Hires upscaler", "hires.upscaler"),
        ("Var. seed", "variation_seed"),
    ):
        assert len({kind_of(name).key for name in names}) == 1
    assert all(kind_of(each["kind"]).key == each["kind"] for each in kinds({}))


@pytest.mark.parametrize(
    ("kind", "values", "field", "expected"),
    [
        ("Prompt S/R", "cat, dog", "prompt", ["a cat, a hat", "a dog, a hat"]),
        ("Prompts", "a fox\n\n--prompt 'a hen' --steps 9", "prompt", ["a fox", "a hen"]),
        ("Prompts", "a fox\n--prompt 'a hen' --steps 9", "steps", [None, 9]),
        ("Prompt order", '"a cat", "a hat"', "prompt", ["a cat, a hat", "a hat, a cat"]),
        ("Size", "512x768, 64×64", "width", [512, 64]),
        ("LoRA", "None, fine:0.5", "prompt", ["a cat, a hat", "a cat, a hat <lora:fine:0.5>"]),
        ("VAE", "Automatic, soft", "vae", [None, "soft"]),
        ("Tiling", "True, off", "tiling", [True, False]),
        ("Emphasis mode", "Original, No norm", "emphasis", ["Original", "No norm"]),
    ],
)
def test_kinds(kind, values, field, expected):
    assert made(field, (kind, values), prompt="a cat, a hat") == expected


def test_matrix_weights_styles_and_the_second_pass():
    assert made("prompt", ("Prompt matrix", ""), prompt="a fox | snow | night") == [
        "a fox",
        "a fox, snow",
        "a fox, night",
        "a fox, snow, night",
    ]
    prompt = "x <lora:a:1> <lora:b:0.5:lbw=MIDD>"
    assert made("prompt", ("LoRA weight", "0-1 (+0.5)"), prompt=prompt)[1] == "x <lora:a:0.5> <lora:b:0.5:lbw=MIDD>"
    assert made("prompt", ("LoRA weight", "0.25", "b"), prompt=prompt) == ["x <lora:a:1> <lora:b:0.25:lbw=MIDD>"]
    assert made("styles", ("Styles", 'None, "oil, warm"')) == [(), ("oil", "warm")]
    second = {"prompt": "x", "hires": {"scale": 2, "prompt": "a cat"}}
    assert [cell.hires.strength for cell in cells(planned(("Denoising", "0.2, 0.4"), **second))] == [0.2, 0.4]
    assert [cell.hires.prompt for cell in cells(planned(("prompt s/r", "cat, dog"), **second))] == ["a cat", "a dog"]


def test_words_are_replaced_in_whole_prompts_whatever_the_axes_order():
    plan = planned(("Prompt S/R", "cat, dog"), ("Prompts", ["a cat", "my cat"]), prompt="cat")
    assert {cell.prompt for cell in cells(plan)} == {"a cat", "a dog", "my cat", "my dog"}


def test_seeds_are_chosen_once():
    same = planned(("Steps", "1-4"))
    assert len({cell.seed for cell in cells(same)}) == 1 and cells(same) == cells(same)
    each = planned(("Steps", "1-4"), new_seeds=True, batch_size=2, seed=10)
    assert [cell.seed for cell in cells(each)] == [10, 12, 14, 16]
    drawn = planned(("Seed", "-1, -1, 5"), ("Steps", "1,2"))
    assert -1 not in drawn.axes[0].values and len({cell.seed for cell in cells(drawn)}) == 3


def test_what_costs_most_changes_least():
    plan = planned(("Steps", "1-3"), ("Checkpoint name", "a, b, a"), ("VAE", "Automatic, v"))
    order = [(cell.checkpoint, cell.vae) for cell in cells(plan)]
    changes = sum(one != other for one, other in zip(order, order[1:], strict=False))
    assert changes == 3 and [name for name, _ in order] == ["a"] * 12 + ["b"] * 6


def test_values_added_make_the_missing_cells_only():
    plan = planned(("Steps", "1, 2"), ("Seed", "5, 6"))
    more = add_values(plan, 0, "2, 3", resolve_without_models)
    assert set(places(more, plan)) == {(2, 0, 0), (2, 1, 0)} and more.axes[0].labels == ("1", "2", "3")
    with pytest.raises(RequestError, match="these values already"):
        add_values(plan, 1, "6", resolve_without_models)


@pytest.mark.parametrize(
    ("axes", "request_", "said"),
    [
        ([("Seed", "1-1000"), ("Steps", "1-1000")], {}, r"1000 × 1000 = 1,000,000 cells; at most 10,000"),
        ([("Nonsense", "1")], {}, "X axis: There is no axis 'Nonsense'"),
        ([("Stepz", "1")], {}, "Did you mean"),
        ([("Face restore", "x")], {}, "nothing like"),
        ([("Steps", "")], {}, "has no values"),
        ([("Seed", "1"), ("Steps", "5, 5000")], {}, "Y axis: Steps 5000: Sampling steps must be between 1 and 1000"),
        ([("Prompt S/R", "cat, dog")], {"prompt": "x"}, "did not find 'cat'"),
        ([("Prompt order", "x, z")], {"prompt": "x"}, "did not find 'z'"),
        ([("LoRA weight", "1")], {"prompt": "x"}, "no <lora:…>"),
        ([("Hires steps", "1")], {}, "Turn Hires. fix on"),
        ([("Prompt matrix", "")], {"prompt": "x"}, "needs parts"),
        ([("Prompts", "--nonsense 1")], {}, "--nonsense is no field"),
        ([("Size", "big")], {}, "no size"),
        ([("init", "x")], {}, "no axis"),
        ([], {}, "axes"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_its_axis(axes, request_, said):
    with pytest.raises(RequestError, match=said):
        planned(*axes, **request_)


def test_token_merging_of_the_second_pass_alone_is_an_axis_of_a1111s_name():
    def merging(name, **request_):
        plan = planned((name, "0.3"), **request_)
        found = cells(plan)[0].token_merging
        return found.ratio, found.hires_ratio

    assert merging("Token merging ratio") == (0.3, 0.0) and merging("Token merging ratio high-res") == (0.0, 0.3)
    assert merging("Token merging ratio high-res", token_merging={"ratio": 0.5}) == (0.5, 0.3)


def test_names_are_tried_before_anything_is_kept():
    def resolve(request):
        if request.sampler == "Eulerx":
            raise RequestError("sampler", "There is no such sampler.")
        return resolve_without_models(request)

    with pytest.raises(RequestError, match="X axis: Sampler Eulerx: There is no such sampler") as caught:
        planned(("Sampler", "Euler, Eulerx"), resolve=resolve)
    assert caught.value.field == "axes.0.sampler"
