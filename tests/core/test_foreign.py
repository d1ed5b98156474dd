"""Whatever lies in a folder: it is read, or it becomes a sentence about the file; nothing else comes out."""

import os
import socket

import pytest

from webui.core.foreign import FileError, FileIdentity, check_same, identity_of, is_same, open_foreign, read_foreign, read_whole, sha256_of
from webui.errors import CheckpointError, FileChanged, JobCancelled


def raising(error):
    def read(path):
        raise error

    return read


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    return path


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("x"),
        IndexError(),
        RecursionError(),
        MemoryError(),
        KeyError("\ud800"),
        OSError(5, "I/O error"),
        ValueError("v" * 9999),
    ],
)
def test_any_fault_of_a_file_becomes_a_sentence(file, error):
    found = read_foreign(file, raising(error))
    assert isinstance(found, FileError) and found.message.endswith(".") and len(found.message) < 400
    assert "a.bin" in found.message and found.message.encode()
    assert type(error).__name__ not in found.message or isinstance(error, OSError)


def test_what_is_no_fault_of_the_file_comes_through(file):
    with pytest.raises(JobCancelled):
        read_foreign(file, raising(JobCancelled("stopped")))
    assert read_foreign(file, lambda path: path.read_bytes()) == b"abc"


def special(tmp_path, kind):
    path = tmp_path / "x.safetensors"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.close()
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "link":
            path.symlink_to(tmp_path / "gone")
        case "many levels":
            path.symlink_to(path)
    return path


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "link", "many levels"])
def test_only_regular_files_are_opened(tmp_path, kind):
    path = special(tmp_path, kind)
    found = read_foreign(path, lambda path: path.read_bytes())
    assert isinstance(found, FileError) and kind in found.message
    for read in (identity_of, lambda path: open_foreign(path).__enter__(), lambda path: read_whole(path, 10)):
        with pytest.raises(CheckpointError):
            read(path)


def test_a_file_replaced_under_its_name_is_another_one(file):
    before = identity_of(file)
    other = file.with_name("b.bin")
    other.write_bytes(b"abd")
    os.utime(other, ns=(before.mtime_ns, before.mtime_ns))
    other.replace(file)
    assert not is_same(file, before), "the same size and time, and yet another file"
    with pytest.raises(FileChanged):
        sha256_of(file, before)
    assert len(sha256_of(file, identity_of(file))) == 64
    file.unlink()
    with pytest.raises(FileChanged, match="a.bin was replaced or deleted"):
        check_same(file, before)


def write_in_place(path, content):
    """Other content in the same file, with its old time: what `cp -p` and `rsync --inplace -t` do of a file of that time."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    while path.stat().st_ctime_ns == status.st_ctime_ns:  # the system's clock is coarse
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no such time")
def test_a_file_written_in_its_place_with_its_old_time_is_another_one(file):
    before, status = identity_of(file), file.stat()
    write_in_place(file, b"abd")
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    now = identity_of(file)
    assert (now.size, now.mtime_ns, now.inode) == (before.size, before.mtime_ns, before.inode)
    assert not is_same(file, before)
    with pytest.raises(FileChanged):
        sha256_of(file, before)


def test_a_name_that_does_not_print_is_shown(tmp_path):
    path = tmp_path / "a\nb\u202e.bin"
    assert read_foreign(path, lambda path: path.read_bytes()).message.isprintable()
    assert FileIdentity() != FileIdentity(size=1)


def test_a_file_beside_a_model_is_read_up_to_a_bound(file):
    assert read_whole(file, 3) == b"abc"
    with pytest.raises(CheckpointError, match="larger than"):
        read_whole(file, 2)
