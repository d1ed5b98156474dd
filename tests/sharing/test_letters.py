"""Capital letters of every alphabet are found, whatever the database calls lower case: SQLite and this server know ASCII's alone."""

import pytest

from tests.gallery.test_sheet import Sheet
from webui.db import open_database
from webui.errors import Conflict


@pytest.fixture(params=["sqlite", "postgres"])
def sheet(request, tmp_path):
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None
    assert server is None or server.sql("SELECT lower('Ä')") == [("Ä",)], "else this shows nothing"
    database = open_database(tmp_path, server.new() if server else "")
    yield Sheet(database, tmp_path)
    database.close()


def test_letters_of_any_alphabet_are_found_in_any_case(sheet):
    sheet.make(1, prompt="reddish ÄPFEL, 100%", checkpoint="Ölbild_v1")
    sheet.make(2, prompt="КРАСНОЕ яблоко", checkpoint="photon")
    assert sheet.found("äpfel") == sheet.found("Äpfel") == sheet.found("äp") == sheet.found("model:öl") == "1"
    assert sheet.found("красное") == sheet.found("ЯБЛ") == sheet.found("-äpfel") == "2"
    assert sheet.found("REDDISH") == "1" and sheet.found("ä%") == sheet.found("ä_") == ""
    assert [each.text for each in sheet.sheet.suggest(None, "model:Öl")] == ["model:Ölbild_v1"]
    sheet.marks.save_query("ann", "Äpfel", "apple")
    with pytest.raises(Conflict):
        sheet.marks.save_query("ann", "ÄPFEL", "pear")
