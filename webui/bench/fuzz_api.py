"""`bench fuzz-api`: calls made up from the API's own schema, right and wrong ones, against a running Darkroom.

Every answer must come in time, be none of the 5xx, say nothing in Python's words, and be one that the schema tells of. Needs the
development dependencies (schemathesis); it starts a Darkroom of its own unless `--server` names one.
"""

import argparse
import contextlib
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from webui.bench.results import keep

PATIENCE = 30.0
"""Seconds that an answer may take; a stream of events, that its beginning may take."""
_PYTHON = re.compile(r"Traceback \(most|\w\.py\b|\w(?:Error|Exception): |pydantic|object at 0x")
_MOST_READ = 65_536


class Tried:
    """One call: its line for people, the status (0: none came), the seconds it took, and what is wrong with the answer."""

    def __init__(self, call: str, status: int, seconds: float, wrong: str) -> None:
        self.call, self.status, self.seconds, self.wrong = call, status, seconds, wrong


def tried(address: str, count: int, seed: int = 0, key: str = "") -> Iterator[Tried]:
    """Make `count` calls, as many of each operation; half of them are wrong on purpose, where an operation takes anything."""
    import requests
    from schemathesis import GenerationMode, openapi

    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-Access-Key": key} if key else {})
        schema = openapi.from_dict(session.get(f"{address}/api/v1/openapi.json", timeout=PATIENCE).json())
        operations = [found.ok() for found in schema.get_all_operations()]
        ways = [(each, mode) for each in operations for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]
        made = 0
        while made < count:
            each, before, seed = -(-(count - made) // len(ways)), made, seed + 1
            for operation, mode in ways:
                for case in _cases(operation.as_strategy(mode), min(each, count - made), seed):
                    made += 1
                    yield _try(session, case, address)
                    if case.path.endswith(("/queue/pause", "/queue/free")):  # else every call that waits for its pictures would wait
                        session.post(f"{address}/api/v1/queue/resume", timeout=PATIENCE)
            if made == before:
                return


def _cases(strategy: Any, count: int, seed: int) -> list[Any]:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis.errors import HypothesisException

    found: list[Any] = []
    if count < 1:
        return found

    @seeded(seed)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    with contextlib.suppress(HypothesisException):  # an operation that takes nothing has no wrong calls
        collect()
    return found[:count]


def _try(session: Any, case: Any, address: str) -> Tried:
    import requests

    began = time.monotonic()
    try:
        arguments = case.as_transport_kwargs(base_url=address)
        asked = session.prepare_request(requests.Request(**arguments))
    except (requests.RequestException, UnicodeError, ValueError):
        return Tried(f"{case.method} {case.path}", 0, 0.0, "")  # nothing that can be sent over HTTP
    call = f"{asked.method} {asked.url} {asked.body!r}"[:400]
    try:
        with session.send(asked, stream=True, timeout=PATIENCE, allow_redirects=False) as answer:
            kind = answer.headers.get("content-type", "")
            said = next(answer.iter_content(_MOST_READ if "event-stream" not in kind else 1), b"")
            wrong = _wrong(case, answer.status_code, kind, said) or _other_kind(case, answer.status_code, kind)
            return Tried(call, answer.status_code, time.monotonic() - began, wrong)
    except requests.RequestException as error:
        return Tried(call, 0, time.monotonic() - began, f"no answer: {error}")


def _wrong(case: Any, status: int, kind: str, said: bytes) -> str:
    told = {str(code) for code in case.operation.definition.raw["responses"]}
    if status >= 500 and str(status) not in told:
        return f"{status}: {said[:300]!r}"
    if str(status) not in told and status != 405:  # another method is another operation
        return f"{status} is not in the schema: {said[:200]!r}"
    text = said.decode("utf-8", "replace") if kind.startswith(("application/json", "text/plain")) and status >= 400 else ""
    return f"in Python's words: {text[:300]}" if _PYTHON.search(text) else ""


def _other_kind(case: Any, status: int, kind: str) -> str:
    """What is wrong with the content type of an answer that is no refusal."""
    told = case.operation.definition.raw["responses"].get(str(status), {}).get("content", {})
    plain = kind.partition(";")[0]
    known = not told or plain in told or f"{plain.partition('/')[0]}/*" in told
    return "" if known or status >= 400 else f"{plain} is not in the schema, which has {', '.join(told)}"


def run(words: Sequence[str]) -> int:
    """Print what is wrong and keep the figures; 1 when there is anything."""
    parser = argparse.ArgumentParser(prog="bench fuzz-api", description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", help="the address of a running Darkroom (whose queue and gallery it will disturb)")
    parser.add_argument("--key", default="", help="its access key")
    options = parser.parse_args(list(words))
    with contextlib.ExitStack() as stack:
        address = (options.server or _own(stack)).rstrip("/")
        calls = []
        for each in tried(address, options.calls, options.seed, options.key):
            calls.append(each)
            if each.wrong:
                print(f"{each.call}\n    {each.wrong}", flush=True)
    statuses = {str(status): sum(each.status == status for each in calls) for status in sorted({each.status for each in calls})}
    wrong = sum(bool(each.wrong) for each in calls)
    slowest = max(calls, key=lambda each: each.seconds)
    print(f"{len(calls)} calls, {wrong} wrong; the slowest took {slowest.seconds:.2f} s: {slowest.call[:100]}")
    print(", ".join(f"{count} × {status}" for status, count in statuses.items()))
    figures = {"calls": len(calls), "seed": options.seed, "wrong": wrong, "slowest": slowest.seconds, "statuses": statuses}
    print(keep("fuzz-api", figures))
    return int(wrong > 0)


def _own(stack: contextlib.ExitStack) -> str:
    """A Darkroom in a scratch folder, where also new model files go; its address."""
    from webui.bench.faults import AppProcess

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    models = folder / "models"
    models.mkdir()
    app = AppProcess(folder, ["--models-dir", str(models)])
    app.start()
    stack.callback(app.stop)
    return str(app.http.base_url)
