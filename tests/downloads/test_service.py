"""Downloads arrive whole or not at all, go on where they were, and say what to do about whatever stands in the way."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.downloads.conftest import PATIENCE_S, Box
from tests.downloads.fakes import File
from tests.waiting import until
from webui.downloads.net import Egress, FetchError
from webui.downloads.offers import OfferedFile
from webui.downloads.staging import keep
from webui.downloads.starters import STARTERS
from webui.downloads.transfer import Fetched, fetch
from webui.errors import Conflict, Forbidden, RequestError, StorageError

PATH = "/owner/fox/resolve/main/fox.safetensors"


@pytest.fixture
def fox(site, lora):
    """A repository with one LoRA; gives the file at the site."""
    site.repository("owner/fox", {"README.md": b"#", "fox.safetensors": lora}, cardData={"license": "cc0-1.0", "base_model": "sd15"})
    return site.files[PATH]


def test_a_file_of_hugging_face_arrives_where_its_kind_lies(box, site, fox, lora):
    offer = box.downloads.catalogue.look("hf:owner/fox")
    assert (offer.size, offer.licence, [file.path for file in offer.files]) == (len(lora), "cc0-1.0", ["fox.safetensors"])
    ended = box.get("hf:owner/fox")
    assert (ended.state, ended.target) == ("done", str(box.models / "Lora" / "fox.safetensors"))
    assert box.files() == ["Lora/fox.metadata.json", "Lora/fox.safetensors"]
    assert (box.models / "Lora" / "fox.safetensors").read_bytes() == lora
    assert [model.name for model in box.library.models("lora")] == ["fox"]
    assert {token for _, token in site.seen} == {"Bearer secret"}


def test_a_version_of_civitai_brings_its_description(box, site, lora):
    site.version(123, "../../x.safetensors", lora)
    assert box.get("civitai:123").target == str(box.models / "Lora" / "x.safetensors")
    assert box.files() == ["Lora/x.civitai.info", "Lora/x.safetensors"]
    assert not any(token for _, token in site.seen), "the other site's token stays at home"
    assert box.downloads.catalogue.look("https://civitai.com/models/7").source.model == "123"


ODD_NAMES = ["..\\..\\x.safetensors", "/etc/x.safetensors", "con.safetensors", "a\x00b.safetensors", "\u202ex.safetensors"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_name_leads_out_of_the_folder(box, site, lora, name):
    site.version(123, name, lora)
    ended = box.get("civitai:123")
    assert ended.state == "done" and os.path.dirname(ended.target) == str(box.models / "Lora")
    assert os.path.basename(ended.target).isprintable()


def test_a_connection_that_is_cut_at_every_tenth_goes_on(box, fox, lora):
    fox.cuts = [len(lora) // 10] * 9
    ended = box.get("hf:owner/fox")
    assert ended.state == "done", ended.error
    assert (box.models / "Lora" / "fox.safetensors").read_bytes() == lora
    assert fox.sent == len(lora), "nothing came twice"


def test_a_server_that_knows_no_ranges_and_always_ends_early_is_given_up(box, fox, lora):
    fox.cuts, fox.ranges = [len(lora) // 2] * 100, False
    assert box.get("hf:owner/fox").state == "failed"


def test_a_server_that_knows_no_ranges_begins_again(box, fox, lora):
    fox.cuts, fox.ranges = [len(lora) // 2], False
    assert box.get("hf:owner/fox").state == "done"
    assert (box.models / "Lora" / "fox.safetensors").read_bytes() == lora


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "Make a token"),
        (403, "accept the terms"),
        (404, "nothing at this address"),
        (451, "where you are"),
        (418, "answered 418"),
    ],
)
def test_what_stands_in_the_way_is_said(box, fox, status, sentence):
    fox.answers = [(status, {})]
    ended = box.get("hf:owner/fox")
    assert ended.state == "failed" and sentence in ended.error
    assert box.library.scan() == ()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_site_that_asks_for_a_pause_is_asked_again(box, fox, status):
    fox.answers = [(status, {"Retry-After": "0"})] * 3
    assert box.get("hf:owner/fox").state == "done"
    fox.answers = [(status, {"Retry-After": "0"})] * 50
    shutil.rmtree(box.models)
    box.library.scan()
    ended = box.get("hf:owner/fox")
    assert ended.state == "failed" and ended.error.endswith("later.")


def test_a_page_in_place_of_the_file_is_refused(box, fox):
    fox.page = True
    ended = box.get("hf:owner/fox")
    assert ended.state == "failed" and "A page came" in ended.error


def test_a_page_that_calls_itself_a_file_is_refused(box, site):
    site.repository("owner/fox", {"fox.safetensors": b"\n <!doctype HTML><html>" + b"x" * 100})
    assert "A page came" in box.get("hf:owner/fox").error


def test_another_content_than_the_site_says_is_thrown_away(box, fox, lora):
    fox.data = lora[:-1] + b"x"
    ended = box.get("hf:owner/fox")
    assert ended.state == "failed" and "sha256" in ended.error
    assert not [path for path in box.files() if path.endswith((".part", ".safetensors"))]
    fox.data = lora
    assert box.downloads.run_now(box.downloads.resume(ended.id)).state == "done"


def test_what_came_wrong_before_is_fetched_anew(box, fox, lora):
    fox.cuts = [len(lora) // 2]
    fox.answers = []
    download = box.downloads.add("hf:owner/fox")
    part = download.part(download.offer.files[0])
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    assert box.downloads.run_now(download).state == "done"


def test_a_wrong_length_is_said_where_no_hash_tells_better(box, site, fox, lora):
    fox.claims = len(lora) + 10
    assert box.get("hf:owner/fox").state == "done", "the hash is right"
    ended = box.get(f"{site.url}{PATH}")
    assert ended.state == "failed", "again and again"
    assert len(box.library.scan()) == 1


PRIVATE = ("http://10.0.0.1/x", "http://169.254.169.254/latest", "file:///etc/passwd", "http://[::1]:1/x", "http://127.0.0.1:1/x")


def test_a_private_address_is_refused_whether_a_site_names_it_or_sends_on_to_it(tmp_path, site, lora, monkeypatch):
    """A site on the internet, which lies on this machine for once: its name is resolved so."""
    ask = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **named: ask("127.0.0.1" if host == "models.test" else host, *more, **named)
    )
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    home = site.url.replace("127.0.0.1", "models.test")
    egress = Egress(home, "secret")
    site.files["/start"], site.files["/moved"] = File(lora), File(b"", redirect="")

    def get(url):
        fetch(egress, OfferedFile(path="x", url=url), Fetched(tmp_path / "part"), tmp_path / "whole", lambda *told: None)

    try:
        for target in (*PRIVATE, f"{site.url}/start"):
            site.files["/moved"].redirect = target
            for url in (target, f"{home}/moved"):
                with pytest.raises(FetchError, match="private network|no address on the web"):
                    get(url)
        assert {path for path, _ in site.seen} == {"/moved"}, "none of the others was even asked"
        get(f"{home}/start")
    finally:
        egress.close()
    assert (tmp_path / "whole").read_bytes() == lora


def test_a_site_that_is_this_machine_may_send_on_within_it(box, site, fox, lora):
    site.files["/cdn"] = File(lora)
    fox.redirect = f"{site.url.replace('127.0.0.1', 'localhost')}/cdn"
    assert box.get("hf:owner/fox").state == "done"
    assert {path: token for path, token in site.seen if path in (PATH, "/cdn")} == {PATH: "Bearer secret", "/cdn": ""}


def test_a_full_disk_is_said_before_and_what_came_is_kept(box, fox, lora, monkeypatch):
    usage = shutil.disk_usage(box.models.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(StorageError, match="still to come"):
        box.downloads.add("hf:owner/fox")
    assert fox.asked == []


def test_a_disk_that_fills_under_way_is_said_and_the_rest_comes_when_there_is_room(box, fox, lora):
    begun = box.downloads.add("hf:owner/fox")
    part = begun.part(begun.offer.files[0])
    part.parent.mkdir(parents=True, exist_ok=True)
    part.symlink_to("/dev/full")
    ended = box.downloads.run_now(begun)
    assert ended.state == "failed" and "is full. What has come is kept" in ended.error and box.library.scan() == ()
    part.unlink()
    part.write_bytes(lora[:100_000])
    assert box.downloads.run_now(ended).state == "done" and fox.asked[-1] == "bytes=100000-"
    assert (box.models / "Lora" / "fox.safetensors").read_bytes() == lora


def test_days_later_it_goes_on_where_it_was(box, site, tmp_path, fox, lora):
    begun = box.downloads.add("hf:owner/fox")
    part = begun.part(begun.offer.files[0])
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(lora[:1_000_000])
    for path in (part, *part.parent.iterdir(), begun.folder):
        os.utime(path, (time.time() - 30 * 86400,) * 2)
    box.downloads.stop()
    later = Box(tmp_path, site)
    later.downloads.start()
    assert later.until(lambda download: download.state in ("done", "failed")).state == "done" and fox.asked == ["bytes=1000000-"]
    later.downloads.stop()


def test_one_that_comes_to_a_standstill_stops_nobody_and_is_removed_at_once(box, site, fox, lora):
    site.repository("owner/slow", {"slow.safetensors": lora[:-1] + b"x"})
    file = site.files["/owner/slow/resolve/main/slow.safetensors"]
    file.hold = 2**16
    box.downloads.start()
    slow = box.downloads.add("hf:owner/slow")
    box.until(lambda download: download.id == slow.id and download.state == "running")
    quick = box.downloads.add("hf:owner/fox")
    box.until(lambda download: download.id == quick.id and download.state == "done")
    box.downloads.remove(slow.id)
    assert [download.id for download in box.downloads.list()] == [quick.id] and file.sent < len(lora)
    file.hold = 2**63
    until(lambda: not slow.folder.exists())
    assert [model.name for model in box.library.models("lora")] == ["fox"]


@pytest.mark.parametrize("told", [{"availability": "EarlyAccess"}, {"earlyAccessEndsAt": "2027-01-01T00:00:00Z"}])
def test_what_must_be_bought_first_is_said_on_its_card_and_when_it_is_refused(box, site, lora, told):
    site.version(123, "fox.safetensors", lora, **told)
    assert "Early access" in box.downloads.catalogue.look("civitai:123").needs
    site.files["/api/download/models/123"].answers = [(403, {})]
    ended = box.get("civitai:123")
    assert ended.state == "failed" and "buy it there" in ended.error


def test_a_site_that_cannot_be_reached_is_said_without_the_systems_words(site):
    site.close()
    egress = Egress(site.url, "")
    with pytest.raises(FetchError, match=r"^127\.0\.0\.1 cannot be reached\.") as failed:
        egress.json(f"{site.url}/api/models")
    assert "Errno" not in str(failed.value) and failed.value.again
    egress.close()


def test_offline_refuses(tmp_path, site, fox):
    box = Box(tmp_path, site, offline=True)
    for act in (box.downloads.catalogue.look, box.downloads.add):
        with pytest.raises(Forbidden, match="offline"):
            act("hf:owner/fox")
    assert site.seen == []


@pytest.mark.parametrize("is_hashed", [True, False])
def test_what_is_here_already_is_not_fetched_again(box, site, fox, lora, is_hashed):
    """Also in a process of its own, such as the command line's, where nothing has been hashed yet."""
    box.get("hf:owner/fox")
    if is_hashed:
        box.library.sha256(box.library.models("lora")[0])
    with pytest.raises(Conflict, match=r"fox\.safetensors"):
        box.downloads.add("hf:owner/fox")


