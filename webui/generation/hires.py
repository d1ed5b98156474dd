"""The second pass ("Hires. fix"): how large, by which upscaler, with which prompts and steps."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import interpolate

from webui.core.request import HiresOptions, ResolvedRequest
from webui.images.upscaling import LATENT_UPSCALERS


@dataclass(frozen=True)
class Target:
    """The size to scale to, and how much of it is cut off again (half on each side), in pixels."""

    width: int
    height: int
    cut_x: int = 0
    cut_y: int = 0


def target_size(width: int, height: int, hires: HiresOptions) -> Target:
    """A1111's rule: by the scale; or to one side given, keeping the shape; or covering the size given, the rest cut off."""
    if hires.width == 0 and hires.height == 0:
        return Target(int(width * hires.scale), int(height * hires.scale))
    if hires.height == 0:
        return Target(hires.width, hires.width * height // width)
    if hires.width == 0:
        return Target(hires.height * width // height, hires.height)
    if width / height < hires.width / hires.height:
        covered = Target(hires.width, hires.width * height // width)
    else:
        covered = Target(hires.height * width // height, hires.height)
    return Target(covered.width, covered.height, covered.width - hires.width, covered.height - hires.height)


def latent_upscaler(name: str) -> str | None:
    """Return the display name of a latent upscaler; None for one of images."""
    return {each.lower(): each for each in LATENT_UPSCALERS}.get(name.strip().lower())


def upscale_latents(latents: Tensor, target: Target, name: str, downscale: int = 8) -> Tensor:
    """Enlarge latents by one of the latent upscalers."""
    mode, antialias = LATENT_UPSCALERS[name]
    size = target.height // downscale, target.width // downscale
    return interpolate(latents, size=size, mode=mode, antialias=antialias) if antialias else interpolate(latents, size=size, mode=mode)


def cut(latents: Tensor, target: Target, downscale: int = 8) -> Tensor:
    """Cut off what stands over the size that was asked for."""
    x, y = target.cut_x // downscale, target.cut_y // downscale
    return latents[:, :, y // 2 : latents.shape[2] - (y + 1) // 2, x // 2 : latents.shape[3] - (x + 1) // 2]


def second_request(request: ResolvedRequest, hires: HiresOptions) -> ResolvedRequest:
    """The request as the second pass sees it: its own steps, sampler, schedule, guidance, prompts and strength where given."""
    return request.model_copy(
        update={
            "steps": hires.steps or request.steps,
            "sampler": hires.sampler or request.sampler,
            "schedule": hires.schedule or request.schedule,
            "guidance": request.guidance if hires.guidance is None else hires.guidance,
            "prompt": hires.prompt or request.prompt,
            "negative_prompt": hires.negative_prompt or request.negative_prompt,
            "strength": hires.strength,
            "exact_steps": True,
        }
    )
