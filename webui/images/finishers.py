"""Our own steps of the finish chain, registered through the hook that every extension uses, in web and in engines. No torch."""

from collections.abc import Callable

from webui.core import detail, finish, sd_upscale
from webui.images import finishing
from webui.plugins.hookspecs import hookimpl
from webui.plugins.types import Finisher

BUILTIN_FINISHERS = (
    Finisher("upscale", finishing.upscale, finish.UpscaleStep, "Upscale"),
    Finisher("sd_upscale", "webui.images.sd_upscaling:sd_upscale", sd_upscale.SdUpscaleStep, "SD upscale"),
    Finisher("restore", "webui.images.face_restoring:restore", finish.RestoreStep, "Restore faces"),
    Finisher("detail", "webui.images.detailing:detail", detail.DetailStep, "Detail"),
    Finisher("match_colors", finishing.match_colors, finish.MatchColorsStep, "Match colours"),
    Finisher("sharpen", finishing.sharpen, finish.SharpenStep, "Sharpen"),
    Finisher("grain", finishing.grain, finish.GrainStep, "Film grain"),
    Finisher("format", finishing.fits_format, finish.FormatStep, "Format"),
)


@hookimpl
def register_finishers(register: Callable[[Finisher], None]) -> None:
    """Upscale, SD upscale, restore, detail, match colours, sharpen, film grain, format."""
    for finisher in BUILTIN_FINISHERS:
        register(finisher)