def test_one_whose_program_was_killed_just_after_its_file_had_appeared_is_done(box, site, fox):
    """Its record is still there, what had come is not: it was fetched whole once more, and lay there twice."""
    ended = box.get("hf:owner/fox")
    keep(ended.model_copy(update={"state": "running"}))
    asked = len(site.seen)
    box.downloads.start()
    again = box.until(lambda download: download.state in ("done", "failed") and download.id == ended.id)
    assert (again.state, again.target) == ("done", ended.target), again.error
    assert box.files() == ["Lora/fox.safetensors"] or "Lora/fox (2).safetensors" not in box.files()
    assert len(site.seen) == asked


def test_a_mirror_on_this_machine_sends_nobody_to_others_of_the_network(site, tmp_path, lora):
    site.files["/start"], site.files["/moved"] = File(lora), File(b"", redirect="")
    egress = Egress(site.url)

    def get():
        fetch(egress, OfferedFile(path="x", url=f"{site.url}/moved"), Fetched(tmp_path / "part"), tmp_path / "whole", lambda *told: None)

    try:
        for target in ("http://10.1.2.3/x", "http://169.254.169.254/latest", "http://192.168.0.1/x"):
            site.files["/moved"].redirect = target
            with pytest.raises(FetchError, match="private network"):
                get()
        site.files["/moved"].redirect = f"{site.url}/start"
        get()
    finally:
        egress.close()


