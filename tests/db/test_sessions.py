"""Which pictures belong together: phrases that prompts share, and pauses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.db.sessions import PAUSE_S, Latest, Sessions, continues, phrases


def test_phrases_are_without_tags_weights_and_brackets():
    assert phrases("(a Red  apple:1.2), ((oil)), <lora:x:0.8>\n[dawn|dusk]") == {"a red apple", "oil", "dawn", "dusk"}


@pytest.mark.parametrize(
    ("prompt", "after", "mode", "belongs"),
    [
        ("a, b, c", 10, "txt2img", True),
        ("a, x", 10, "txt2img", True),
        ("x, y, a, z", 10, "txt2img", False),
        ("", 10, "txt2img", False),
        ("a, b, c", PAUSE_S + 1, "txt2img", False),
        ("a, b, c", 10, "img2img", False),
        ("a, b, c", -30, "txt2img", True),
        ("a, b, c", -3600, "txt2img", False),
    ],
)
def test_a_session_goes_on(prompt, after, mode, belongs):
    assert continues(Latest(1, 1000.0, "txt2img", "c, b, a"), 1000.0 + after, mode, prompt) is belongs


def test_pictures_without_a_prompt_go_together():
    assert continues(Latest(1, 0.0, "", ""), 1.0, "", "")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "x, y", "z"]))))
def test_sessions_are_called_after_their_first_picture(made):
    sessions, seen = Sessions(), {}
    for number, (owner, prompt) in enumerate(made, 1):
        session = sessions.of(owner, number, float(number), "txt2img", prompt)
        assert session == number or seen[session] == owner, "nobody's session is another's"
        seen[number] = owner
