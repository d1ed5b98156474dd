import subprocess
import sys

from webui.devices.environment import VARIABLES, keep_freed_memory, large_blocks_returned, prepare_process, small_pages, trim_heap


def test_sets_what_the_user_has_not_set():
    environment = {"HF_HUB_OFFLINE": "0"}
    prepare_process(environment)
    assert environment == {**VARIABLES, "HF_HUB_OFFLINE": "0"}


def test_threads_wait_as_the_user_wants():
    environment = {"OMP_WAIT_POLICY": "active"}
    prepare_process(environment)
    assert environment["OMP_WAIT_POLICY"] == "active" and "GOMP_SPINCOUNT" not in environment


def test_comes_before_torch():
    code = "import sys; from webui.devices.environment import prepare_process; prepare_process(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_freed_memory_is_kept_until_it_is_given_back():
    code = """
import psutil
from webui.devices.environment import keep_freed_memory, trim_heap
resident = lambda: psutil.Process().memory_info().rss
keep_freed_memory()
start = resident()
blocks = [b"x" * 2**22 for _ in range(40)]
del blocks
kept = resident() - start
trim_heap()
print(kept > 100e6, resident() - start < 40e6)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["True", "True"]


def test_is_harmless_anywhere(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
    assert trim_heap() is None
    with large_blocks_returned(), small_pages():
        pass


def test_large_blocks_go_back_while_a_vae_works():
    code = """
import psutil
from webui.devices.environment import keep_freed_memory, large_blocks_returned
resident = lambda: psutil.Process().memory_info().rss
keep_freed_memory()
start = resident()
small = [b"x" * 2**22 for _ in range(20)]
del small
with large_blocks_returned():
    before = resident() - start
    large = b"x" * 2**27
    held = resident() - start
    del large
    freed = resident() - start
large = b"x" * 2**27
del large
print(before < 20e6, held > 120e6, freed < 20e6, resident() - start > 120e6)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["True"] * 4


def test_large_pages_are_left_out_only_within():
    code = """
import ctypes, sys
from webui.devices.environment import small_pages
left_out = lambda: ctypes.CDLL(None).prctl(42, 0, 0, 0, 0) if sys.platform.startswith("linux") else None
before, within = left_out(), None
try:
    with small_pages():
        within = left_out()
        raise KeyError
except KeyError:
    print((before, within, left_out()) in ((0, 1, 0), (1, 1, 1), (None,) * 3, (-1,) * 3))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "True"
