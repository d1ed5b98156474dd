"""One web to a data folder."""

import os
import subprocess
import sys

import pytest

from webui.db import DataLock
from webui.errors import StorageError

HOLDER = """
import sys
from pathlib import Path
from webui.db import DataLock
lock = DataLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_refused_and_told_who_is_there(tmp_path):
    first, second = DataLock(tmp_path), DataLock(tmp_path)
    first.acquire()
    with pytest.raises(StorageError, match=rf"process {os.getpid()}\) already uses {tmp_path}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_letting_go_leaves_no_note_and_may_be_done_twice(tmp_path):
    lock = DataLock(tmp_path)
    lock.release()
    lock.acquire()
    assert (tmp_path / "data" / "web.lock.pid").read_text() == str(os.getpid())
    lock.release()
    lock.release()
    assert not (tmp_path / "data" / "web.lock.pid").exists()


def test_a_holder_without_a_readable_note_is_unknown(tmp_path):
    first = DataLock(tmp_path)
    first.acquire()
    for note in ("", "no number"):
        (tmp_path / "data" / "web.lock.pid").write_text(note)
        with pytest.raises(StorageError, match="process unknown"):
            DataLock(tmp_path).acquire()
    first.release()


def test_a_holder_that_dies_without_a_word_holds_it_no_more(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=f"process {process.pid}"):
            DataLock(tmp_path).acquire()
        process.kill()
        process.wait()
    lock = DataLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError, match=r"data cannot be written: .* Choose another folder with --data-dir"):
        DataLock(tmp_path).acquire()


def test_a_lock_beside_a_database_that_lies_elsewhere(tmp_path):
    elsewhere = tmp_path / "elsewhere" / "my.db.lock"
    lock = DataLock(tmp_path, elsewhere)
    lock.acquire()
    assert elsewhere.exists() and not (tmp_path / "data").exists()
    lock.release()
