"""A saved picture is whole, has a name of its own, and comes back from the bin."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.whole_requests import resolved
from webui.errors import NotFound, StorageError
from webui.images.store import ImageStore, Origin

REQUEST = resolved(prompt="a red apple", width=64, height=64, steps=4, sampler="Euler", checkpoint="tiny [0123456789]")


def encode(image, stream, format, quality):
    image.save(stream, format)


def save(store, index=0, request=REQUEST, colour="red", seed=7):
    return store.save(Image.new("RGB", (64, 64), colour), request, encode, Origin(job_id="j1", owner="ann", index=index, seed=seed))


def test_a_picture_is_written_under_outputs_by_date(tmp_path):
    record = save(ImageStore(tmp_path))
    assert record.path.startswith("outputs/20") and record.path.endswith("/00001-7.png")
    assert Image.open(ImageStore(tmp_path).path(record)).size == (64, 64)
    assert (record.width, record.height, record.seed, record.owner) == (64, 64, 7, "ann")


def test_numbers_go_on_in_a_new_process_and_never_overwrite(tmp_path):
    paths = [save(ImageStore(tmp_path), seed=seed).path for seed in (7, 8, 7)]
    assert [path.rsplit("/")[-1] for path in paths] == ["00001-7.png", "00002-8.png", "00003-7.png"]


def test_a_folders_name_is_no_number(tmp_path):
    """The folders of another pattern begin with a year."""
    (tmp_path / "outputs" / "2026-11-30").mkdir(parents=True)
    assert save(ImageStore(tmp_path, pattern="{index:05}-{seed}")).path == "outputs/00001-7.png"


def test_many_writers_at_once_share_no_name(tmp_path):
    store = ImageStore(tmp_path, pattern="{seed}")
    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(lambda index: save(store, index), range(40)))
    assert len({record.path for record in records}) == 40
    assert len(list((tmp_path / "outputs").iterdir())) == 40


@pytest.mark.parametrize(("format", "suffix"), [("png", ".png"), ("jpeg", ".jpg"), ("webp", ".webp")])
def test_formats(tmp_path, format, suffix):
    record = save(ImageStore(tmp_path, format=format))
    assert record.path.endswith(suffix)
    assert Image.open(tmp_path / record.path).format.lower() == format


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(prompt=st.text(max_size=200))
def test_any_prompt_makes_a_file_inside_outputs(tmp_path, prompt):
    store = ImageStore(tmp_path, pattern="{date}/{prompt}/{prompt}-{index}")
    record = save(store, request=REQUEST.model_copy(update={"prompt": prompt}))
    assert store.path(record).is_relative_to(tmp_path / "outputs")


def test_a_pattern_cannot_climb_out(tmp_path):
    with pytest.raises(ValueError, match="leads out of the folder of pictures"):
        ImageStore(tmp_path, pattern="../../{seed}/../x")
    record = save(ImageStore(tmp_path, pattern="{prompt}/{seed}"), request=REQUEST.model_copy(update={"prompt": "../../.."}))
    assert tmp_path / "outputs" in (tmp_path / record.path).resolve().parents


def test_uploads_are_kept_once_by_content(tmp_path):
    store = ImageStore(tmp_path)
    first, second = (store.add_upload(b"picture", (8, 8), ".png", "ann") for _ in range(2))
    assert first.id == second.id and store.upload_path(first.id).read_bytes() == b"picture"
    with pytest.raises(NotFound):
        store.upload_path("0" * 64)


def test_bin_and_restore(tmp_path):
    store = ImageStore(tmp_path)
    record = save(store)
    before = store.path(record).read_bytes()
    store.trash(record)
    with pytest.raises(NotFound):
        store.path(record)
    store.restore(record)
    assert store.path(record).read_bytes() == before
    with pytest.raises(NotFound, match="bin"):
        store.restore(record)


@pytest.mark.parametrize("wrong", ["../secret", "outputs/../../secret", "{tmp}/secret", "outputs/{tmp}/secret", ""])
def test_a_record_cannot_point_outside(tmp_path, wrong):
    store = ImageStore(tmp_path / "data")
    record = save(store)
    (tmp_path / "secret").write_text("x")
    with pytest.raises(NotFound):
        store.path(record.model_copy(update={"path": wrong.format(tmp=tmp_path)}))


@pytest.mark.parametrize("linked", [("outputs",), ("outputs", "data/uploads", "data/bin"), ("data",), ("outputs/" + "2026-11-30",)])
def test_folders_that_are_links_to_another_drive_work_as_any(tmp_path, linked):
    root, drive = tmp_path / "root", tmp_path / "drive"
    for name in linked:
        (drive / name).mkdir(parents=True)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(drive / name)
    store = ImageStore(root, pattern="2026-11-30/{index:05}")
    record, upload = save(store), store.add_upload(b"picture", (8, 8), ".png", "ann")
    assert record.path.startswith("outputs/") and store.path(record).read_bytes()[:4] == b"\x89PNG"
    assert store.path(upload).read_bytes() == store.upload_path(upload.id).read_bytes() == b"picture"
    store.trash(record)
    assert store.path_in_bin(record).is_file() and not (root / record.path).exists()
    store.restore(record)
    assert store.path(record).is_file()
    store.path(record).with_name(".0123456789abcdef.part").write_bytes(b"half")
    assert store.sweep() == 1


def test_a_bin_on_another_drive_gets_the_whole_picture(tmp_path, monkeypatch):
    replace = os.replace

    def between_drives(source, target):
        if ("outputs" in str(source)) != ("outputs" in str(target)):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, target)

    store = ImageStore(tmp_path)
    record = save(store)
    whole = store.path(record).read_bytes()
    monkeypatch.setattr(os, "replace", between_drives)
    store.trash(record)
    assert store.path_in_bin(record).read_bytes() == whole and not (tmp_path / record.path).exists()
    store.restore(record)
    assert store.path(record).read_bytes() == whole


def test_a_link_to_a_drive_that_is_not_there_is_said(tmp_path):
    store = ImageStore(tmp_path / "root")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "outputs").symlink_to(tmp_path / "drive")
    for fails in (store.check_writable, lambda: save(store)):
        with pytest.raises(StorageError, match=r"outputs is a link to .*drive, which is not there\."):
            fails()
    (tmp_path / "drive").mkdir()
    store.check_writable()
    assert store.path(save(store)).is_file()


@pytest.mark.parametrize(("number", "said"), [(errno.EACCES, "Give yourself the right"), (errno.EIO, "Plug the drive in")])
def test_what_to_do_is_said_by_what_is_wrong(tmp_path, monkeypatch, number, said):
    def fails(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StorageError, match=said):
        ImageStore(tmp_path).add_upload(b"picture", (8, 8), ".png", "ann")


def test_an_unwritable_folder_is_named_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "outputs").write_text("a file in the way")
    with pytest.raises(StorageError, match="outputs"):
        save(ImageStore(tmp_path))
    with pytest.raises(StorageError):
        ImageStore(tmp_path).check_writable()


def test_half_written_files_are_swept_away_and_whole_ones_stay(tmp_path):
    store = ImageStore(tmp_path)
    record = save(store)
    half = store.path(record).with_name(".0123456789abcdef.part")
    half.write_bytes(b"\x89PNG half")
    assert store.sweep() == 1 and not half.exists() and store.path(record).is_file()
    assert ImageStore(tmp_path / "nowhere").sweep() == 0


def test_disk_full_is_said_in_words_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        save(ImageStore(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "prompt", ["😀" * 80, "👨\u200d👩\u200d👧" * 26, "con", "a/b", "...", "\ud800x", "字" * 80, "nul.txt", "\u202egnp", "e\u0301" * 40]
)
@pytest.mark.parametrize("pattern", ["{prompt}", "{prompt}-{prompt}-{index}-{seed}", "{prompt}/{prompt}"])
def test_no_prompt_can_fail_the_save(tmp_path, pattern, prompt):
    store = ImageStore(tmp_path, pattern)
    records = [save(store, request=REQUEST.model_copy(update={"prompt": prompt})) for _ in range(3)]
    assert len({record.path for record in records}) == 3
    assert all(store.path(record).is_relative_to(tmp_path / "outputs") for record in records)


def test_where_a_file_has_the_name_of_a_folder_the_plainest_name_is_taken(tmp_path):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "a red apple").write_text("in the way")
    assert save(ImageStore(tmp_path, "{prompt}/{seed}")).path.endswith("/00001-7.png")


def test_where_a_file_system_takes_shorter_names_only_the_plainest_is_taken(tmp_path, monkeypatch):
    really = os.link

    def short(source, target):
        if len(target.name.encode()) > 143:  # as eCryptfs
            raise OSError(errno.ENAMETOOLONG, "File name too long")
        really(source, target)

    monkeypatch.setattr(os, "link", short)
    monkeypatch.setattr("pathlib.Path.replace", short)
    record = save(ImageStore(tmp_path, "{prompt}"), request=REQUEST.model_copy(update={"prompt": "字" * 80}))
    assert record.path.endswith("/00001-7.png")


def test_a_pattern_that_names_nothing_makes_no_store(tmp_path):
    with pytest.raises(ValueError, match=r"no field \{nothing\}"):
        ImageStore(tmp_path, "{nothing}")
