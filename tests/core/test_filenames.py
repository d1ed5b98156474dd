"""File names: wrong patterns are refused with a sentence, and no prompt can make a name that cannot be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.core.filenames import LONGEST_PART, check_pattern, file_name, safe_name

FACTS = {
    "date": "2026-11-29",
    "time": "030000",
    "prompt": "a cat",
    "sampler": "Euler a",
    "checkpoint": "tiny",
    "seed": 7,
    "steps": 20,
    "width": 512,
    "height": 768,
}


@pytest.mark.parametrize(
    "pattern",
    [
        "{nothing}", "{index", "index}", "{date:%Y}", "{date:%Y/%m}", "{}", "{0}", "{prompt[0]}", "{seed.real}", "{prompt!r}", "{index:c}",
        "{seed:.2f}", "{prompt:05d}", "{index:{width}}", "{index:99999999999}", "{prompt:>5000}", "{date:d}", "", "/", " . / .. ",
        "x" * 400, "ü" * 100, "/".join("abcdefghijklmnop"), "{index:=<}x{", "{prompt:\0}",
        "/etc/{seed}", "/{date}/{index}", " /tmp/{index}", "\\\\server\\{index}", "C:\\{index}", "d:/{index}",
        "~/pictures/{index}", "~{index}",
        "../{index}", "{date}/../../{index}", "..\\{index}", "{date}/..", "{date}\\{index}",
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_name_a_picture_is_refused(pattern):
    with pytest.raises(ValueError, match=r"^(This|There is|A name|[^ ]+ leads out|\{|').*\.$"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{date}/{index:05}-{seed}", "2026-11-29/00003-7"),
        ("{index:>4}{{x}}", "3{x}"),
        ("{prompt:.3}-{width}x{height}", "a c-512x768-3"),
        ("{sampler}/{checkpoint} {steps:03}", "Euler a/tiny 020-3"),
        ("con", "_con-3"),
        ("{index}/lpt1.txt/COM¹", "3/_lpt1.txt/_COM¹"),
        ("a?b/c:d*{index}. ", "a_b/c_d_3"),
        ("a~/..b/C{index}", "a~/b/C3"),
    ],
)
def test_names(pattern, name):
    assert file_name(check_pattern(pattern), FACTS, 3) == name


PATTERNS = [
    "{prompt}", "{prompt}-{seed}", "{date}/{prompt}/{prompt}-{index}", "{prompt}{prompt}{checkpoint}{sampler}{index}",
    "{prompt:>60}-{index:060}",
    "{checkpoint}/{sampler}", "{index:b} {prompt:.5}", "/".join(["{prompt}"] * 12), "x" * 140 + "{prompt}",
]  # fmt: skip
ODD = st.text(st.characters(codec=None), max_size=120) | st.sampled_from(
    [
        "😀" * 80,
        "👨\u200d👩\u200d👧" * 30,
        "con",
        "NUL.txt",
        "...",
        " ",
        "a/b\\c",
        "\ud800",
        "x" * 5000,
        "e\u0301" * 80,
        "\u202egnp.exe",
        "字" * 80,
    ]
)


@pytest.mark.parametrize("pattern", PATTERNS)
@given(prompt=ODD, checkpoint=ODD, room=st.sampled_from([4000, 300, 10]))
def test_whatever_comes_in_every_part_can_be_written(pattern, prompt, checkpoint, room):
    facts = {**FACTS, "prompt": prompt, "checkpoint": checkpoint, "seed": 2**64 - 1}
    names = [file_name(check_pattern(pattern), facts, number, room) for number in (1, 2, 10, 1234567890)]
    assert len(set(names)) == 4
    for part in (part for name in names for part in name.split("/")):
        assert part and part == part.strip(" .") and not set(part) & set('<>:"|?*\\\n\0')
        assert len((part + ".jpeg").encode()) <= LONGEST_PART
        assert part.partition(".")[0].lower() not in ("con", "nul")


def test_a_long_prompt_leaves_room_for_what_stands_behind_it():
    name = file_name("{prompt}-{seed}-{index:05}", {**FACTS, "prompt": "😀" * 80}, 12)
    assert name.endswith("😀-7-00012") and 220 <= len(name.encode()) <= 250


def test_a_cut_never_halves_a_character():
    assert safe_name("字" * 100, 100) == "字" * 33
    assert safe_name("a red apple, (best), 7.5 & more: #1?") == "a red apple, (best), 7.5 & more_ #1_"
    assert safe_name("👨\u200d👩\u200d👧", 8) == "👨"
