"""Scripts without their comments do what they did: only lines of comments are gone, and none of a text."""

import pytest

from webui.ui.page import STATIC
from webui.ui.scripts import without_comments

SCRIPTS = sorted((STATIC / "js").glob("*.js"))


def test_what_is_a_comment():
    assert without_comments("// a\nlet x = 1; // b\n/** c\n * d */\n  /** e */\nf();") == "\nlet x = 1; // b\n\n\n\nf();"
    assert without_comments("/** @type {A} */ let x = 1;\nlet y = 2; /** b */\n") == "/** @type {A} */ let x = 1;\nlet y = 2; /** b */\n"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_only_comments_are_left_out(path):
    whole = path.read_text()
    before, after = whole.split("\n"), without_comments(whole).split("\n")
    assert len(before) == len(after)
    for number, (line, kept) in enumerate(zip(before, after, strict=True)):
        if line != kept:
            assert kept == "" and line.strip().startswith(("//", "/**", "*")), line
            assert "\n".join(after[:number]).count("`") % 2 == 0, line  # not in the midst of a text


def test_they_are_sent_so(page):
    client = page.client()
    address = next(part for part in client.get("/").text.split('"') if part.endswith("/js/zoom-place.js"))
    answer = client.get(address.removeprefix("."))
    assert answer.text == without_comments((STATIC / "js" / "zoom-place.js").read_text()) and "export" in answer.text
    assert "javascript" in answer.headers["content-type"] and "immutable" in answer.headers["cache-control"]
