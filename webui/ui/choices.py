"""What the drop-downs offer: model files, samplers, schedules, upscalers, as they are now."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from webui.core.family import ModelDefaults
from webui.core.protocol import Capabilities, OptionInfo
from webui.images.upscaling import LATENT_UPSCALERS
from webui.library import Library, ModelFile
from webui.resolve import known_or_usual
from webui.services import Services
from webui.ui.fields import NONE, OWN, SAME

AUTOMATIC = "Automatic"


@dataclass(frozen=True)
class Choices:
    """Names for each drop-down, in the order shown."""

    checkpoints: list[str]
    vaes: list[str]
    text_encoders: list[str]
    refiners: list[str]
    samplers: list[str]
    schedules: list[str]
    upscalers: list[str]
    styles: list[str] = field(default_factory=list)

    @property
    def checkpoint(self) -> str | None:
        return self.checkpoints[0] if self.checkpoints else None

    @property
    def image_upscalers(self) -> list[str]:
        """Those of pictures; the others enlarge latents."""
        return [name for name in self.upscalers if name not in LATENT_UPSCALERS]

    @property
    def by_field(self) -> dict[str, list[str]]:
        """The names by the form's drop-down."""
        return {
            "checkpoint": self.checkpoints,
            "vae": self.vaes,
            "text_encoder": self.text_encoders,
            "refiner_checkpoint": self.refiners,
            "sampler": self.samplers,
            "schedule": self.schedules,
            "hires.upscaler": self.upscalers,
            "hires.sampler": self.hires_samplers,
            "hires.schedule": self.hires_schedules,
            "styles": self.styles,
        }

    @property
    def hires_samplers(self) -> list[str]:
        return [SAME, *self.samplers]

    @property
    def hires_schedules(self) -> list[str]:
        return [SAME, *self.schedules]


def choices(services: Services) -> Choices:
    """Ask the library and the last known capabilities."""
    offered = choices_of(services.library, services.capabilities.current())
    return replace(offered, styles=[style.name for style in services.words.styles.all().styles])


def choices_of(library: Library, known: Capabilities) -> Choices:
    """What a library and an engine offer."""
    return Choices(
        checkpoints=[model.name for model in _usable_first(library)],
        vaes=[OWN, *(model.name for model in library.models("vae"))],
        refiners=[NONE, *(model.name for model in library.models("checkpoint") if not model.error)],
        text_encoders=[OWN, *(model.name for model in library.models("checkpoint") if "text" not in model.lacks and not model.error)],
        samplers=[option.name for option in known.samplers],
        schedules=_schedules(known.schedules),
        upscalers=[*(known.upscalers or LATENT_UPSCALERS), *(file.name for file in library.models("upscaler") if not file.error)],
    )


def native(services: Services, checkpoint: str | None) -> ModelDefaults:
    """What the named checkpoint was made for, as a job would take it; the usual values for one that is not here."""
    models = services.library.models("checkpoint")
    made_for = next((model.native for model in models if model.name == checkpoint), ModelDefaults())
    sampler, schedule = known_or_usual(made_for, services.capabilities.current())
    return made_for.model_copy(update={"sampler": sampler, "schedule": schedule})


_ELEMENTS = {
    "negative_prompt": ("negative_prompt",),
    "clip_skip": ("clip_skip",),
    "tiling": ("tiling",),
    "hires": ("fold-hires",),
    "diffusers": ("profile",),
}
"""The page's elements for what a family may not support."""


def unsupported(services: Services, checkpoint: str | None) -> list[str]:
    """Ids of the form's elements that mean nothing for the named checkpoint: the page greys them out."""
    model = next((model for model in services.library.models("checkpoint") if model.name == checkpoint), None)
    if model is None or model.family not in services.library.families:
        return []
    supports = services.library.families.get(model.family).supports
    return [element for feature, elements in _ELEMENTS.items() if feature not in supports for element in elements]


def _usable_first(library: Library) -> list[ModelFile]:
    """The one that a request without a checkpoint takes comes first; broken files stay in the list, so that choosing one says why."""
    return sorted(library.models("checkpoint"), key=lambda model: (bool(model.error), not library.families.is_whole(model.family)))


def _schedules(options: Iterable[OptionInfo]) -> list[str]:
    names = [option.name for option in options]
    return names if AUTOMATIC in names else [AUTOMATIC, *names]
