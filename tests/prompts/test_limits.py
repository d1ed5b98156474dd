"""A few letters cannot ask for hours and gigabytes: too large a prompt is refused with a sentence, and all is read in linear time."""

import pytest

from webui.errors import RequestError
from webui.prompts import clip_l_tokenizer, count_tokens, parse_attention
from webui.prompts.editing import Schedule, read_schedule
from webui.prompts.limits import MOST_CHUNKS, MOST_PARTS, check_prompt

LARGE = {
    "BREAK " * 16_000: r"16001 chunks of 75 tokens",
    "a AND " * 10_000: r"10001 prompts are joined by AND",
    "".join(f"[a:b:{step}]" for step in range(1, 1000)) * 8: r"Editing and alternation make 1000 texts",
    "[a|b] [c|d|e] [f|g|h|i|j] [k|l|m|n|o|p|q]" + "a red cat, " * 2000: r"210 texts of",
    "[a|b] " + "BREAK " * 1500: r"1501 chunks|2 texts of 1501",
    "a " * 50_000: r"667 chunks",
    "😀" * 90_000: r"chunks of 75 tokens",
    "".join(f"<lora:x{number}:1>" for number in range(5000)): r"5000 LoRAs are named",
}
FINE = [
    "[a|b]" * 20_000,
    "a cat, " * 40 + "[red:blue:0.5]",
    "a red cat, " * 2000,  # 8,000 tokens
    "a AND b :0.5 AND [c|d]",
    "BREAK " * 100,
    "[" * 25_000 + "a" + "]" * 25_000,
    "[a|" * 20_000 + "]" * 20_000,
    "[a:b:" + "1" * 20_000 + "x]",
    "(a" * 30_000,
    "<lora:x:1>" * 9000,
]


@pytest.mark.parametrize("prompt", LARGE, ids=[text[:12] for text in LARGE])
def test_too_large_a_prompt_is_refused_with_what_is_too_much(prompt):
    with pytest.raises(RequestError, match=LARGE[prompt]) as caught:
        check_prompt("prompt", prompt, 1000)
    assert caught.value.field == "prompt" and caught.value.message.startswith("This prompt is too large. ")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("prompt", FINE, ids=[text[:12] for text in FINE])
def test_long_prompts_stay_possible_and_are_read_at_once(prompt):
    check_prompt("prompt", prompt, 1000)
    assert count_tokens(prompt, clip_l_tokenizer()).limit % 75 == 0


def test_in_a_negative_prompt_and_is_a_word():
    check_prompt("negative_prompt", "a AND " * (MOST_PARTS + 1), 20, negative=True)
    with pytest.raises(RequestError) as caught:
        check_prompt("negative_prompt", "BREAK " * (MOST_CHUNKS + 1), 20, negative=True)
    assert caught.value.field == "negative_prompt"


def test_the_second_pass_counts_with_its_own_steps():
    prompt = "[a|b] [c|d|e] [f|g|h|i|j] [k|l|m|n|o|p|q]" + "a red cat, " * 200
    check_prompt("prompt", prompt, 20, 20)
    with pytest.raises(RequestError):
        check_prompt("prompt", prompt, 20, 500)


def test_alternation_makes_as_many_texts_as_there_are_different_ones():
    schedule = Schedule.read("[a|b]" * 20_000 + "[c:d:500]", 1000)
    assert (len(schedule.ends), schedule.count) == (1000, 4)
    assert read_schedule("[a|b][c|d|e][f:g:3]", 8) == [
        (1, "acf"), (2, "bdf"), (3, "aef"), (4, "bcg"), (5, "adg"), (6, "beg"), (7, "acg"), (8, "bdg"),
    ]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", ["1" * 99_000 + "x", "1." * 40_000, "1e" * 40_000, " " * 99_000])
def test_what_is_no_number_is_seen_in_linear_time(number):
    assert read_schedule(f"[a:b:{number}]", 10)[-1][0] == 10


def test_weights_of_very_deep_brackets_are_those_of_the_outermost_thousand():
    assert parse_attention("(" * 2000 + "a" + ")" * 2000 + "b")[-1] == ["b", 1.0]
    assert parse_attention("[" * 3 + "a" + "]" * 3) == [["a", pytest.approx(1.1**-3)]]
