"""How much memory a request will take, from the file's header and the sizes alone."""

from webui.core.family import MemoryEstimate, ModelFacts, SizeRequest
from webui.core.finish import details_of
from webui.core.request import ResolvedRequest

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_PER_LATENT = 40
"""Values alive at the UNet's peak, per latent pixel and base channel: 18 measured for SD 1.5 at 512², up to 50 for a narrow one."""
_PER_PIXEL = 12
"""The same for the VAE's decoder, per pixel and base channel: 10 to 12 measured, for both, 128² to 512², float32."""
_SCRATCH = 0.06
"""Part of the UNet's weights that kernels take once more, in another order."""
_EIGHT_BITS = 1.02
"""Bytes of a weight in eight bits, with its row's scale and the small weights that stay as they are."""
_PER_SEEN = 384 * 384 * 2300
"""Bytes that MiDaS adds to its weights while it looks at a square, more at a longer picture: 2,000 to 2,200 a pixel measured."""
_FIXED = 64 * 2**20


TILE_PIXELS = 512 * 512
"""Pixels that a plan with `vae_tiles` decodes at once."""


def estimate(facts: ModelFacts, width: int, height: int, batch: int, dtype: str, *, split: bool = False) -> MemoryEstimate:
    """Return the bytes that one batch of this size takes.

    The UNet sees every image twice (with and without the prompt); the VAE decodes one at a time. What sees depth rests as its file has it,
    and computes before both with a copy in 32 bits. With `split` the UNet sees one row at a
    time and the VAE a tile. A family with an estimate of its own is asked for that.
    """
    if facts.memory is not None:
        return facts.memory(SizeRequest(facts, width, height, batch, dtype))
    size = BYTES[dtype]
    vae_size = 4 if dtype == "float16" else size
    seen = min(width * height, facts.most_pixels or width * height)
    latents = seen // facts.downscale**2
    rows = 1 if split else 2 * batch
    decoded = min(width * height, TILE_PIXELS) if split else width * height
    unet = _PER_LATENT * facts.unet_channels * latents * rows * size + int(_SCRATCH * facts.unet * size)
    vae = _PER_PIXEL * facts.vae_channels * decoded * vae_size
    pixels = width * height * 3 * 4 * 4 * batch
    part = max(facts.unet * size, facts.vae * vae_size, facts.text * size)
    weights = (facts.unet + facts.text) * size + facts.vae * vae_size + facts.depth * (2 if facts.in_half else 4)
    depth = facts.depth * 4 + _PER_SEEN * max(width, height) // min(width, height) if facts.depth else 0
    return MemoryEstimate(weights=weights, part=part, block=part // 8, work=max(unet, vae, depth) + pixels + _FIXED)


def stored(facts: ModelFacts, weights: str, dtype: str) -> ModelFacts:
    """The same with weights counted in numbers of `dtype` that take as much memory as they do as they are kept."""
    if weights == "full" or facts.memory is not None:
        return facts
    if weights == "half":
        share = 2 / BYTES[dtype]
        return facts.model_copy(update={"unet": int(facts.unet * share), "text": int(facts.text * share)})
    return facts.model_copy(update={"unet": int(facts.unet * _EIGHT_BITS / BYTES[dtype])})


def in_tiles(facts: ModelFacts, request: ResolvedRequest) -> ModelFacts:
    """The same for a request whose denoiser sees tiles."""
    tiles = request.tiles
    return facts if tiles is None else facts.model_copy(update={"most_pixels": tiles.width * tiles.height})


def largest_size(request: ResolvedRequest) -> tuple[int, int]:
    """Width and height of the largest pass."""
    width, height = request.width or 512, request.height or 512
    for step in details_of(request.finish):
        width, height = max(width, step.width), max(height, step.height)
    if request.hires is None:
        return width, height
    scaled = round(width * request.hires.scale), round(height * request.hires.scale)
    return max(width, request.hires.width or scaled[0]), max(height, request.hires.height or scaled[1])
