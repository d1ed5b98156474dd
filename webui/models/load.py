"""From files to a `Model`: open, recognise, build the parts, and put each where the plan wants it."""

import re
from pathlib import Path

from torch import nn

from webui.core.foreign import read_foreign, read_whole
from webui.core.job import Plan
from webui.errors import CheckpointError
from webui.library import ModelFile
from webui.library.family import detect
from webui.models import attention
from webui.models.families import family_of
from webui.models.families.stable_diffusion import StableDiffusion
from webui.models.model import Model
from webui.models.offload import Offload
from webui.models.placement import Placement
from webui.models.prediction import diffusion
from webui.models.weights import Progress, Weights, open_weights
from webui.samplers.schedules import discrete_schedule


def open_model(file: ModelFile) -> Weights:
    """A listed file's weights. Raises `CheckpointError` with what the scan found wrong with it, or what is wrong now."""
    if file.error:
        raise CheckpointError(file.error)
    return open_weights(file.path)


def load_model(file: ModelFile, digest: str, vae: ModelFile | None, plan: Plan, progress: Progress) -> Model:
    """Load a checkpoint, with another file's VAE if one is given. `progress` hears (tensors done, of)."""
    weights = open_model(file)
    architecture = detect(weights.header)
    family = family_of(architecture.family, weights.source)
    if architecture.variant not in family.VARIANTS:
        raise CheckpointError(
            f"{weights.source} has {architecture.variant}: coming; this version loads text, inpainting and pix2pix models."
        )
    placement, total = Placement.of(plan), len(weights.tensors)
    texts = family.build_texts(weights, placement, lambda done, _: progress(done, total))
    first = sum(len(list(part.module.parameters())) for part in texts)
    vae_module = build_vae(family, weights if vae is None else open_model(vae), placement, lambda done, _: progress(first + done, total))
    second = first + len(list(vae_module.parameters()))
    unet = family.build_unet(weights, placement, lambda done, _: progress(second + done, total))
    attention.choose(unet, placement.attention, placement.device, placement.dtype)
    offload = Offload(plan)
    for module in (*(part.module for part in texts), vae_module, unet):
        offload.register(module)
    return Model(
        name=file.name,
        hash=digest,
        family=architecture.family,
        variant=architecture.variant,
        prediction=diffusion(
            _prediction(file.path, family.prediction(weights) or architecture.prediction),
            discrete_schedule(family.alphas_cumprod(weights), architecture.family),
        ),
        place=placement,
        unet=unet,
        vae=vae_module,
        texts=texts,
        rules=family,
        native=file.native,
        latent_rgb=family.rgb_of(weights),
        offload=offload,
        latent_space=family.latent_space(weights),
        vae_name=vae.file_name if vae else "",
        scale_factor=family.scale_factor,
    )


def build_vae(family: StableDiffusion, weights: Weights, placement: Placement, progress: Progress) -> nn.Module:
    """The VAE of an open file."""
    return family.build_vae(weights, placement, progress)


MAX_YAML = 2**20
_V_IN_YAML = re.compile(r"""^[^\S\n]*parameterization:[^\S\n]*["']?v["']?[^\S\n]*$""", re.MULTILINE)


def _prediction(path: Path, detected: str) -> str:
    """A1111's convention for files that say nothing: a .yaml of the same name beside them."""
    text = read_foreign(path.with_suffix(".yaml"), lambda beside: read_whole(beside, MAX_YAML).decode(errors="replace"))
    return "v" if isinstance(text, str) and _V_IN_YAML.search(text) else detected
