"""A handful of pictures as Forge's program makes them, its rules written out once more on diffusers' and transformers' modules alone.

`bench parity` compares with pictures that Forge itself made, which takes its full-size checkpoint; this is the fast part of it. Nothing of
the engine's samplers, schedules, noise or guidance is used here. `brownian.npz` was made with torchsde 0.2.6.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from webui.cli.compare import compare
from webui.prompts import ClipTokenizer

BROWNIAN = np.load(Path(__file__).parent.parent / "data" / "reference" / "brownian.npz")
ALPHAS = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2, 0)
SIGMAS = ((1 - ALPHAS) / ALPHAS).sqrt()
SEED, SCALE, SHAPE = 1, 4.0, (1, 4, 8, 8)
PROMPTS = {"prompt": "a red fox in the snow", "negative_prompt": "blurry"}


def at(times):
    """Noise levels at fractional timesteps, straight in log sigma."""
    return np.exp(np.interp(times, np.arange(1000), SIGMAS.log().numpy())).tolist()


def uniform(steps):
    return [*at(np.linspace(999, 0, steps)), 0.0]


class Forge:
    """The model, its two prompts, and the random numbers of one picture: the image's own generator, and torch's, which Forge seeds too."""

    def __init__(self, seed=0, channels=4):
        self.unet, self.vae, self.text = tiny.parts(seed, channels)
        words = ClipTokenizer(tiny.vocabulary(), [])
        rows = [[words.start, *words.encode(text), words.end] for text in PROMPTS.values()]
        tokens = torch.tensor([row + [words.end] * (77 - len(row)) for row in rows])
        self.conds = self.text(tokens).last_hidden_state
        self.own = torch.Generator().manual_seed(SEED)
        self.torchs = torch.Generator().manual_seed(SEED + 100_000 - 65_536)
        self.mask = self.start = self.concat = None

    def draw(self, shape=SHAPE):
        return torch.randn(shape[1:], generator=self.own)[None]

    def eps(self, x, sigma):
        time = (SIGMAS.log() - math.log(sigma)).abs().argmin()
        given = x / math.sqrt(sigma**2 + 1)
        given = (given if self.concat is None else torch.cat([given, self.concat], 1)).repeat(2, 1, 1, 1)
        cond, uncond = self.unet(given, time, encoder_hidden_states=self.conds).sample
        return (uncond + SCALE * (cond - uncond))[None]

    def denoise(self, x, sigma):
        if self.mask is not None:
            noisy = self.start + sigma * torch.randn(SHAPE, generator=self.torchs)
            x = x * self.mask + noisy * (1 - self.mask)
        clean = x - sigma * self.eps(x, sigma)
        return clean if self.mask is None else clean * self.mask + self.start * (1 - self.mask)

    def pixels(self, picture):
        return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None] * 2 - 1

    def encode(self, picture):
        pixels = picture if torch.is_tensor(picture) else self.pixels(picture)
        return self.vae.encode(pixels).latent_dist.mean * 0.18215

    def picture(self, latents):
        pixels = (self.vae.decode(latents / 0.18215).sample[0] / 2 + 0.5).clamp(0, 1)
        return (pixels.permute(1, 2, 0).numpy() * 255).astype(np.uint8)


@pytest.fixture
def forge():
    with torch.no_grad():
        yield Forge()


def euler_a(forge, x, sigmas):
    for sigma, after in zip(sigmas, sigmas[1:], strict=False):
        clean = forge.denoise(x, sigma)
        up = min(after, math.sqrt(after**2 * (sigma**2 - after**2) / sigma**2))
        x = x + (x - clean) / sigma * (math.sqrt(after**2 - up**2) - sigma)
        if after > 0:
            x = x + forge.draw(x.shape) * up
    return x


def same(engine, forge, latents, **fields):
    made = engine.make(seed=SEED, guidance=SCALE, **PROMPTS, **fields)[0]
    with torch.no_grad():
        return compare(made, forge.picture(latents)).psnr >= 60


def test_euler_a(engine, forge):
    sigmas = uniform(6)
    assert same(engine, forge, euler_a(forge, forge.draw() * sigmas[0], sigmas), sampler="Euler a", steps=6)


def test_euler_with_churn_in_a_range(engine, forge):
    sigmas = uniform(6)
    x = forge.draw() * sigmas[0]
    for sigma, after in zip(sigmas, sigmas[1:], strict=False):
        noise = forge.draw() * 1.02
        hat = sigma * (1 + min(3 / 6, 2**0.5 - 1)) if 0.3 <= sigma <= 5 else sigma
        x = x + noise * math.sqrt(hat**2 - sigma**2)
        x = x + (x - forge.denoise(x, hat)) / hat * (after - hat)
    options = {"churn": 3, "churn_min": 0.3, "churn_max": 5, "noise_scale": 1.02}
    assert same(engine, forge, x, sampler="Euler", steps=6, sampler_options=options)


def test_dpmpp_2m_sde_on_torchsdes_path(engine, forge):
    sigmas = [*BROWNIAN["sigmas"].tolist(), 0.0]
    x, last = forge.draw() * sigmas[0], None
    for sigma, after, noise in zip(sigmas, sigmas[1:], [*torch.from_numpy(BROWNIAN["noise"]), None], strict=False):
        clean = forge.denoise(x, sigma)
        if after == 0:
            x = clean
            break
        h = math.log(sigma / after)
        gain = 1 - math.exp(-2 * h)
        x = after / sigma * math.exp(-h) * x + gain * clean
        if last is not None:
            x = x + 0.5 * gain * h / last[1] * (clean - last[0])
        x = x + noise * after * math.sqrt(1 - math.exp(-2 * h))
        last = clean, h
    assert same(engine, forge, x, sampler="DPM++ 2M SDE", steps=5)


def test_ipndm_ends_with_a_step_like_any_other(engine, forge):
    sigmas = uniform(6)
    x, slopes = forge.draw() * sigmas[0], []
    adams = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]]
    for sigma, after in zip(sigmas, sigmas[1:], strict=False):
        slopes = [(x - forge.denoise(x, sigma)) / sigma, *slopes][:4]
        x = x + (after - sigma) * sum(weight * slope for weight, slope in zip(adams[len(slopes) - 1], slopes, strict=True))
    assert same(engine, forge, x, sampler="IPNDM", steps=6)


def test_lcm(engine, forge):
    sigmas = [*np.exp(np.interp(np.linspace(49, 0, 4), np.arange(50), SIGMAS[19::20].log().numpy())).tolist(), 0.0]
    x = forge.draw() * sigmas[0]
    for sigma, after in zip(sigmas, sigmas[1:], strict=False):
        x = forge.denoise(x, sigma)
        if after > 0:
            x = x + after * forge.draw()
    assert same(engine, forge, x, sampler="LCM", steps=4)


def test_img2img_by_ddim_with_extra_noise(engine, forge, start):
    times, strength = list(range(1, 1000, 125)), 4
    latents, noise = forge.encode(start), forge.draw() * 0.9
    high = ALPHAS[times[strength]].item()
    x = latents * math.sqrt(high) + noise * math.sqrt(1 - high) + noise * 0.1 * math.sqrt(high)
    run = times[:strength]
    for before, time in reversed(list(zip(run, run[1:], strict=False))):
        alpha, after = ALPHAS[time].item(), ALPHAS[before].item()
        eps = forge.eps(x / math.sqrt(alpha), math.sqrt((1 - alpha) / alpha))
        x = math.sqrt(after) * (x - math.sqrt(1 - alpha) * eps) / math.sqrt(alpha) + math.sqrt(1 - after) * eps
    fields = {"mode": "img2img", "init": engine.keep(start), "strength": 0.5, "noise_multiplier": 0.9, "extra_noise": 0.1}
    assert same(engine, forge, x, sampler="DDIM", steps=8, **fields)


def test_img2img_by_ddpm(engine, forge, start):
    sigmas = uniform(8)[-6:]
    x = forge.encode(start) + forge.draw() * sigmas[0]
    for sigma, after in zip(sigmas, sigmas[1:], strict=False):
        now, then = 1 / (sigma**2 + 1), 1 / (after**2 + 1)
        alpha, eps = now / then, (x - forge.denoise(x, sigma)) / sigma
        x = (x * math.sqrt(now) - (1 - alpha) * eps / math.sqrt(1 - now)) / math.sqrt(alpha)
        if after > 0:
            x = x + math.sqrt((1 - alpha) * (1 - then) / (1 - now)) * torch.randn(SHAPE, generator=forge.torchs)
            x = x / math.sqrt(then)
    assert same(engine, forge, x, mode="img2img", init=engine.keep(start), strength=0.5, sampler="DDPM", steps=8)


def test_inpainting_by_euler_a(engine, forge, start, mask):
    sigmas = uniform(8)[-7:]
    forge.start, forge.mask = forge.encode(start), torch.zeros(SHAPE)
    forge.mask[:, :, 2:6, 2:6] = 1
    x = euler_a(forge, forge.start + forge.draw() * sigmas[0], sigmas)
    x = x * forge.mask + forge.start * (1 - forge.mask)
    painted = forge.picture(x)
    fields = {"mode": "inpaint", "init": engine.keep(start), "mask": engine.keep(mask), "mask_blur": 0, "strength": 0.7}
    made = engine.make(seed=SEED, guidance=SCALE, sampler="Euler a", steps=8, **PROMPTS, **fields)[0]
    assert compare(made[16:48, 16:48], painted[16:48, 16:48]).psnr >= 60
    assert np.array_equal(made[:16], np.asarray(start)[:16])


@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_an_inpainting_checkpoint_sees_mask_and_surroundings(engine, start, mask, weight):
    with torch.no_grad():
        forge, pixels, white = Forge(seed=1, channels=9), Forge().pixels(start), torch.zeros(1, 1, 64, 64)
        white[:, :, 16:48, 16:48] = 1
        seen = torch.lerp(pixels, pixels * (1 - white), weight)
        forge.concat = torch.cat([white[:, :, ::8, ::8], forge.encode(seen)], 1)
        forge.start, forge.mask = forge.encode(start), white[:, :, ::8, ::8].repeat(1, 4, 1, 1)
        sigmas = uniform(8)[-7:]
        x = euler_a(forge, forge.start + forge.draw() * sigmas[0], sigmas)
        painted = forge.picture(x * forge.mask + forge.start * (1 - forge.mask))
    fields = {
        "mode": "inpaint",
        "init": engine.keep(start),
        "mask": engine.keep(mask),
        "mask_blur": 0,
        "strength": 0.7,
        "mask_weight": weight,
    }
    made = engine.make(checkpoint="inpainting", seed=SEED, guidance=SCALE, sampler="Euler a", steps=8, **PROMPTS, **fields)[0]
    assert compare(made[16:48, 16:48], painted[16:48, 16:48]).psnr >= 60


@pytest.mark.parametrize("image_scale", [1.5, 1.0])
def test_instructions_have_a_scale_for_the_picture(engine, start, image_scale):
    with torch.no_grad():
        forge = Forge(seed=2, channels=8)
        picture = forge.vae.encode(forge.pixels(start)).latent_dist.mean
        cond, uncond = forge.conds[:1], forge.conds[1:]

        def denoise(x, sigma):
            def one(words, seen):
                given = torch.cat([x / math.sqrt(sigma**2 + 1), seen], 1)
                return x - sigma * forge.unet(given, time, encoder_hidden_states=words).sample

            time = (SIGMAS.log() - math.log(sigma)).abs().argmin()
            both, seen = one(cond, picture), one(uncond, picture)
            neither = one(uncond, torch.zeros_like(picture) if image_scale != 1 else picture)
            return neither + SCALE * (both - seen) + image_scale * (seen - neither)

        forge.denoise = denoise
        sigmas = uniform(8)[-7:]
        x = euler_a(forge, forge.encode(start) + forge.draw() * sigmas[0], sigmas)
    fields = {"mode": "img2img", "init": engine.keep(start), "strength": 0.7, "image_guidance": image_scale}
    assert same(engine, forge, x, checkpoint="edit", sampler="Euler a", steps=8, **fields)


def test_a_second_pass_of_its_own_steps(engine, forge):
    sigmas = uniform(5)
    x = euler_a(forge, forge.draw() * sigmas[0], sigmas)
    x = torch.nn.functional.interpolate(x, size=(12, 12), mode="bilinear")
    sigmas = uniform(int(3 / 0.6))[-4:]
    forge.own = torch.Generator().manual_seed(SEED)
    x = euler_a(forge, x + forge.draw(x.shape) * sigmas[0], sigmas)
    assert same(engine, forge, x, sampler="Euler a", steps=5, hires={"scale": 1.5, "steps": 3, "strength": 0.6})
