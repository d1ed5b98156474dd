"""styles.csv as A1111 has it: read, put into prompts, written."""

import pytest

from tests.whole_requests import resolved
from webui.errors import NotFound, RequestError, StorageError
from webui.settings import load_settings
from webui.words.styles import Style, Styles, put_styles, style_files

A1111 = (
    "\ufeffname,prompt,negative_prompt\r\n"
    'oil,"oil painting of {prompt}, ""thick"" strokes\nsecond line",photo\r\n'
    ",nameless,\r\nwarm,warm light,\r\nodd,a,b,c,d\r\n"
)


@pytest.fixture
def styles(tmp_path):
    (tmp_path / "styles.csv").write_text(A1111, encoding="utf-8", newline="")
    return Styles(lambda: [tmp_path / "styles.csv"])


def test_quotes_line_breaks_and_broken_rows(styles):
    found = styles.all()
    assert [style.name for style in found.styles] == ["oil", "warm", "odd"]
    assert found.styles[0].prompt == 'oil painting of {prompt}, "thick" strokes\nsecond line'
    assert "line 4 has no name" in found.notes[0] and "'odd' has more than three columns" in found.notes[1]


def test_several_styles_in_order(styles):
    request = put_styles(resolved(prompt="a cat", negative_prompt="blurry", styles=("warm", "oil")), styles)
    assert request.prompt == 'oil painting of a cat, warm light, "thick" strokes\nsecond line'
    assert (request.negative_prompt, request.styles) == ("blurry, photo", ())


def test_a_style_that_is_not_there(styles):
    with pytest.raises(RequestError, match="no style named 'oill'. Did you mean oil") as caught:
        put_styles(resolved(styles=("oill",)), styles)
    assert caught.value.field == "styles"


def test_saved_changed_removed(tmp_path):
    path = tmp_path / "styles.csv"
    styles = Styles(lambda: [path])
    styles.save(Style(name="new", prompt='say "hi",\nyou', negative_prompt="no"))
    styles.save(Style(name="other"))
    styles.save(Style(name="new", prompt="changed"))
    assert [(each.name, each.prompt) for each in Styles(lambda: [path]).all().styles] == [("new", "changed"), ("other", "")]
    styles.remove("new")
    assert [each.name for each in styles.all().styles] == ["other"]
    with pytest.raises(NotFound):
        styles.remove("new")
    with pytest.raises(RequestError, match="not empty"):
        styles.save(Style(name=" "))


def test_a_file_that_was_not_read_whole_is_never_written_over(styles, tmp_path):
    with pytest.raises(StorageError, match="not written"):
        styles.save(Style(name="x"))
    assert (tmp_path / "styles.csv").read_bytes() == A1111.encode()


def test_other_encodings_columns_and_sizes(tmp_path):
    path = tmp_path / "styles.csv"
    styles = Styles(lambda: [path])
    assert styles.all().styles == ()
    path.write_bytes("name,text\ncafé,x".encode("latin-1"))
    assert styles.all().styles[0].name == "café" and styles.all().styles[0].prompt == "x" and "Windows-1252" in styles.all().notes[0]
    path.write_text("a,b\n1,2")
    assert "no column called name" in styles.all().notes[0]
    path.write_bytes(b"x" * (5 * 2**20))
    assert "5 MB" in styles.all().notes[0]


def test_a1111s_file_beside_its_models_is_found(tmp_path):
    (tmp_path / "a1111" / "models").mkdir(parents=True)
    (tmp_path / "a1111" / "styles.csv").write_text("name,prompt,negative_prompt\nx,theirs,\ny,theirs,\n")
    settings = load_settings({"data_dir": tmp_path, "models_dirs": [tmp_path / "a1111" / "models"]}, {})
    styles = Styles(lambda: style_files(settings))
    styles.save(Style(name="x", prompt="ours"))
    assert {each.name: each.prompt for each in styles.all().styles} == {"x": "ours", "y": "theirs"}
