"""Client for one engine, in a subprocess or in-process, over length-prefixed frames."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from webui.core.protocol import EXIT_DEVICE_LOST, FromEngine, FromEngineAdapter, ToEngine, read_frame, write_frame

COMMAND = (sys.executable, "-m", "webui.engine.server")
Receive = Callable[[FromEngine, bytes], None]


class EngineClient(Protocol):
    """What the supervisor needs of an engine."""

    def send(self, message: ToEngine) -> bool:
        """Send a message; False when the engine is gone."""
        ...

    def alive(self) -> bool:
        """Whether it still runs."""
        ...

    def close(self, wait: float) -> None:
        """End it: close its input, wait, then kill."""
        ...

    def cause(self) -> str:
        """Return a sentence that says why it ended."""
        ...


class _FrameChannel:
    """Sending with a lock; receiving in a thread until the stream ends."""

    def __init__(self, sink: BinaryIO, source: BinaryIO, receive: Receive, ended: Callable[[], None]) -> None:
        self._sink, self._source, self._receive, self._ended = sink, source, receive, ended
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="engine-reader", daemon=True).start()

    def send(self, message: ToEngine) -> bool:
        try:
            with self._lock:
                write_frame(self._sink, message)
        except (OSError, ValueError):
            return False
        return True

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._lock:
            self._sink.close()

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._source)) is not None:
                self._receive(FromEngineAdapter.validate_json(frame[0]), frame[1])
        except (OSError, ValueError):
            pass
        finally:
            self._ended()


class SubprocessClient:
    """An engine as a child process. Its standard error is ours."""

    def __init__(self, receive: Receive, ended: Callable[[], None], command: Sequence[str] = COMMAND, cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._wire = _FrameChannel(self._process.stdin, self._process.stdout, receive, ended)  # type: ignore[arg-type]

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, message: ToEngine) -> bool:
        """Send a message."""
        return self._wire.send(message)

    def alive(self) -> bool:
        """Whether the child runs."""
        return self._process.poll() is None

    def close(self, wait: float) -> None:
        """Close its input, which ends it; kill it when it takes longer than `wait` seconds."""
        threading.Thread(target=self._wire.close, daemon=True).start()
        try:
            self._process.wait(wait)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def cause(self) -> str:
        """Return a sentence that says why it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        if code is None:
            return "it stopped answering"
        if code == -signal.SIGTERM or code == 0:
            return "it was ended"
        if code == EXIT_DEVICE_LOST:
            return "its GPU stopped working; the log has the driver's words"
        if os.name == "posix" and code == -signal.SIGKILL:
            return "killed by the system, probably out of memory"
        if os.name == "posix" and code < 0:
            return f"it crashed ({signal.Signals(-code).name})"
        return f"it ended with exit code {code}"


class InprocClient:
    """An engine in a thread of this process, over the same frames (`--engine inline`): for tests and debuggers."""

    def __init__(self, receive: Receive, ended: Callable[[], None]) -> None:
        to_engine, from_engine = os.pipe(), os.pipe()
        reader, writer = os.fdopen(to_engine[0], "rb"), os.fdopen(from_engine[1], "wb")
        self._wire = _FrameChannel(os.fdopen(to_engine[1], "wb"), os.fdopen(from_engine[0], "rb"), receive, ended)
        self._thread = threading.Thread(target=self._run, args=(reader, writer), name="inline-engine", daemon=True)
        self._thread.start()

    @staticmethod
    def _run(reader: BinaryIO, writer: BinaryIO) -> None:
        from importlib import import_module

        try:
            import_module("webui.engine.server").serve(reader, writer)
        finally:
            writer.close()

    def send(self, message: ToEngine) -> bool:
        """Send a message."""
        return self._wire.send(message)

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def close(self, wait: float) -> None:
        """Close its input and wait."""
        self._wire.close()
        self._thread.join(wait)

    def cause(self) -> str:
        """Why it ended."""
        return "the inline engine ended"
