"""Keys stay where they are, budgets hold, and with everything off or offline nothing leaves."""

import os
import sys

import pytest

from tests.backends.conftest import Desk
from tests.backends.replicate_server import ReplicateServer
from tests.waiting import until
from webui.backends.keys import FILE, KeyStore
from webui.errors import LimitReached, RequestError, SettingsError, StorageError

KEY = ReplicateServer.key


def texts_below(folder):
    return [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_the_key_is_nowhere(desk, replicate, tmp_path, capfd):
    """Pictures, rows, log and errors; also where a provider sends the key back in what it says."""
    desk.made()
    replicate.faults = [(400, {}, {"detail": f"Token {KEY} may not do this"}), (500, {"Retry-After": "0"}, {"detail": f"{KEY}!"})]
    jobs = [desk.made(), desk.made(prompt="again")]
    assert [job.state for job in jobs] == ["failed", "done"]
    assert "Token … may not do this" in jobs[0].error.message
    shown = str([desk.queue.public(job) for job in desk.queue.jobs()]) + repr(desk.backends.connection(desk.backends.spec("replicate")))
    told = capfd.readouterr()
    desk.close()
    assert texts_below(tmp_path) == []
    assert KEY not in shown and KEY not in told.out + told.err
    desk.open()


def test_a_key_in_a_file_can_be_read_by_its_owner_alone(tmp_path, environment):
    spec = Desk(tmp_path / "desk", environment).backends.spec("replicate")
    keys = KeyStore(tmp_path, {})
    assert (keys.get(spec), keys.source(spec)) == ("", "")
    keys.set("replicate", f" {KEY} ")
    assert (keys.get(spec), keys.source(spec)) == (KEY, "file")
    assert KeyStore(tmp_path, {"REPLICATE_API_TOKEN": "other"}).get(spec) == "other", "the variable comes first"
    with pytest.raises(SettingsError, match="no key"):
        keys.set("replicate", "half\nof it")
    if os.name == "posix":
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
        (tmp_path / FILE).chmod(0o644)
        with pytest.raises(SettingsError, match="Others can read"):
            keys.get(spec)
        (tmp_path / FILE).chmod(0o600)
    keys.set("replicate", "")
    assert keys.get(spec) == ""
    (tmp_path / FILE).write_text("[")
    with pytest.raises(SettingsError, match="cannot be read"):
        keys.get(spec)


def test_a_keyring_is_asked_before_the_file(tmp_path, environment):
    class Keyring:
        kept: dict = {}

        def get_password(self, service, name):
            return self.kept.get((service, name))

        def set_password(self, service, name, key):
            self.kept[service, name] = key

        def delete_password(self, service, name):
            del self.kept[service, name]

    spec = Desk(tmp_path / "desk", environment).backends.spec("replicate")
    keys = KeyStore(tmp_path, {}, Keyring())
    keys.set("replicate", KEY)
    assert (keys.get(spec), keys.source(spec)) == (KEY, "keyring") and not (tmp_path / FILE).exists()
    keys.set("replicate", "")
    assert keys.get(spec) == ""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="whoever is root can write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="cannot be written"):
        KeyStore(tmp_path / "new", {}).set("replicate", KEY)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"backends": ()}, "Replicate is off."),
        ({"backends_accepted": ()}, "There are sent: the prompt"),
        ({"offline": True}, "Darkroom runs offline: nothing is sent to Replicate."),
    ],
)
def test_what_is_not_allowed_sends_nothing(tmp_path, environment, replicate, settings, said):
    desk = Desk(tmp_path, environment, **settings)
    with pytest.raises(RequestError, match=said):
        desk.submit()
    desk.close()
    assert replicate.calls == []


def test_what_is_switched_off_meanwhile_is_not_sent(desk, replicate):
    desk.queue.pause()
    job = desk.submit()
    desk.settings = desk.settings.model_copy(update={"backends": ()})
    desk.queue.pause(False)
    assert "Replicate is off." in desk.wait(job).error.message
    assert replicate.predictions == {}


@pytest.mark.parametrize("limit", ["budget_user", "budget_all"])
def test_a_budget_refuses_in_words(tmp_path, environment, replicate, limit):
    desk = Desk(tmp_path, environment, **{limit: 0.12, "budget_picture": 0.05})
    desk.submit()
    assert [desk.wait(job).state for job in desk.queue.jobs()] == ["done"]
    assert desk.made(batch_count=1).cost == 0.05
    with pytest.raises(LimitReached, match=r"This may cost \$0.05; \$0.02 of today's \$0.12 are left to"):
        desk.submit()
    desk.close()
    assert len(replicate.predictions) == 2


def test_a_budget_holds_for_jobs_that_were_submitted_together(tmp_path, environment, replicate):
    desk = Desk(tmp_path, environment, budget_user=0.12, budget_picture=0.05)
    desk.queue.pause()
    jobs = [desk.submit() for _ in range(5)]
    desk.queue.pause(False)
    ended = [desk.wait(job) for job in jobs]
    desk.close()
    assert sorted(job.state for job in ended) == ["done", "done", "failed", "failed", "failed"]
    assert all("Nothing was sent." in job.error.message for job in ended if job.error)
    assert len(replicate.predictions) == 2


def test_a_budget_of_nothing_allows_nothing(tmp_path, environment, replicate):
    desk = Desk(tmp_path, environment, budget_user=0)
    with pytest.raises(LimitReached, match="Nothing was sent"):
        desk.submit()
    desk.close()
    assert replicate.predictions == {}


def test_no_network_is_waited_for_and_told(tmp_path, replicate):
    """The provider comes back under its address: the job goes on by itself."""
    environment = {"REPLICATE_BASE_URL": "http://127.0.0.1:1", "REPLICATE_API_TOKEN": KEY}
    desk = Desk(tmp_path, environment)
    job = desk.submit()
    told = until(lambda: (progress := desk.queue.progress(job.id)) and progress.detail)
    assert "Replicate (127.0.0.1:1) cannot be reached" in told
    desk.queue.cancel(job.id)
    assert desk.wait(job).state == "cancelled"
    desk.close()


def test_the_key_is_nowhere_where_an_answer_holds_it(desk, replicate, tmp_path, capfd):
    """In a success, which is stored as it is told: as it is written, and as JSON may write it."""
    written = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    failed = '{"id": "a", "status": "failed", "error": "%s", "logs": "%s"}'
    for key in (KEY, written):
        replicate.faults = [(200, {}, (failed % (key, key)).encode())]
        job = desk.made(prompt=key[:1])
        assert job.state == "failed" and KEY not in job.error.message and "Replicate made no picture" in job.error.message
    told = capfd.readouterr()
    desk.close()
    assert texts_below(tmp_path) == [] and KEY not in told.out + told.err
    desk.open()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"id": "a", "status": "failed", "error": "\\ud800"}', "Replicate made no picture: ?."),
        (b'{"id": "a", "status": "succeeded", "output": "https://[::1"}', "an address for its picture that cannot be read"),
        (b'{"id": "\\ud800", "status": "starting"}', "Replicate refuses this: asked again."),
        (b'{"id": "' + b"x" * 501 + b'", "status": "starting"}', "Replicate refuses this: asked again."),
    ],
)
def test_an_answer_that_means_harm_is_a_sentence(desk, replicate, answer, said):
    replicate.faults = [(200, {}, answer), (400, {}, {"detail": "asked again"})]
    job = desk.made()
    assert job.state == "failed" and said in job.error.message, job.error
