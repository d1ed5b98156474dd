"""How much memory a request will take, from the file's header and the sizes alone."""

from collections.abc import Mapping

from webui.core.request import FrozenModel, GenerationRequest

Shapes = Mapping[str, tuple[int, ...]]
"""Tensor names with shapes, as a file's header has them."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_UNET, _VAE, _TEXT = "model.diffusion_model.", "first_stage_model.", ("cond_stage_model.", "conditioner.")
"""Prefixes of the parts; text encoders lie in the first of theirs in SD 1.x and 2.x, in the second in SDXL."""
_PER_LATENT = 40
"""Values alive at the UNet's peak, per latent pixel and base channel: 18 measured for SD 1.5 at 512², up to 50 for a narrow one."""
_PER_PIXEL = 12
"""The same for the VAE's decoder, per pixel and base channel: 10 to 12 measured, for both, 128² to 512², float32."""
_SCRATCH = 0.06
"""Part of the UNet's weights that kernels take once more, in another order."""
_FIXED = 64 * 2**20


class ModelFacts(FrozenModel):
    """What the estimate needs to know of a checkpoint: numbers of parameters, and the channels of the first level."""

    unet: int = 859_520_964
    vae: int = 83_653_863
    text: int = 123_060_480
    unet_channels: int = 320
    vae_channels: int = 128

    @classmethod
    def of(cls, shapes: Shapes) -> "ModelFacts":
        """Counted from a file's tensors by name; what they do not tell is taken as SD 1.5's."""
        counts = {"unet": _count(shapes, _UNET), "vae": _count(shapes, _VAE), "text": _count(shapes, _TEXT)}
        first = {"unet_channels": _UNET + "input_blocks.0.0.weight", "vae_channels": _VAE + "encoder.conv_in.weight"}
        channels = {name: shapes[key][0] for name, key in first.items() if shapes.get(key)}
        return cls(**{name: value for name, value in (counts | channels).items() if value})

    @property
    def parameters(self) -> int:
        """Of all three parts."""
        return self.unet + self.vae + self.text


class MemoryEstimate(FrozenModel):
    """Bytes: all weights, the largest part's weights, the largest block's, and what the computing adds."""

    weights: int
    part: int
    block: int
    work: int

    @property
    def total(self) -> int:
        return self.weights + self.work


def estimate(facts: ModelFacts, width: int, height: int, batch: int, dtype: str) -> MemoryEstimate:
    """For one batch of this size. The UNet sees every picture twice (with and without the prompt); the VAE decodes one at a time."""
    size = BYTES[dtype]
    vae_size = 4 if dtype == "float16" else size
    unet = _PER_LATENT * facts.unet_channels * (width // 8) * (height // 8) * 2 * batch * size + int(_SCRATCH * facts.unet * size)
    vae = _PER_PIXEL * facts.vae_channels * width * height * vae_size
    pixels = width * height * 3 * 4 * 4 * batch
    part = max(facts.unet * size, facts.vae * vae_size, facts.text * size)
    weights = (facts.unet + facts.text) * size + facts.vae * vae_size
    return MemoryEstimate(weights=weights, part=part, block=part // 8, work=max(unet, vae) + pixels + _FIXED)


def largest_size(request: GenerationRequest) -> tuple[int, int]:
    """Width and height of the largest pass."""
    width, height = request.width or 512, request.height or 512
    if request.hires is None:
        return width, height
    scaled = round(width * request.hires.scale), round(height * request.hires.scale)
    return max(width, request.hires.width or scaled[0]), max(height, request.hires.height or scaled[1])


def _count(shapes: Shapes, prefix: str | tuple[str, ...]) -> int:
    total = 0
    for name, shape in shapes.items():
        if name.startswith(prefix):
            count = 1
            for side in shape:
                count *= side
            total += count
    return total
