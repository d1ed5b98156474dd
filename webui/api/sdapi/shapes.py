"""What A1111's routes answer, for the OpenAPI document: the routes make it as plain values. A test holds their answers against it."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Nothing else is answered."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Generated(Shape):
    """Pictures as base64; `info` is a JSON text."""

    images: list[str]
    parameters: dict[str, Any]
    info: str


class ExtrasSingleAnswer(Shape):
    """One picture, larger or smaller."""

    html_info: str
    image: str


class ExtrasBatchAnswer(Shape):
    """Several of them."""

    html_info: str
    images: list[str]


class PngInfoAnswer(Shape):
    """What a picture says of itself."""

    info: str
    items: dict[str, Any]
    parameters: dict[str, Any]


class ProgressAnswer(Shape):
    """How far the caller's job is."""

    progress: float
    eta_relative: float
    state: dict[str, Any]
    current_image: str | None
    textinfo: str | None


class SamplerItem(Shape):
    """A sampler."""

    name: str
    aliases: list[str]
    options: dict[str, Any]


class SchedulerItem(Shape):
    """A schedule."""

    name: str
    label: str
    aliases: list[str] | None
    default_rho: float | None
    need_inner_model: bool | None


class UpscalerItem(Shape):
    """What makes pictures larger."""

    name: str
    model_name: str | None
    model_path: str | None
    model_url: str | None
    scale: float | None


class NameItem(Shape):
    """What makes latents larger."""

    name: str


class CheckpointItem(Shape):
    """A checkpoint."""

    title: str
    model_name: str
    hash: str | None
    sha256: str | None
    filename: str
    config: str | None


class ModuleItem(Shape):
    """A VAE file."""

    model_name: str
    filename: str


class HypernetworkItem(Shape):
    """A hypernetwork."""

    name: str
    path: str | None


class FaceRestorerItem(Shape):
    """A network for faces."""

    name: str
    cmd_dir: str | None


class RealesrganItem(Shape):
    """There are none."""

    name: str
    path: str | None
    scale: int | None


class PromptStyleItem(Shape):
    """A row of `styles.csv`."""

    name: str
    prompt: str | None
    negative_prompt: str | None


class EmbeddingItem(Shape):
    """A textual inversion."""

    step: int | None
    sd_checkpoint: str | None
    sd_checkpoint_name: str | None
    shape: int
    vectors: int


class EmbeddingsAnswer(Shape):
    """Textual inversions by name."""

    loaded: dict[str, EmbeddingItem]
    skipped: dict[str, EmbeddingItem]


class MemoryAnswer(Shape):
    """Main memory and the GPU's."""

    ram: dict[str, Any]
    cuda: dict[str, Any]


class ScriptNames(Shape):
    """Scripts of both routes."""

    txt2img: list[str]
    img2img: list[str]


class ScriptArgument(Shape):
    """One argument of a script."""

    label: str | None
    value: Any
    minimum: Any
    maximum: Any
    step: Any
    choices: list[Any] | None


class ScriptItem(Shape):
    """A script with its arguments."""

    name: str | None
    is_alwayson: bool | None
    is_img2img: bool | None
    args: list[ScriptArgument]


class ExtensionItem(Shape):
    """An extension."""

    name: str
    remote: str
    branch: str
    commit_hash: str
    version: str
    commit_date: int
    enabled: bool


class CreatedAnswer(Shape):
    """What was made."""

    info: str


_V1 = "/sdapi/v1"
ANSWERED: dict[str, Any] = {
    f"POST {_V1}/txt2img": Generated,
    f"POST {_V1}/img2img": Generated,
    f"POST {_V1}/extra-single-image": ExtrasSingleAnswer,
    f"POST {_V1}/extra-batch-images": ExtrasBatchAnswer,
    f"POST {_V1}/png-info": PngInfoAnswer,
    f"GET {_V1}/progress": ProgressAnswer,
    f"GET {_V1}/samplers": list[SamplerItem],
    f"GET {_V1}/schedulers": list[SchedulerItem],
    f"GET {_V1}/upscalers": list[UpscalerItem],
    f"GET {_V1}/latent-upscale-modes": list[NameItem],
    f"GET {_V1}/sd-models": list[CheckpointItem],
    f"GET {_V1}/sd-vae": list[ModuleItem],
    f"GET {_V1}/sd-modules": list[ModuleItem],
    f"GET {_V1}/hypernetworks": list[HypernetworkItem],
    f"GET {_V1}/face-restorers": list[FaceRestorerItem],
    f"GET {_V1}/realesrgan-models": list[RealesrganItem],
    f"GET {_V1}/prompt-styles": list[PromptStyleItem],
    f"GET {_V1}/embeddings": EmbeddingsAnswer,
    f"GET {_V1}/memory": MemoryAnswer,
    f"GET {_V1}/scripts": ScriptNames,
    f"GET {_V1}/script-info": list[ScriptItem],
    f"GET {_V1}/extensions": list[ExtensionItem],
    f"POST {_V1}/create/embedding": CreatedAnswer,
}
"""By route: what it answers. Options and flags are objects of what an install has."""
