"""Noise is the same everywhere it should be: by seed, by place in the batch, as CUDA draws it."""

import json
from pathlib import Path

import pytest
import torch

from webui.errors import RequestError
from webui.samplers.noise import BrownianNoise, ImageNoise, generator, slerp

PHILOX = json.loads((Path(__file__).parent.parent / "data" / "reference" / "philox.json").read_text())["cases"]
SHAPE = (4, 8, 8)


@pytest.mark.parametrize("case", PHILOX, ids=[str(case["seed"]) for case in PHILOX])
def test_nv_noise_is_cudas(case):
    stream = generator("nv", case["seed"])
    for draw in [case[key] for key in case if key != "seed"]:
        got = stream.normal(draw["shape"])
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.flatten()[: len(draw["values"])], torch.tensor(draw["values"]), rtol=0, atol=1e-5)


def test_cpu_noise_is_torchs():
    stream = generator("cpu", 42)
    expected = torch.Generator().manual_seed(42)
    for shape in ((4, 8, 8), (2, 3)):
        assert torch.equal(stream.normal(shape), torch.randn(shape, generator=expected))


def test_unknown_source_is_refused():
    with pytest.raises(RequestError, match="cpu, gpu and nv"):
        generator("dice", 1)


@pytest.mark.parametrize("source", ["cpu", "nv"])
def test_a_picture_has_its_noise_at_any_place_in_a_batch(source):
    batch, alone = ImageNoise([1, 2, 3], SHAPE, source), ImageNoise([2], SHAPE, source)
    for _ in range(3):
        assert torch.equal(batch.next()[1], alone.next()[0])


def test_the_start_noise_is_the_seeds_first_draw_and_ensd_only_changes_later_ones():
    plain, shifted = ImageNoise([5], SHAPE), ImageNoise([5], SHAPE, ensd=31337)
    first = plain.next()
    assert torch.equal(first[0], generator("cpu", 5).normal(SHAPE)) and torch.equal(first, shifted.next())
    assert torch.equal(shifted.next()[0], generator("cpu", 5 + 31337).normal(SHAPE))


def test_variation_goes_from_one_seed_to_the_other():
    def vary(strength):
        return ImageNoise([1], SHAPE, variation_seeds=[2], variation_strength=strength).next()[0]

    one, two = generator("cpu", 1).normal(SHAPE), generator("cpu", 2).normal(SHAPE)
    assert torch.equal(vary(0.0), one)
    torch.testing.assert_close(vary(1.0), two, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(vary(0.3), slerp(0.3, one, two))


def test_seed_resize_keeps_the_middle():
    small = generator("cpu", 1).normal((4, 8, 8))
    large = ImageNoise([1], (4, 12, 10), resize_from=(8, 8)).next()[0]
    assert torch.equal(large[:, 2:10, 1:9], small)
    cut = ImageNoise([1], (4, 4, 4), resize_from=(8, 8)).next()[0]
    assert torch.equal(cut, small[:, 2:6, 2:6])


def test_brownian_noise_is_unit_by_picture_and_refines():
    x = torch.zeros(2, 4, 32, 32)
    noise = BrownianNoise(x, 0.03, 14.6, [7, 8])
    whole, first, second = (noise(torch.tensor(a), torch.tensor(b)) for a, b in ((10.0, 2.0), (10.0, 5.0), (5.0, 2.0)))
    assert abs(float(whole.std()) - 1) < 0.05
    torch.testing.assert_close(whole * 8**0.5, first * 5**0.5 + second * 3**0.5, atol=1e-4, rtol=1e-4)
    alone = BrownianNoise(x[:1], 0.03, 14.6, [8])
    assert torch.equal(alone(torch.tensor(10.0), torch.tensor(5.0))[0], first[1])


TREE = {
    (14.614642, 7.9): [0.604838, -4.094279, 3.545009, -0.399303],
    (7.9, 3.0): [1.74583, 0.371956, -0.240054, -0.410968],
    (3.0, 0.0291675): [-4.096021, -1.479832, -1.174348, 0.238922],
    (14.614642, 0.5): [-1.954422, -3.931883, 2.135926, -0.184613],
    (1.0, 0.9): [-0.091982, -0.316051, -0.264158, 0.248761],
}
"""Increments of torchsde 0.2.6's BrownianTree with entropy 42 between 0.0291675 and 14.614642, shape [1, 2, 2]."""


def test_brownian_noise_is_torchsdes_in_any_order_of_asking():
    noise = BrownianNoise(torch.zeros(1, 1, 2, 2), 0.0291675, 14.614642, [42])
    for (sigma, sigma_next), increment in [*TREE.items(), *reversed(TREE.items())]:
        wanted = torch.tensor(increment) / (sigma - sigma_next) ** 0.5
        torch.testing.assert_close(noise(sigma_next, sigma).flatten(), wanted, rtol=1e-4, atol=1e-5)


def test_brownian_noise_on_the_way_down_is_minus_the_way_up():
    """k-diffusion's sign, without which every picture of an SDE sampler is another one (10 dB to Forge's)."""
    noise = BrownianNoise(torch.zeros(1, 1, 2, 2), 0.0291675, 14.614642, [42])
    wanted = torch.tensor(TREE[14.614642, 7.9]) / (14.614642 - 7.9) ** 0.5
    torch.testing.assert_close(noise(torch.tensor(14.614642), torch.tensor(7.9)).flatten(), -wanted, rtol=1e-4, atol=1e-5)


def test_brownian_noise_follows_the_noise_source():
    cpu, nv = (BrownianNoise(torch.zeros(1, 4, 8, 8), 0.03, 14.6, [42], source) for source in ("cpu", "nv"))
    assert not torch.allclose(cpu(10.0, 5.0), nv(10.0, 5.0))
    assert abs(float(nv(10.0, 5.0).std()) - 1) < 0.2


def test_levels_outside_the_path_count_as_its_ends():
    noise = BrownianNoise(torch.zeros(1, 4, 8, 8), 0.03, 14.6, [42])
    assert bool(noise(20.0, 14.0).isfinite().all()) and float(noise(20.0, 15.0).abs().max()) == 0


def test_noise_takes_the_pictures_type():
    noise = BrownianNoise(torch.zeros(1, 4, 8, 8, dtype=torch.float16), 0.03, 14.6, [42])
    assert noise(10.0, 5.0).dtype == torch.float16
