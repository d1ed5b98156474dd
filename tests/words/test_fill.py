"""Templates become words: by the seed, the same each time, and nothing that only looks like a template is touched."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import whole_requests
from webui.core.pictures import one_image
from webui.core.request import ResolvedRequest, parse_request
from webui.core.templates import guard, is_template, unguard
from webui.errors import RequestError
from webui.words.fill import MOST_LOOKS, fill, fill_templates
from webui.words.service import NO_WORDS
from webui.words.wildcards import Wildcards

NONE = NO_WORDS.wildcards


def resolved(**fields):
    """As a request is whose templates are still to be filled."""
    return whole_requests.resolved(**{"dynamic_prompts": True, **fields})


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def wildcards(folder):
    return Wildcards(lambda: [folder])


@pytest.mark.parametrize(
    "prompt",
    [
        "a (cat:1.2), [a|b], [red:green:0.5], <lora:x:0.8> AND b BREAK c",
        "{{masterpiece}}, {best quality}",
        "100% wool, $5, https://x.y/z # comment",
        "snake_case, a__b, __, ___",
        "an open { brace | and no closed one",
        "} closed { first",
        r"\{a|b\}",
        "${name} of nobody",
        "",
    ],
)
def test_ordinary_prompts_are_no_templates(prompt):
    assert not is_template(prompt)
    assert fill_templates(resolved(prompt=prompt), NONE).prompt == prompt


@given(st.text(alphabet="ab {}|$%_#/\\!~@:[](),0123\n", max_size=60))
def test_guarding_loses_nothing(text):
    assert unguard(guard(text)) == text
    if not is_template(text):
        assert fill_templates(resolved(prompt=text), NONE).prompt == text


@given(st.text(alphabet="ab {}|$_!~@:-2", max_size=40), st.integers(0, 2**64 - 1))
def test_any_text_is_filled_or_refused_with_a_sentence(text, seed):
    try:
        assert fill(text, [seed], NONE) == fill(text, [seed], NONE)
    except RequestError as error:
        assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("template", "possible"),
    [
        ("a {red|blue} cat", {"a red cat", "a blue cat"}),
        ("{2$$ and $$a|b}", {"a and b", "b and a"}),
        ("{{very}} {a|b}", {"{{very}} a", "{{very}} b"}),
        ("<lora:{x|y}:0.5> [a|b] 50%", {"<lora:x:0.5> [a|b] 50%", "<lora:y:0.5> [a|b] 50%"}),
        ("[{red|blue}:green:0.5]", {"[red:green:0.5]", "[blue:green:0.5]"}),
        ("${c={a|b}}x ${c}", {"x a", "x b"}),
        ("{a|{b|c}}", {"a", "b", "c"}),
        ("{0::a|1::b}", {"b"}),
        ("{!a|b}", {"a", "b"}),
        ("{|a}", {"", "a"}),
    ],
)
def test_templates_of_all_kinds(template, possible):
    assert set(fill(template, range(40), NONE)) == possible


def test_the_words_are_those_of_the_library_for_that_seed():
    from dynamicprompts.generators import RandomPromptGenerator

    template, seeds = "a {red|green|blue|black} {cat|dog|fox}, {2$$x|y|z}", [1, 2, 3, 2**40]
    assert list(fill(template, seeds, NONE)) == [str(text) for text in RandomPromptGenerator().generate(template, 4, seeds=seeds)]


def test_wildcards_in_wildcards(folder, wildcards):
    (folder / "colour.txt").write_text("# mine\nred\n\nblue\n")
    (folder / "thing.txt").write_text("__colour__ {hat|coat}\n50% __colour__\n")
    made = set(fill("a __thing__", range(60), wildcards))
    assert made == {f"a {colour} {what}" for colour in ("red", "blue") for what in ("hat", "coat")} | {"a 50% red", "a 50% blue"}
    assert set(fill("{2$$__colour__}", range(20), wildcards)) == {"red,blue", "blue,red"}


def test_each_picture_has_its_own_and_a_retry_the_same(wildcards):
    request = fill_templates(resolved(prompt="{a|b|c|d|e|f}", negative_prompt="x", batch_size=2, batch_count=4, seed=7), wildcards)
    template = request.templates["prompt"]
    assert template.text == "{a|b|c|d|e|f}" and len(set(template.filled)) > 1 and request.prompt == template.filled[0]
    assert request == fill_templates(request, wildcards)
    alone = one_image(request, 3)
    assert (alone.prompt, alone.templates["prompt"].filled, alone.seed) == (template.filled[3], (template.filled[3],), 10)
    assert fill_templates(resolved(prompt=template.text, seed=10), wildcards).prompt == template.filled[3]


def test_with_a_new_seed_a_template_is_filled_again(wildcards):
    first = fill_templates(resolved(prompt="{a|b|c|d|e|f|g|h}", seed=1), wildcards)
    others = {fill_templates(first.model_copy(update={"seed": seed}), wildcards, anew=True).prompt for seed in range(30)}
    assert len(others) > 3
    assert fill_templates(first.model_copy(update={"seed": 5}), wildcards).prompt == first.prompt


def test_the_second_pass_has_templates_too(wildcards):
    request = fill_templates(resolved(prompt="a", hires={"prompt": "{x|y}"}, batch_size=2), wildcards)
    assert request.hires.prompt in "xy" and request.templates["hires.prompt"].text == "{x|y}"


def test_switched_off_nothing_changes(wildcards):
    assert fill_templates(resolved(prompt="{a|b}", dynamic_prompts=False), wildcards).prompt == "{a|b}"


def test_a_job_from_before_templates_keeps_its_prompt():
    stored = resolved(prompt="{a|b}").model_dump(mode="json")
    del stored["dynamic_prompts"], stored["templates"]
    assert ResolvedRequest.model_validate(stored).dynamic_prompts is False
    assert parse_request({"prompt": "{a|b}"}).dynamic_prompts is True


def test_what_includes_itself_is_said(folder, wildcards):
    (folder / "a.txt").write_text("__b__ x")
    (folder / "b.txt").write_text("__a__")
    with pytest.raises(RequestError, match=f"includes itself, or asks for more than {MOST_LOOKS} others"):
        fill("__a__", [1], wildcards)
    (folder / "many.txt").write_text("__one__ " * 190)
    (folder / "one.txt").write_text("__two__ __two__")
    (folder / "two.txt").write_text("x")
    with pytest.raises(RequestError, match="more than 300 others"):
        fill("__many__", [1], wildcards)


def test_too_much_is_refused_at_once(folder, wildcards):
    with pytest.raises(RequestError, match="too large. It has 900 parts"):
        fill("{a|b} " * 900, [1], wildcards)
    with pytest.raises(RequestError, match="inside each other"):
        fill("{a|" * 50 + "b" + "}" * 50, [1], wildcards)
    with pytest.raises(RequestError, match="1000 pictures at most"):
        fill_templates(resolved(prompt="{a|b}", batch_count=1000, batch_size=2), wildcards)
    (folder / "big.txt").write_text("\n".join(f"w{n}" for n in range(30_000)))
    with pytest.raises(RequestError, match="takes too long"):
        fill("{2$$__big__}", [1], wildcards)
    assert fill("__big__", [1], wildcards)[0].startswith("w")


DOUBLED = "".join(f"${{a{n}=${{a{n - 1}}}${{a{n - 1}}}}}" for n in range(1, 60))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{" + "|" * 60_000 + "}", "too large. It has 60000 choices; 1000 are the most"),
        ("{" + "a|" * 1001 + "}", "too large. It has 1001 choices"),
        ("a {b|{c|" + "[d|e]|" * 500 + "}}", "too large. It has 1002 choices"),
        ("__a(" + "x=y z," * 2000 + ")__", "too large. It has 2000 choices"),
        ("${a0={x|y}}" + DOUBLED + "${a59}", "takes too long: words would be drawn"),
        ("${a0={%s|y}}" % ("x" * 1000) + DOUBLED + "${a59}", "What it becomes has 1"),
        ("${a={900$$" + "|" * 900 + "}}" + "${a}" * 150, "takes too long: words would be drawn"),
    ],
)
def test_what_a_template_costs_is_bounded_whatever_it_costs_it_in(folder, wildcards, template, said):
    (folder / "a.txt").write_text("x")
    with pytest.raises(RequestError, match=said):
        fill(template, range(10), wildcards)
    (folder / "line.txt").write_text(template)
    for asking in ("__line__", "{1$$__line__}") if "=" not in template else ():
        with pytest.raises(RequestError, match="too large|takes too long|What it becomes"):
            fill(asking, range(10), wildcards)


def test_choices_that_a_prompt_may_have_are_all_possible():
    template = "a {" + "|".join(f"w{n}" for n in range(1000)) + "} [b|c|d]" + "[e|f]" * 1000
    assert len(set(fill(template, range(8), NONE))) > 4


def test_wildcards_whose_lines_are_large_templates_end(folder, wildcards):
    (folder / "large.txt").write_text("\n".join("{" + "a|" * 900 + f"{n}}}" for n in range(500)))
    assert fill("__large__", [1], wildcards)
    with pytest.raises(RequestError, match="takes too long: its wildcards' lines"):
        fill("{2$$__large__}", range(5), wildcards)


def test_a_template_waits_for_no_other(folder, wildcards):
    """While one is being filled, another is: the second ends inside the first."""
    inner = []

    class Asked(Wildcards):
        def values(self, pattern, field="prompt"):
            if pattern == "slow":
                thread = threading.Thread(target=lambda: inner.append(fill("a {red|red} apple", [1], self)))
                thread.start()
                thread.join(60)
            return super().values(pattern, field)

    (folder / "slow.txt").write_text("word")
    assert fill("{a|a} __slow__", [1], Asked(lambda: [folder])) == ("a word",)
    assert inner == [("a red apple",)]


def test_many_templates_at_once_are_read_as_one_by_one():
    templates = [f"{{a|b|c}} ${{x={{d|e}}}} ${{x}} {{2$$ and $$f|g|{{h|i}}}} {n}" for n in range(24)]
    one_by_one = [fill(template, range(5), NONE) for template in templates]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda template: fill(template, range(5), Wildcards(tuple)), templates)) == one_by_one


def test_a_missing_wildcard_is_named_with_what_comes_near(folder, wildcards):
    (folder / "colors.txt").write_text("red")
    with pytest.raises(RequestError, match="no wildcard named 'colour'. Did you mean colors") as caught:
        fill_templates(resolved(negative_prompt="a __colour__"), wildcards)
    assert caught.value.field == "negative_prompt"
    with pytest.raises(RequestError, match=r"Put zzz.txt into"):
        fill("__people/zzz__", [1], wildcards)


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("{-5-3$$a|b} {3-1$$a|b}", "from '{-5-3$$a|b} {3-1$$a|b}' on (line 1, letter 1)"),
        ("a\n{x|y} {!-5-3$$a|b}", "(line 2, letter"),
    ],
)
def test_what_is_no_template_is_said_in_plain_words_with_its_place(template, place):
    with pytest.raises(RequestError, match="^This template cannot be read from '") as caught:
        fill(template, [1], NONE)
    assert place in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Expected", "char ", "col:", "Error"))


def test_a_wildcards_line_that_is_no_template_is_named(folder, wildcards):
    (folder / "odd.txt").write_text("{-5-3$$a|b}")
    for template in ("a __odd__", "{2$$__odd__}"):
        said = r"^A line of the wildcard 'odd' cannot be read from '\{-5-3\$\$a\|b\}' on \(line 1, letter 1\)"
        with pytest.raises(RequestError, match=said):
            fill(template, [1], wildcards)


def test_a_variable_that_nothing_sets_is_named(folder, wildcards):
    (folder / "who.txt").write_text("a ${hair} cat")
    with pytest.raises(RequestError, match="uses the variable 'hair', which nothing sets"):
        fill("__who__", [1], wildcards)