def test_a_file_that_civitai_does_not_know_is_said_to_be_that(box, site, fox):
    box.get("hf:owner/fox")
    with pytest.raises(FetchError, match="Civitai does not know this file"):
        box.downloads.recognise(box.library.models("lora")[0])


def test_another_file_of_the_same_name_takes_nothing_away(box, site, fox, lora):
    first = box.models / "Lora" / "fox.safetensors"
    first.parent.mkdir(parents=True)
    first.write_bytes(b"mine")
    assert box.get("hf:owner/fox").target.endswith("fox (2).safetensors")
    assert first.read_bytes() == b"mine"


@pytest.mark.parametrize("files", [{}, {"README.md": b"#"}, {"x.onnx": b"x"}, {"x.gguf": b"x"}])
def test_a_repository_without_weights_is_said(box, site, files):
    site.repository("owner/empty", files)
    with pytest.raises(RequestError, match="no weights"):
        box.downloads.catalogue.look("hf:owner/empty")


def test_a_folder_of_diffusers_arrives_as_one(box, site, lora):
    files = {"model_index.json": b"{}", "unet/diffusion_pytorch_model.safetensors": lora, "unet/config.json": b"{}", "x.md": b"#"}
    site.repository("owner/pipe", files)
    ended = box.get("hf:owner/pipe")
    assert ended.target == str(box.models / "Stable-diffusion" / "owner--pipe"), ended.error
    assert (box.models / "Stable-diffusion" / "owner--pipe" / "unet" / "config.json").read_bytes() == b"{}"
    assert not (box.models / ".downloads").exists()


