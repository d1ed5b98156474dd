"""One model file, and what suits it."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from webui.core.family import ModelDefaults
from webui.core.foreign import FileIdentity, named_path
from webui.core.names import printable
from webui.core.request import FrozenModel

KINDS: dict[str, tuple[str, ...]] = {
    "checkpoint": ("Stable-diffusion", "checkpoints", "Stable-Diffusion", "diffusion_models", "unet", "UNET", "Diffusers", "diffusers"),
    "vae": ("VAE", "vae"),
    "lora": ("Lora", "LyCORIS", "loras"),
    "embedding": ("embeddings", "Embeddings"),
    "vae_approx": ("VAE-approx", "vae_approx"),
    "upscaler": ("ESRGAN", "RealESRGAN", "upscale_models", "SwinIR", "DAT"),
    "face_restorer": ("GFPGAN", "Codeformer", "facerestore_models"),
    "detector": ("adetailer", "ultralytics", "Ultralytics", "yolo"),
    "controlnet": ("ControlNet", "controlnet"),
    "hypernetwork": ("hypernetworks",),
    "text_encoder": ("text_encoder", "text_encoders", "clip", "Text-encoder"),
}
"""Folder names of A1111, Forge, ComfyUI and SD.Next for each kind of file; the first one is ours."""

OWN_VAE = ("", "automatic", "none")
"""A1111's words for "the checkpoint's own VAE": the one that lies beside it, if any, but with "none" always the one inside."""

SUFFIXES = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf"}
"""Suffixes of model files. `.sft` is safetensors in short; `.gguf` is listed and not read."""
DETECTORS = {".onnx", ".pt"}
"""Suffixes of detectors, of which .pt is refused by name."""


VECTORS = ("emb_params", "string_to_param.*")
"""Where A1111's safetensors and A1111's .pt keep an embedding's vectors for the only text encoder."""
VECTORS_OF_ENCODERS = ("clip_l", "clip_g", "clip_h")
"""Where files for several text encoders keep each one's."""


def embedding_width(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How wide the vectors of an embedding file are, 0 where there are none: a lone tensor counts, whatever its name (diffusers' files)."""
    names = [*(name for name in (*VECTORS, *VECTORS_OF_ENCODERS) if name in shapes), *(shapes if len(shapes) == 1 else ())]
    return next((shapes[name][-1] for name in names if 1 <= len(shapes[name]) <= 2 and 0 not in shapes[name]), 0)


class ModelFile(FrozenModel):
    """A file in a models folder, or a folder as diffusers saves it (then `path` is its model_index.json).

    `name` is its path below the kind's folder without suffix, with forward slashes.

    `lacks` are parts ("vae", "text") that a picture needs and that are not in it.
    `error` says why it cannot be used, `note` what of it is left out, or what it is for.
    A name prints, and a LoRA's can stand in a tag, whatever the file's own is. `alias` is what its trainer called it. `vae` is the VAE that
    lies beside a checkpoint and is its own (`name.vae.pt`). `identity` is what the file was when it was listed: keys of whatever is
    remembered of it.
    """

    name: str
    path: Path
    kind: str
    size: int
    identity: FileIdentity = FileIdentity()
    family: str = "unknown"
    variant: str = ""
    prediction: str = "eps"
    native: ModelDefaults = ModelDefaults()
    alias: str = ""
    note: str = ""
    lacks: tuple[str, ...] = ()
    error: str = ""
    vae: "ModelFile | None" = Field(None, exclude=True)

    @property
    def file_name(self) -> str:
        """Name with suffix, as A1111 shows it."""
        folder, slash, _ = self.name.rpartition("/")
        return folder + slash + printable(named_path(self.path).name)

    @property
    def short_name(self) -> str:
        """Name without its folder: the word of an embedding, the name in a LoRA's tag."""
        return self.name.rpartition("/")[2]
