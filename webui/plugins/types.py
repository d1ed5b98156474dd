"""What extensions register: samplers, schedules, upscalers, panels, tabs and others. Importing this loads neither torch nor Gradio."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from webui.core.detail import Box, DetailStep
from webui.core.request import GenerationRequest, Mode

if TYPE_CHECKING:
    import PIL.Image
    from torch import Tensor

AUTOMATIC = "Automatic"
T = TypeVar("T")
_STANDARD = {"model", "x", "sigmas", "extra_args", "callback", "disable", "noise_sampler"}
Function = Callable[..., Any]


class _Function:
    """The field of an entry that takes a function or its import string and gives the function, loaded when asked for."""

    def __get__(self, entry: Any, owner: type | None = None) -> Function:
        if entry is None:
            raise AttributeError("function")
        target = entry.target
        if callable(target):
            return target  # type: ignore[no-any-return]
        module, _, name = target.partition(":")
        return getattr(import_module(module), name)  # type: ignore[no-any-return]

    def __set__(self, entry: Any, value: str | Function) -> None:
        entry.__dict__["target"] = value


class _Entry:
    """The `target` as given: a function or an import string."""

    target: str | Function


@dataclass(frozen=True, eq=False)
class Sampler(_Entry):
    """A way from noise to picture: `sample_x(model, x, sigmas, extra_args=None, callback=None, disable=None, **options)`.

    `function` is the function or an import string ("package.module:name"). Everything else has a default that suits a k-diffusion sampler.
    """

    name: str
    function: _Function = _Function()
    aliases: tuple[str, ...] = ()
    default_schedule: str = AUTOMATIC
    """What "Automatic" means for it."""
    space: Literal["sigma", "timestep"] = "sigma"
    """"timestep": it runs on DDPM timesteps, whose schedule and start noise follow their own rule."""
    needs_uncond: bool = False
    """After each call the denoiser puts its unconditional prediction into `extra_args["uncond"]`."""
    guidance_factor: float = 1.0
    """What the guidance scale is multiplied with."""
    discard_penultimate: bool = False
    """Always leaves out the last level but one."""
    whole_range: bool = False
    """Goes by itself from the model's highest level to its lowest, whatever the schedule."""
    adaptive: bool = False
    """Chooses its steps itself: the number asked for does not count."""
    stride: int = 1
    """Its schedule is made of every n-th of the model's training levels, counted from the last."""
    own_times: bool = False
    """Lays its timesteps out itself."""
    processes: tuple[Literal["ve", "flow"], ...] = ("ve",)
    """Models it works with: "ve" (diffusion in sigma terms), "flow" (rectified flow, whose noise levels go from 1 to 0)."""
    calls: int = 1
    """How many model calls count as one step in prompt editing."""
    noise: Literal["none", "stream", "second", "brownian"] = "none"
    """Where its noise comes from: nowhere, the picture's own stream, its second stream (Forge's DDPM), or a Brownian path over sigma."""
    option_names: tuple[str, ...] = ()
    """The request's sampler options that reach it, by the request's names."""
    solvers: tuple[str, ...] = ()
    """What `solver_type` may be, where it reaches the function; nothing here means that the function checks it."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """What is always passed to the function, where Forge's pictures take another value than the function's default."""
    default_eta: float | None = None
    """A1111's default eta, where it is not the function's."""
    order: int = 1
    """Order of convergence without noise."""
    source: str = ""
    """The paper."""
    verified: str = ""
    """By what its numbers are checked."""

    @property
    def options(self) -> dict[str, Any]:
        """k-diffusion's keyword options of the function with their defaults (loads the module)."""
        parameters = inspect.signature(self.function).parameters
        return {name: parameter.default for name, parameter in parameters.items() if name not in _STANDARD}


@dataclass(frozen=True)
class Guider:
    """A way to guide, for `register_guiders`. `make(request)` returns a guide for one run, or None for requests that it is not for.

    A guide has `branches(call)`, the predictions to ask the network for, and `combine(call, predicted)`, which makes one of them.
    """

    name: str
    make: Callable[[GenerationRequest], Any]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuidanceMaker:
    """Something done besides guidance, for `register_guidance_parts`. `make(run)` returns a `GuidancePart`, or None.

    `run` is one pass of one batch: its `request`, `model`, `phase` ("sampling" or "hires"), `seeds`, and `note(text)` for the user.
    """

    name: str
    make: Callable[[Any], Any]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Schedule(_Entry):
    """Noise levels for a number of steps: `function(levels, steps, **options)` gives them falling, usually ending in 0.

    `levels` are the model's own (`webui.samplers.schedules.DiscreteSchedule`: low, high, sigmas, sigma(time), time(sigma)).
    """

    name: str
    function: _Function = _Function()
    aliases: tuple[str, ...] = ()
    processes: tuple[Literal["ve", "flow"], ...] = ("ve", "flow")
    """As for samplers: published levels of diffusion models mean nothing to a rectified flow."""
    options: tuple[str, ...] = ()
    source: str = ""
    verified: str = ""