def test_a_kind_that_cannot_be_told_is_asked_for(box, site, tmp_path):
    from tests.library.test_scan import write

    site.repository("owner/odd", {"odd.safetensors": write(tmp_path / "odd.safetensors", {"what": (1,)}).read_bytes()})
    ended = box.get("hf:owner/odd")
    assert ended.state == "failed" and "Resume with a kind" in ended.error
    asked = len(site.seen)
    assert box.downloads.run_now(box.downloads.resume(ended.id, "vae")).target.endswith("VAE/odd.safetensors")
    assert len(site.seen) == asked, "it was here already"


def test_pause_resume_and_remove(box, site, fox, lora):
    site.gate.clear()
    box.downloads.start()
    started = box.downloads.add("hf:owner/fox")
    box.until(lambda download: download.state == "running")
    box.downloads.pause(started.id)
    site.gate.set()
    with pytest.raises(Conflict):
        box.downloads.pause(started.id)
    box.downloads.resume(started.id)
    assert box.until(lambda download: download.state in ("done", "failed")).state == "done"
    box.downloads.remove(started.id)
    assert box.downloads.list() == () and (box.models / "Lora" / "fox.safetensors").exists()


def test_what_has_come_is_told_when_it_is_paused(box, site, fox):
    fox.hold = 2**20
    box.downloads.start()
    started = box.downloads.add("hf:owner/fox")
    part = started.part(started.offer.files[0])
    until(lambda: part.exists() and part.stat().st_size >= 2**19)
    assert 2**19 <= box.downloads.pause(started.id).received <= 2**20
    fox.hold = 2**63


def test_two_who_pause_and_resume_at_once_do_no_harm(box, site, fox):
    site.gate.clear()
    box.downloads.start()
    started = box.downloads.add("hf:owner/fox")

    def click() -> None:
        for act in (box.downloads.pause, box.downloads.resume) * 200:
            with suppress(Conflict):
                act(started.id)

    with ThreadPoolExecutor(2) as both:
        for clicks in [both.submit(click) for _ in range(2)]:
            clicks.result()
    with suppress(Conflict):
        box.downloads.resume(started.id)
    site.gate.set()
    ended = box.until(lambda download: download.state in ("done", "failed"))
    assert (ended.state, ended.error) == ("done", "")


