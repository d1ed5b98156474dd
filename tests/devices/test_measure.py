import json
import threading

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from tests.whole_requests import resolved
from webui.devices.attention import LONG, MOST, SCORES, tiled_attention
from webui.devices.measure import Measurements, fastest
from webui.devices.plan import ModelFacts, default_dtype, plan_for
from webui.settings import Settings


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A file that was written by measuring."""
    torch.set_num_threads(1)
    file = tmp_path_factory.mktemp("cache") / "folder" / "measured.json"
    Measurements(file).bf16_is_faster()
    return file


def machine_of(file):
    (machine,) = json.loads(file.read_text())
    return machine


def test_measured_once_and_kept(measured, tmp_path):
    assert torch.__version__ in machine_of(measured)
    file = tmp_path / "measured.json"
    for bfloat16, pays in ((1.0, False), (0.9, False), (0.5, True)):
        file.write_text(json.dumps({machine_of(measured): {"layers": {"float32": 1.0, "bfloat16": bfloat16}}}))
        assert Measurements(file).bf16_is_faster() is pays


def test_what_counts_are_the_threads_of_the_plan_not_of_the_process(tmp_path):
    """A node of Ray's begins with one thread: it chose by a measurement of its own, and gave other bits than web's machine."""
    settings = Settings(data_dir=tmp_path, threads=2)
    first = default_dtype("cpu", settings)
    (kept,) = json.loads(settings.measured.read_text()).items()
    other = {name: 1.0 if (name == "bfloat16") == (first == "float32") else 9.0 for name in ("float32", "bfloat16")}
    settings.measured.write_text(json.dumps({kept[0]: {"layers": other}}))
    assert "2 threads" in kept[0] and torch.get_num_threads() == 1
    for threads in (1, 2):
        torch.set_num_threads(threads)
        assert default_dtype("cpu", settings) != first, "it has what was measured before"
    assert list(json.loads(settings.measured.read_text())) == [kept[0]]


def test_another_version_of_torch_is_measured_anew(measured, tmp_path):
    file = tmp_path / "measured.json"
    file.write_text(json.dumps({"another machine": {"layers": {"float32": 1.0, "bfloat16": 0.1}}}))
    Measurements(file).tiles_pay(2048, torch.float32)
    assert json.loads(file.read_text()).keys() == {"another machine", machine_of(measured)}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": {"layers": 3}}'])
def test_a_broken_file_is_no_obstacle(tmp_path, content):
    file = tmp_path / "measured.json"
    file.write_text(content)
    Measurements(file).tiles_pay(2048, torch.float32)
    assert any(
        "self-attention over 2048 tokens in float32" in value for value in json.loads(file.read_text()).values() if isinstance(value, dict)
    )


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    assert Measurements(blocker / "measured.json").tiles_pay(2048, torch.float32) in (True, False)
    assert Measurements(None).tiles_pay(2048, torch.float32) in (True, False)


def test_two_processes_may_write_at_once(tmp_path):
    file = tmp_path / "measured.json"
    threads = [threading.Thread(target=Measurements(file).tiles_pay, args=(2048, torch.float32)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(file.read_text())) == 1


def test_the_faster_is_found_and_the_hopeless_has_one_turn():
    turns = []
    best = fastest({"quick": lambda: None, "slow": lambda: turns.append(sum(range(1_000_000)))})
    assert best["quick"] < best["slow"]
    assert len(turns) == 1


@pytest.mark.skipif(not torch.backends.cpu.get_cpu_capability().startswith("AVX2"), reason="this CPU may have bf16 units")
def test_without_bf16_units_float32_is_chosen_by_itself(measured, tmp_path):
    settings = Settings(data_dir=tmp_path)
    settings.cache.mkdir(parents=True)
    (settings.cache / "measured.json").write_text(measured.read_text())
    assert default_dtype("cpu", settings) == "float32"
    request = resolved(width=64, height=64)
    assert plan_for(request, "cpu", settings, ModelFacts(unet=1, vae=1, text=1)).dtype == "float32"


@pytest.mark.parametrize(("tokens", "keys"), [(LONG, LONG), (MOST * 4 + 100, SCORES // MOST * 2 + 3), (LONG, 77), (64, LONG)])
@pytest.mark.parametrize("apart", [False, True], ids=["each head at a stretch", "heads between each other"])
def test_tiles_are_the_same_attention(tokens, keys, apart):
    torch.manual_seed(0)
    shapes = [(2, n, 3, 8) if apart else (2, 3, n, 8) for n in (tokens, keys, keys)]
    query, key, value = (torch.randn(shape).transpose(1, 2) if apart else torch.randn(shape) for shape in shapes)
    wanted = scaled_dot_product_attention(query, key, value)
    made = tiled_attention(query, key, value)
    assert made.shape == wanted.shape
    assert torch.allclose(made, wanted, atol=1e-5)
    rough = tiled_attention(query.bfloat16(), key.bfloat16(), value.bfloat16()).float()
    assert (rough - wanted).norm() / wanted.norm() < 0.01


def test_short_sequences_are_not_tiled(tmp_path):
    assert Measurements(tmp_path / "m.json").tiles_pay(LONG - 1, torch.bfloat16) is False
    assert not (tmp_path / "m.json").exists()
