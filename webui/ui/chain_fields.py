"""The steps of the finish chain as the page's editor shows them: what each asks for, by its model."""

from collections.abc import Sequence

from webui.core.finish import ExtensionStep
from webui.plugins.types import Finisher
from webui.ui.bodies import StepField, StepKind
from webui.ui.fields import FieldView, field_view

_LISTS = {
    ("upscale", "upscaler"): "upscaler",
    ("upscale", "second"): "upscaler",
    ("sd_upscale", "upscaler"): "upscaler",
    ("sd_upscale", "sampler"): "sampler",
    ("sd_upscale", "schedule"): "schedule",
    ("sd_upscale", "checkpoint"): "checkpoint",
    ("restore", "model"): "face_restorer",
    ("restore", "detector"): "detector",
    ("detail", "detector"): "detector",
    ("detail", "sampler"): "sampler",
    ("detail", "schedule"): "schedule",
    ("detail", "checkpoint"): "checkpoint",
}
"""Fields whose choices are the names that there are now."""
_PICTURES = {("match_colors", "image"): "picture", ("detail", "regions"): "regions"}


def step_kinds(finishers: Sequence[Finisher]) -> list[StepKind]:
    """Every kind of step, ours first."""
    return [_kind(finisher) for finisher in finishers]


def _kind(finisher: Finisher) -> StepKind:
    own = "kind" in finisher.model.model_fields
    names = [name for name in finisher.model.model_fields if name != "kind"]
    return StepKind(
        kind=finisher.name if own else str(ExtensionStep.model_fields["kind"].default),
        name="" if own else finisher.name,
        title=finisher.title or finisher.name,
        fields=[_field(finisher.name, field_view(name, finisher.model)) for name in names],
    )


def _field(step: str, view: FieldView) -> StepField:
    return StepField(
        name=view.name,
        label=view.label,
        info=view.info,
        kind=_PICTURES.get((step, view.name)) or ("number" if view.kind == "slider" else view.kind),
        value=view.value,
        choices=list(view.choices),
        low=view.low,
        high=view.high,
        step=view.step,
        names=_LISTS.get((step, view.name), ""),
    )
