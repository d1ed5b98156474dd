"""What a half-made picture looks like: a fixed linear map of the latents, TAESD's small decoder where its file lies, or the whole VAE."""

import io
from typing import Literal

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from webui.core.family import LatentRgb
from webui.errors import CheckpointError
from webui.library import Library
from webui.models.copies import Wanted, copied
from webui.models.model import Model
from webui.models.weights import Weights, open_weights

Method = Literal["linear", "taesd", "full"]
LONGEST = 512
"""Frames are not sent larger than this."""


class PreviewDecoders:
    """Makes frames. TAESD's decoder, if there is one in models/VAE-approx, is read when it is first asked for."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._tiny: dict[str, nn.Module] = {}

    def frame(self, model: Model, latents: Tensor, method: Method = "linear") -> Image.Image:
        """The picture that scaled latents [4, h, w] stand for."""
        with torch.no_grad():
            if method == "full":
                pixels = model.decode(latents[None].float())[0]
            elif method == "taesd" and (tiny := self._taesd(model)) is not None:
                pixels = tiny(latents[None].to(model.device, torch.float32))[0].add(1).div(2)
            else:
                pixels = linear(latents, latent_rgb(model))
        array = pixels.float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
        return Image.fromarray(array)

    def jpeg(self, model: Model, latents: Tensor, method: Method = "linear") -> tuple[int, int, bytes]:
        """(width, height, bytes) of a frame for the page, at the picture's size or `LONGEST`."""
        height, width = (side * model.downscale for side in latents.shape[-2:])
        shrink = min(1.0, LONGEST / max(height, width))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        buffer = io.BytesIO()
        self.frame(model, latents, method).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=80)
        return *size, buffer.getvalue()

    def _taesd(self, model: Model) -> nn.Module | None:
        space, latent = model.latent_space, model.spec.latent
        if not latent.taesd or space != latent.space:
            return None
        if space not in self._tiny:
            file = next((file for file in self._library.models("vae_approx") if file.name.lower().endswith(latent.taesd)), None)
            if file is None:
                return None
            self._tiny[space] = build_taesd(open_weights(file.path), model.device)
        return self._tiny[space]


def build_taesd(weights: Weights, device: torch.device) -> nn.Module:
    """The decoder of TAESD (github.com/madebyollin/taesd): its layers are numbered from 1 (0 is a clamp without weights)."""
    from diffusers.models.autoencoders.vae import DecoderTiny

    decoder: nn.Module = DecoderTiny(4, 3, (3, 3, 3, 1), (64,) * 4, upsampling_scaling_factor=2, act_fn="relu", upsample_fn="nearest")
    try:
        state = {f"layers.{int(name.split('.')[0]) - 1}.{name.split('.', 1)[1]}": tensor for name, tensor in weights.tensors.items()}
        decoder.load_state_dict(dict(copied(state, Wanted(torch.float32, device))), assign=True)
    except (ValueError, IndexError, RuntimeError):
        raise CheckpointError(f"{weights.source} is not TAESD's decoder. Download it again, or choose another preview method.") from None
    return decoder.eval().requires_grad_(False)


def linear(latents: Tensor, table: LatentRgb) -> Tensor:
    """Colours 0…1 [3, h, w] by a linear map of the channels: four rows and a bias, in −1…1."""
    rows = torch.tensor(table, dtype=torch.float32, device=latents.device)
    colours = torch.einsum("chw,cr->rhw", latents.float(), rows[:-1]) + rows[-1][:, None, None]
    return colours.add(1).div(2).clamp(0, 1)


def latent_rgb(model: Model) -> LatentRgb:
    """The model's own map; fitted once for a model that brings a VAE and no map."""
    if model.latent_rgb is None:
        model.latent_rgb = fit_latent_rgb(model)
    return model.latent_rgb


def fit_latent_rgb(model: Model, size: int = 16, count: int = 4) -> LatentRgb:
    """Least squares of decoded colours on latents, over patches of smooth noise."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(count, model.latent_channels, 4, 4, generator=generator)
    latents = interpolate(coarse, size=(size, size), mode="bicubic")
    colours = avg_pool2d(model.decode(latents).cpu(), model.downscale).mul(2).sub(1)
    inputs = latents.permute(0, 2, 3, 1).reshape(-1, model.latent_channels)
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
    solution = torch.linalg.lstsq(inputs, colours.permute(0, 2, 3, 1).reshape(-1, 3)).solution
    return tuple((float(row[0]), float(row[1]), float(row[2])) for row in solution)
