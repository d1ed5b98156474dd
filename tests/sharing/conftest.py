"""A PostgreSQL of this run's own, in its own folder and on a socket there; without its programs the tests are skipped."""

import glob
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from tests.library.test_scan import write
from tests.waiting import until
from webui.app import open_app
from webui.jobs.engine_client import SubprocessClient
from webui.settings import Settings
from webui.sharing import take_folder

ROOT = Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    """PostgreSQL's program, on the path or where Debian keeps it; empty where there is none."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), "")
    return found


def account() -> str | None:
    """Whose the server is: PostgreSQL refuses to run as root."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Postgres:
    """The server. `new()` makes an empty database and gives its address; `sql` is for what an administrator does."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="darkroom-pg-"))
        self._who, self._numbers = account(), itertools.count()
        if self._who is not None:
            shutil.chown(self._folder, self._who)
        data = str(self._folder / "data")
        words = ["-D", data, "-A", "trust", "-U", "darkroom", "--no-sync", "-E", "UTF8", "--locale=C"]
        made = subprocess.run([program("initdb"), *words], capture_output=True, text=True, user=self._who, cwd="/")
        if made.returncode:
            pytest.skip(f"PostgreSQL's initdb does not run here: {made.stderr.strip()[-300:]}")
        settings = ["fsync=off", "max_connections=300", "listen_addresses=", f"unix_socket_directories={self._folder}"]
        command = [program("postgres"), "-D", data, *(word for each in settings for word in ("-c", each))]
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, user=self._who, cwd="/")
        self._socket = self._folder / ".s.PGSQL.5432"
        until(lambda: self._answers() or self._server.poll() is not None)
        assert self._server.poll() is None, (self._folder / "log").read_text()

    def _answers(self) -> bool:
        try:
            self.sql("SELECT 1")
        except sqlalchemy.exc.DBAPIError:
            return False
        return True

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://darkroom@/{name}?host={self._folder}"

    def sql(self, statement: str, **values):
        there = {"unix_sock": str(self._socket)}
        engine = sqlalchemy.create_engine("postgresql+pg8000://darkroom@/postgres", connect_args=there)
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                result = connection.execute(sqlalchemy.text(statement), values)
                return result.all() if result.returns_rows else []
        finally:
            engine.dispose()

    def new(self) -> str:
        name = f"darkroom_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def close(self) -> None:
        self._server.send_signal(signal.SIGINT)  # fast: whoever is connected is let go
        self._server.wait(60)
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres():
    if not program("initdb") or not program("postgres"):
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    pytest.importorskip("pg8000")
    server = Postgres()
    yield server
    server.close()


class Web:
    """A web process' services without its page, with an engine that paints flat colours. Several may share a folder and a database."""

    def __init__(self, data_dir: Path, url: str, **settings) -> None:
        write(
            data_dir / "models" / "Stable-diffusion" / "tiny.safetensors",
            metadata={"darkroom.native": '{"width": 64, "height": 64, "steps": 3}'},
        )
        self.settings = Settings(data_dir=data_dir, models_dirs=(data_dir / "models",), devices=("cpu",), database_url=url, **settings)
        self.heard: list = []
        self.deposed: list = []

        def link(receive, ended):
            return SubprocessClient(receive, ended, (sys.executable, "-m", "tests.fake_engine"), ROOT)

        place = replace(take_folder(self.settings), on_deposed=lambda: self.deposed.append(1))
        self.app = open_app(self.settings, link, place)
        self.queue, self.gallery, self.grids = self.app.services.queue, self.app.services.gallery, self.app.services.grids
        self.queue.events.listen(self.heard.append)
        self.app.start()

    def kinds(self, job_id: str) -> list[str]:
        """What was heard of a job, without steps and previews."""
        return [each.kind for each in self.heard if each.job_id == job_id and each.seq]

    def close(self) -> None:
        self.app.stop()
