"""Every hook an extension can implement: when it is called, in which process, with what, and what an error does.

A hook's process is `web` (the page and the API; no torch there), or `engine` (the process that holds the models), or `both`.
The loader reads with `ast` which hooks a file implements and imports the file only where they are called.
An exception in any hook is caught by the hook caller: the extension is named with its traceback in the Extensions tab and switched off,
and the app goes on. `RequestError` and `JobCancelled` pass through, for they are meant for the user.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy

from webui.core.family import FamilySpec
from webui.core.request import GenerationRequest

if TYPE_CHECKING:
    import PIL.Image

    from webui.plugins.adapters import LoraLoader
    from webui.plugins.backends import BackendSpec
    from webui.plugins.types import DenoiserWrapper, Detector, Finisher, GuidanceMaker, Guider, Panel, Sampler, Schedule, Tab, Upscaler

NAMESPACE = "darkroom"
API_VERSION = "1.4"
Where = Literal["web", "engine", "both"]

_spec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)
"""Marks a function of an extension as the implementation of the hook of the same name."""

F = TypeVar("F", bound=Callable[..., Any])


def called_in(where: Where) -> Callable[[F], F]:
    """Note on a hookspec in which process it is called."""

    def mark(function: F) -> F:
        function.where = where  # type: ignore[attr-defined]
        return _spec(function)

    return mark


@called_in("engine")
def register_samplers(register: "Callable[[Sampler], None]") -> None:
    """Add samplers (k-diffusion's signature). Called once when an engine starts, built-ins first.

    :param register: takes one `Sampler`; a name or alias that is taken raises `ExtensionError` naming both owners.
    """


@called_in("engine")
def register_schedules(register: "Callable[[Schedule], None]") -> None:
    """Add noise schedules. Called once when an engine starts, built-ins first.

    :param register: takes one `Schedule`; a taken name raises `ExtensionError`.
    """


@called_in("engine")
def register_lora_loaders(register: "Callable[[LoraLoader], None]") -> None:
    """Add readers of LoRA file formats. Called once when an engine starts, built-ins first.

    A loader turns a file into named weight changes: differences, or functions of the weight that is there and the strength (since API 1.1).
    Applying them and taking them off again, bit for bit, is core's.
    For each `<lora:name:weight>` the first loader whose `matches(keys)` is true reads the file. The bundled one takes every file in which
    it knows a part; switch "LoRA formats" off to read such files in another way.

    :param register: takes one `LoraLoader`; a taken name raises `ExtensionError`.
    """


@called_in("both")
def register_families(register: Callable[[FamilySpec], None]) -> None:
    """Add families of models. Called once when a process starts, built-ins first: in web for lists and checks, in an engine to load.

    Web has no torch: give the loader as a function that imports it inside, or as an import string. Files are compared with extensions'
    families before the built-in ones.

    :param register: takes one `FamilySpec`; a taken name raises `ExtensionError` naming both owners.
    """


@called_in("engine")
def register_guiders(register: "Callable[[Guider], None]") -> None:
    """Add ways to guide: which predictions one step asks the network for, and how they become one. Called once when an engine starts.

    For each pass the first guider whose `make(request)` returns a guide takes the place of classifier-free guidance. Its branches still
    go through the network together, and together with other jobs'.

    :param register: takes one `Guider`; a taken name raises `ExtensionError`.
    """


@called_in("engine")
def register_guidance_parts(register: "Callable[[GuidanceMaker], None]") -> None:
    """Add what is done besides guidance: changes inside the network, another formula, further calls (since API 1.4).

    Called once when an engine starts, built-ins first: FreeU, SAG, PAG, thresholding, latent modifiers, HRFix and token merging come in
    by it. For each pass of each batch every `make(run)` is asked for a `GuidancePart`; those that give one take their turns in order. Its
    `patches(call)` change the network for its own calls alone: other jobs' calls, which may go through the same network, stay as they
    are, bit for bit. A part ends where a refiner takes over.

    :param register: takes one `GuidanceMaker`; a taken name raises `ExtensionError`.
    """


@called_in("engine")
def register_upscalers(register: "Callable[[Upscaler], None]") -> None:
    """Add upscalers, for the second pass and wherever an image is enlarged (since API 1.2). Called once when an engine starts.

    Files in the upscalers' folders need none: whatever spandrel knows is found by its file's name.

    :param register: takes one `Upscaler`; a taken name raises `ExtensionError`.
    """


@called_in("both")
def register_finishers(register: "Callable[[Finisher], None]") -> None:
    """Add steps of the finish chain: what is done to finished pictures, and to existing ones in Extras (since API 1.3).

    Called once when a process starts, built-ins first: in web for the page and for checks, in an engine to carry them out. Web has no
    torch: import it inside the function. A step that raises is left out, the picture says so, and the extension is switched off.

    :param register: takes one `Finisher`; a taken name raises `ExtensionError` naming both owners.
    """


@called_in("both")
def register_detectors(register: "Callable[[Detector], None]") -> None:
    """Add finders of regions, for the step `detail` and `POST /api/v1/regions` (since API 1.3). Called once when a process starts.

    They run in web, which shows what would be found, and in an engine. Web has no torch: import heavy packages inside the function.
    One that raises finds nothing: the picture says so, and the extension is switched off.

    :param register: takes one `Detector`; a taken name raises `ExtensionError` naming both owners.
    """


@called_in("web")
def register_backends(register: "Callable[[BackendSpec], None]") -> None:
    """Add places that make pictures instead of this machine: providers, other programs' servers (since API 1.3). Called once at start.

    A backend of kind "cloud" is one place, off until the owner switches it on. One of kind "box" is a kind of server: the setting `boxes`
    and `--where` name machines by it, as `name://host:port`.

    :param register: takes one `BackendSpec`; a taken name raises `ExtensionError`.
    """


@called_in("web")
def register_panels(register: "Callable[[Panel], None]") -> None:
    """Add panels: folds inside the form whose typed values travel in `request.extras[extension]`. Called once when the page is built.

    :param register: takes one `Panel` (title, a frozen pydantic model of its values, the modes it shows in).
    """


@called_in("web")
def register_tabs(register: "Callable[[Tab], None]") -> None:
    """Add tabs to the page. Called once when the page is built.

    `Tab.build` makes a page of its own, which is shown in the tab, and may use Gradio freely.

    :param register: takes one `Tab` (title, build function).
    """


@called_in("engine")
def denoiser_wrapper(request: GenerationRequest) -> "DenoiserWrapper | None":
    """Wrap the denoiser for this request, e.g. to change guidance.

    Called once per batch, after conditioning, before sampling. The first registered extension ends outermost.

    :param request: the whole request; your panel's values are in `request.extras[your id]`.
    :return: a `DenoiserWrapper`, or None to leave it alone. Raise `RequestError` to refuse the request.
    """


@called_in("engine")
def process_image(image: "PIL.Image.Image", request: GenerationRequest, index: int) -> "PIL.Image.Image | None":
    """Change a finished picture before it is saved. Called once per picture, extensions in the order they were registered.

    If it raises, the picture is saved without the change and carries a note that names the extension.

    :param image: RGB, at its final size.
    :param request: the whole request; the picture's seed is `request.seed + index` (as A1111 counts).
    :param index: which picture of the job, from 0.
    :return: the picture to save, or None to leave it as it is.
    """