def test_two_wishes_for_one_file_are_one_download(box, site, fox):
    site.gate.clear()
    box.downloads.start()
    first = box.downloads.add("hf:owner/fox")
    assert box.downloads.add("owner/fox").id == first.id and len(box.downloads.list()) == 1
    site.gate.set()
    box.until(lambda download: download.state == "done")


def test_the_same_content_from_two_sites_is_fetched_once(box, site, fox, lora):
    site.version(123, "other.safetensors", lora)
    site.gate.clear()
    box.downloads.start()
    first = box.downloads.add("hf:owner/fox")
    assert box.downloads.add("civitai:123").id == first.id, "it is on its way"
    box.downloads.pause(first.id)
    second = box.downloads.add("civitai:123")
    assert second.id != first.id, "one that is paused holds nobody up"
    site.gate.set()
    arrived = box.until(lambda download: download.id == second.id and download.state in ("done", "failed"))
    box.downloads.resume(first.id)
    again = box.until(lambda download: download.id == first.id and download.state in ("done", "failed"))
    assert (arrived.state, again.state, again.target) == ("done", "done", arrived.target), again.error
    assert sum(path.suffix == ".safetensors" for path in box.models.rglob("*")) == 1
    assert len(fox.asked) <= 1, "only what was begun before it was paused"


def test_a_folder_that_cannot_be_written_is_named_and_the_next_one_taken(box, site, fox):
    (box.models.parent / "blocked").write_text("a file, where a folder should be")
    blocked = box.models.parent / "blocked" / "models"
    box.settings = box.settings.model_copy(update={"models_dirs": (blocked, box.models)})
    begun = box.downloads.add("hf:owner/fox")
    assert str(blocked) in begun.note and begun.note.startswith(f"It goes to {box.models}")
    ended = box.downloads.run_now(begun)
    assert ended.state == "done" and ended.note == begun.note and ended.target.startswith(str(box.models))


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.title)
def test_a_starter_whose_file_has_moved_or_changed_is_a_sentence(site, tmp_path, starter):
    """What the list says of it is shown and nothing else: the site's answer counts."""
    box = Box(tmp_path, site)
    source = box.downloads.catalogue.source(starter.source)
    if source.site == "address":
        assert source.model.startswith("https://")
        return
    with pytest.raises(FetchError, match="nothing at this address"):
        box.downloads.add(starter.source)
    site.repository(source.model, {"renamed.safetensors": b"x"})
    if source.file:
        with pytest.raises(RequestError, match="There are: renamed.safetensors"):
            box.downloads.add(starter.source)
    site.repository(source.model, {source.file or "other.safetensors": b"another size and another hash"})
    begun = box.downloads.add(starter.source, kind=starter.kind)
    assert begun.size == 29 != starter.size


SCRIPT = """
import sys
from pathlib import Path
from webui.downloads.service import Downloads
from webui.library import Library
from webui.settings import Settings

folder, url = Path(sys.argv[1]), sys.argv[2]
settings = Settings(data_dir=folder, models_dirs=(folder / "models",), hf_endpoint=url)
downloads = Downloads(Library([folder / "models"]), lambda: settings, lambda download: None)
print(downloads.run_now(downloads.add("hf:owner/fox")).state, flush=True)
"""


def test_killed_again_and_again_it_goes_on_and_nothing_half_is_listed(tmp_path, site, fox, lora):
    """Each try is killed when some more has come, beyond which the site sends nothing; the last one is let through."""
    box = Box(tmp_path, site)
    part = box.models / ".downloads"
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), site.url]
    for share in (1, 2, 3):
        fox.hold = len(lora) * share // 4
        process = subprocess.Popen(command, cwd=os.getcwd())
        until(lambda: sum(path.stat().st_size for path in part.rglob("*.part")) >= fox.hold)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert box.library.scan() == ()
    fox.hold = len(lora)
    assert subprocess.run(command, cwd=os.getcwd(), capture_output=True, text=True, timeout=PATIENCE_S).stdout.strip() == "done"
    assert hashlib.sha256((box.models / "Lora" / "fox.safetensors").read_bytes()).digest() == hashlib.sha256(lora).digest()
    assert not part.exists() and fox.asked[0] == "" and all(fox.asked[1:]), "nothing came twice from the start"
