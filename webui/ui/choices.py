"""What the drop-downs offer: model files, samplers, schedules, upscalers, as they are now."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from webui.core.backend import AUTO, HERE, BackendModel
from webui.core.family import ModelDefaults
from webui.core.fields import find, walk
from webui.core.protocol import Capabilities, OptionInfo
from webui.core.request import GenerationRequest
from webui.errors import WebUIError
from webui.images.upscaling import LATENT_UPSCALERS
from webui.library import Library, ModelFile
from webui.plugins.backends import BackendSpec
from webui.resolve import known_or_usual
from webui.services import Services
from webui.ui.bodies import OwnDefaults
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
    places: tuple[str, ...] = (AUTO, HERE)
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
            "where": list(self.places),
            "checkpoint": self.checkpoints,
            "vae": self.vaes,
            "text_encoder": self.text_encoders,
            "refiner_checkpoint": self.refiners,
            "sampler": self.samplers,
            "schedule": self.schedules,
            "hires.upscaler": self.upscalers,
            "hires.checkpoint": self.hires_checkpoints,
            "init_upscaler": self.image_upscalers,
            "hires.sampler": self.hires_samplers,
            "hires.schedule": self.hires_schedules,
            "styles": self.styles,
        }

    @property
    def hires_checkpoints(self) -> list[str]:
        return [SAME, *self.refiners[1:]]

    @property
    def hires_samplers(self) -> list[str]:
        return [SAME, *self.samplers]

    @property
    def hires_schedules(self) -> list[str]:
        return [SAME, *self.schedules]


def choices(services: Services, where: str = "") -> Choices:
    """Ask the library and the last known capabilities; for a backend its models are the checkpoints."""
    offered = choices_of(services.library, services.capabilities.current())
    usable = services.backends.usable()
    there = usable.get(where)
    if there is not None:
        names = [model.name for model in services.backends.models(there)]
        offered = replace(offered, checkpoints=names or [name for name in (there.example,) if name])
    styles = [style.name for style in services.words.styles.all().styles]
    return replace(offered, places=(AUTO, HERE, *usable), styles=styles)


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


_NAMED = ("negative_prompt", "width", "steps", "guidance", "sampler", "schedule", "seed", "strength", "clip_skip", "hires", "finish")
"""Fields that are named where a backend's model does not use them; the others are only greyed out."""
_FOLDS = {
    "hires": "fold-hires",
    "soft_inpaint": "fold-soft",
    "outpaint": "fold-outpaint",
    "regions": "fold-regions",
    "tiles": "fold-tiles",
    "freeu": "fold-parts",
    "blend": "fold-blend",
    "sampler_options": "fold-sampler",
    "guidance_options": "fold-guidance",
    "size_conditioning": "fold-sizes",
}


def own_defaults(services: Services, checkpoint: str, where: str) -> OwnDefaults | None:
    """What a model was made for, there where it is, and what it has no use for; None for a name that is not there."""
    usable = services.backends.usable()
    if where in usable:
        return _elsewhere(services, usable[where], checkpoint)
    if checkpoint and checkpoint not in choices(services).checkpoints:
        return None
    name = checkpoint or choices(services).checkpoint
    return OwnDefaults(**native(services, name).model_dump(), unsupported=unsupported(services, name))


def _elsewhere(services: Services, spec: BackendSpec, checkpoint: str) -> OwnDefaults:
    """The same for a backend's model; what is wrong with it is said in `place`."""
    usual, told = native(services, None), services.backends.told(spec)
    accepted = services.backends.is_accepted(spec)
    try:
        services.backends.check_key(spec)
        model = services.backends.model(spec, checkpoint or spec.example)
    except WebUIError as error:
        return OwnDefaults(**usual.model_dump(), unsupported=[], place=f"{told} {error}", accepted=accepted)
    own = {name: getattr(model, name) for name in ("width", "height", "steps", "guidance")}
    own |= {name: getattr(model, name) or getattr(usual, name) for name in ("sampler", "schedule")}
    gone, labels = _unused(services, model)
    price = f" About ${model.price:.3f} a picture." if model.price is not None else ""
    why = f" {model.name} does not use {', '.join(labels)} or what else is greyed out." if labels else ""
    return OwnDefaults(**own, unsupported=gone, place=f"{told}{price}{why}", accepted=accepted)


def _unused(services: Services, model: BackendModel) -> tuple[list[str], list[str]]:
    """Ids of the form's elements, and the labels of fields, that a backend's model does not use."""
    top = [name for name in GenerationRequest.model_fields if not model.uses(name) and name not in ("init", "mask", "extras")]
    ids = [spec.path.replace(".", "-") for spec in walk(GenerationRequest) if spec.path.partition(".")[0] in top]
    ids += [_FOLDS[name] for name in top if name in _FOLDS]
    ids += [f"fold-ext-{services.contributions.panels.owner(panel.name)}" for panel in services.contributions.panels]
    labels = [field.title for name in top if name in _NAMED and (field := find(GenerationRequest, [name])) is not None]
    return ids, labels


def _usable_first(library: Library) -> list[ModelFile]:
    """The one that a request without a checkpoint takes comes first; broken files stay in the list, so that choosing one says why."""
    return sorted(library.models("checkpoint"), key=lambda model: (bool(model.error), library.families.rank(model.family, model.variant)))


def _schedules(options: Iterable[OptionInfo]) -> list[str]:
    names = [option.name for option in options]
    return names if AUTOMATIC in names else [AUTOMATIC, *names]