class OnDevice(Protocol):
    """Runs work that uses the device, while no other job does; returns its result."""

    def __call__(self, work: Callable[[], T]) -> T: ...


@dataclass(frozen=True)
class UpscaleRun:
    """What an upscaler is given besides the image.

    `tile` and `overlap` are pixels that a network should see at once (0: the whole image). `on_device(work)` runs work that uses the
    device and returns its result; `progress(done, of)` tells how far it is. Both may raise `JobCancelled`.
    """

    tile: int
    overlap: int
    on_device: OnDevice
    progress: Callable[[int, int], None]


@dataclass(frozen=True)
class Upscaler:
    """A way to enlarge images, for `register_upscalers`. `upscale(image, factor, run)` returns the image after one pass.

    `factor` is how much larger it is to be. A pass may make less or more: it runs up to three times, and the rest goes by Lanczos.
    `scale` is how much larger a pass makes it, where that is always the same.
    """

    name: str
    upscale: "Callable[[PIL.Image.Image, float, UpscaleRun], PIL.Image.Image]"
    aliases: tuple[str, ...] = ()
    scale: float = 0


class NoValues(BaseModel):
    """The model of a step that asks for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Region:
    """A part of a picture that a detector found: its box, how sure it is (0 to 1), what it is, and its shape where that is known.

    `mask` is a picture in mode L of the picture's size, white inside; `eyes` are those of a face, the left one in the picture first.
    """

    box: Box
    confidence: float
    label: str = ""
    mask: "PIL.Image.Image | None" = None
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True, eq=False)
class Detector(_Entry):
    """A finder of regions, for `register_detectors`: `function(image, confidence)` returns `Region`s that it is so sure of or surer.

    `image` is RGB. `function` is the function or an import string.
    """

    name: str
    function: _Function = _Function()
    title: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class FinishRun:
    """What a finisher is given besides the picture and its values.

    `index` is which picture of the job it is (from 0), `seed` its own seed. `enlarge(image, upscaler, factor)` uses an upscaler by its
    name (0: as much as its file makes of it), `mend(face, model, fidelity)` a face restoration network on one upright face;
    `detect(image, detector, confidence)` finds regions;
    `repaint(image, mask, step, number)` paints what is white in the mask again with the step's prompt, strength and sampling, for the
    region of that number (its seed counts up), and leaves every other pixel as it is; `picture(id)` reads a picture;
    `on_device(work)` runs what uses the device, `off_device(work)` long work that does not; `progress(done, of)` tells how far it is;
    `note(text)` tells the user something. All but the last may raise `JobCancelled`.
    """

    request: GenerationRequest
    index: int
    seed: int
    enlarge: "Callable[[PIL.Image.Image, str, float], PIL.Image.Image]"
    mend: "Callable[[PIL.Image.Image, str, float], PIL.Image.Image]"
    detect: "Callable[[PIL.Image.Image, str, float], Sequence[Region]]"
    repaint: "Callable[[PIL.Image.Image, PIL.Image.Image, DetailStep, int], PIL.Image.Image]"
    picture: "Callable[[str], PIL.Image.Image]"
    on_device: OnDevice
    off_device: OnDevice
    progress: Callable[[int, int], None]
    note: Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Finisher(_Entry):
    """A step of the finish chain, for `register_finishers`: `function(image, values, run)` returns the changed picture.

    `image` is RGB or RGBA, `values` an instance of `model`, a frozen pydantic model whose fields are what the step asks for. `function` is
    the function or an import string. In a request it is `{"kind": "extension", "name": name, "values": {…}}`.
    """

    name: str
    function: _Function = _Function()
    model: type[BaseModel] = NoValues
    title: str = ""
    aliases: tuple[str, ...] = ()


class Denoiser(Protocol):
    """A denoiser as samplers call it: `denoiser(x, sigma)` gives the predicted clean latents [batch, channels, height, width]."""

    def __call__(self, x: "Tensor", sigma: "Tensor", **extra: Any) -> "Tensor": ...


class DenoiserWrapper(Protocol):
    """What the `denoiser_wrapper` hook gives: takes the denoiser, gives one that does more."""

    def __call__(self, denoiser: Denoiser) -> Denoiser: ...


ALL_MODES: tuple[Mode, ...] = ("txt2img", "img2img", "inpaint")


@dataclass(frozen=True)
class Panel:
    """A fold in the form, made of `model`: labels, ranges and help from its fields. The values travel in `request.extras[extension]`."""

    title: str
    model: type[BaseModel]
    modes: tuple[Mode, ...] = ALL_MODES

    @property
    def name(self) -> str:
        return self.title

    @property
    def aliases(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Tab:
    """A tab after ours. `build` makes what it shows, a page of its own in a frame, once at the start, and may use Gradio freely."""

    title: str
    build: Callable[[], object]

    @property
    def name(self) -> str:
        return self.title

    @property
    def aliases(self) -> tuple[str, ...]:
        return ()
