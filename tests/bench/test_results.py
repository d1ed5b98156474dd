"""Benches are found by name, and their results say where they come from."""

import json
import subprocess
import sys

from webui import bench
from webui.bench import start
from webui.bench.results import keep


def test_results_carry_versions_and_machine(tmp_path):
    content = json.loads(keep("start", {"page_seconds": 1.5}, tmp_path).read_text())
    assert content["figures"] == {"page_seconds": 1.5}
    assert content["versions"]["torch"] and content["versions"]["darkroom"]
    assert content["machine"]["cores"] >= 1


def test_an_unknown_bench_is_refused_with_the_list(capsys):
    assert bench.run("nonsense", []) == 2
    said = capsys.readouterr()
    assert "start" in said.err and said.out == ""
    assert bench.run("--help", []) == 0


def test_heavy_libraries_are_seen_in_a_process():
    import psutil

    for code, expected in [("pass", False), ("import torch", True)]:
        command = [sys.executable, "-c", f"{code}\nprint('up', flush=True)\ninput()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            assert bool(start.heavy(psutil.Process(process.pid))) is expected
            process.communicate(b"\n")
