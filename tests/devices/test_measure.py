import json
import threading

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from webui.core.request import GenerationRequest
from webui.devices.attention import TILE, tiled_attention
from webui.devices.measure import Measurements, fastest
from webui.devices.plan import ModelFacts, default_dtype, plan_for
from webui.settings import Settings


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_measured_once_and_kept(tmp_path):
    file = tmp_path / "cache" / "measured.json"
    first = Measurements(file).bfloat16_pays()
    (machine,) = json.loads(file.read_text())
    assert torch.__version__ in machine
    content = json.loads(file.read_text())
    content[machine]["layers"] = {"float32": 2.0, "bfloat16": 1.0} if not first else {"float32": 1.0, "bfloat16": 1.0}
    file.write_text(json.dumps(content))
    assert Measurements(file).bfloat16_pays() is not first


def test_bfloat16_must_be_clearly_faster(tmp_path):
    file = tmp_path / "measured.json"
    Measurements(file).bfloat16_pays()
    (machine,) = json.loads(file.read_text())
    for bfloat16, pays in ((0.9, False), (0.5, True)):
        file.write_text(json.dumps({machine: {"layers": {"float32": 1.0, "bfloat16": bfloat16}}}))
        assert Measurements(file).bfloat16_pays() is pays
        assert default_dtype("cpu", Settings(data_dir=tmp_path / "x", dtype="bfloat16")) == "bfloat16"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": {"layers": 3}}'])
def test_a_broken_file_is_measured_again(tmp_path, content):
    file = tmp_path / "measured.json"
    file.write_text(content)
    Measurements(file).bfloat16_pays()
    assert any("layers" in value for value in json.loads(file.read_text()).values() if isinstance(value, dict))


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    assert Measurements(blocker / "measured.json").bfloat16_pays() in (True, False)
    assert Measurements(None).bfloat16_pays() in (True, False)


def test_two_processes_may_write_at_once(tmp_path):
    file = tmp_path / "measured.json"
    threads = [threading.Thread(target=Measurements(file).bfloat16_pays) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(file.read_text())) == 1


def test_the_faster_is_found():
    best = fastest({"quick": lambda: None, "slow": lambda: sum(range(100_000))})
    assert best["quick"] < best["slow"]


@pytest.mark.skipif(not torch.backends.cpu.get_cpu_capability().startswith("AVX2"), reason="this CPU may have bf16 units")
def test_without_bf16_units_float32_is_chosen_by_itself(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert default_dtype("cpu", settings) == "float32"
    request = GenerationRequest(width=64, height=64)
    assert plan_for(request, "cpu", settings, ModelFacts(unet=1, vae=1, text=1)).dtype == "float32"


@pytest.mark.parametrize(("tokens", "keys"), [(TILE * 4, TILE * 4), (TILE * 4 + 100, TILE * 4), (64, 77)])
def test_tiles_are_the_same_attention(tokens, keys):
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 2, tokens, 40), torch.randn(2, 2, keys, 40), torch.randn(2, 2, keys, 40)
    wanted = scaled_dot_product_attention(query, key, value)
    assert torch.allclose(tiled_attention(query, key, value), wanted, atol=1e-5)
    rough = tiled_attention(query.bfloat16(), key.bfloat16(), value.bfloat16()).float()
    assert (rough - wanted).norm() / wanted.norm() < 0.01


def test_short_sequences_are_not_tiled(tmp_path):
    assert Measurements(tmp_path / "m.json").tiles_pay(1024, torch.bfloat16) is False
    assert not (tmp_path / "m.json").exists()
