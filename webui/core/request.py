"""The request: everything that changes a pixel, in one frozen value.

Labels, ranges and help of the page, the CLI's flags, the API's schema and the docs are all read from the fields below.
`None` (or -1 for a seed) means "choose for me"; `jobs.submit` replaces every one of them before the job is stored.
"""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, field_validator, model_validator

from webui.core.canvas import Area as Area
from webui.core.canvas import PromptBlend as PromptBlend
from webui.core.canvas import RegionOptions as RegionOptions
from webui.core.canvas import TileOptions as TileOptions
from webui.core.complaints import request_error_from as request_error_from
from webui.core.finish import MAX_NAME as MAX_NAME
from webui.core.finish import MAX_SEED as MAX_SEED
from webui.core.finish import Steps, check_order, checked_id
from webui.core.frozen import FrozenModel as FrozenModel
from webui.core.guidance import (
    DynamicThresholding,
    FreeUOptions,
    KohyaHrFix,
    LatentModifier,
    PerturbedAttentionGuidance,
    SelfAttentionGuidance,
    TokenMerging,
)
from webui.core.hires import MIN_SIDE as MIN_SIDE
from webui.core.hires import HiresOptions as HiresOptions
from webui.core.hires import side_rule
from webui.core.options import MAX_PROMPT as MAX_PROMPT
from webui.core.options import MAX_SIDE as MAX_SIDE
from webui.core.options import FilledTemplate as FilledTemplate
from webui.core.options import GuidanceOptions as GuidanceOptions
from webui.core.options import OutpaintOptions as OutpaintOptions
from webui.core.options import SizeConditioning as SizeConditioning
from webui.core.options import SoftInpaint as SoftInpaint
from webui.core.templates import is_template
from webui.errors import RequestError

MAX_LEVELS = 2000
MAX_EXTRAS = 200_000
"""Letters of all extensions' values together, as JSON."""
MAX_FILLED = 1_000_000
"""Letters of all pictures' prompts together, where they came from templates."""
MAX_STYLES = 50


class ResizeMode(StrEnum):
    """How a start picture is brought to the size, in the order of A1111's numbers."""

    JUST = "Just resize"
    CROP = "Crop and resize"
    FILL = "Resize and fill"
    LATENT = "Just resize (latent upscale)"


class Fill(StrEnum):
    """What is under the mask at the start, in the order of A1111's numbers."""

    FILL = "fill"
    ORIGINAL = "original"
    LATENT_NOISE = "latent noise"
    LATENT_NOTHING = "latent nothing"


MOST_INPUTS = 100
"""Pictures that one job of Extras takes."""

Mode = Literal["txt2img", "img2img", "inpaint", "extras"]
ProfileName = Literal["a1111", "diffusers"]
Emphasis = Literal["Original", "No norm", "Ignore", "None"]
NoiseSource = Literal["cpu", "gpu", "nv"]
TemplateField = Literal["prompt", "negative_prompt", "hires.prompt", "hires.negative_prompt"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]


def _choice(kind: type[StrEnum]) -> BeforeValidator:
    """Take a name in any case, or A1111's number for it."""
    names = tuple(kind)

    def read(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            return names[value]
        if isinstance(value, str):
            return {name.lower(): name for name in names}.get(
                value.lower(), names[int(value)] if value.isdecimal() and len(value) < 3 and int(value) < len(names) else value
            )
        return value

    return BeforeValidator(read)


class SamplerOptions(FrozenModel):
    """Options of the sampler and the schedule; `None` leaves the sampler's own default."""

    eta: float | None = Field(None, ge=0, le=10, title="Eta", description="Noise added at each step by ancestral samplers and DDIM.")
    churn: float = Field(0.0, ge=0, le=100, title="Sigma churn", description="Stochastic churn of Euler, Heun and DPM2.")
    churn_min: float = Field(0.0, ge=0, title="Sigma tmin", description="Churn only above this noise level.")
    churn_max: float | None = Field(None, ge=0, title="Sigma tmax", description="Churn only below this noise level; empty means no limit.")
    noise_scale: float = Field(1.0, ge=0, le=2, title="Sigma noise", description="Scale of the noise that stochastic samplers add.")
    ensd: int = Field(
        0,
        ge=-MAX_SEED,
        le=MAX_SEED,
        title="Eta noise seed delta",
        description="Added to the seed of the noise that samplers add (31337 is NovelAI's).",
    )
    discard_penultimate: bool = Field(False, title="Discard next-to-last sigma", description="Leave out the last noise level but one.")
    sigma_min: float | None = Field(None, gt=0, title="Sigma min", description="Lowest noise level of the schedule.")
    sigma_max: float | None = Field(None, gt=0, title="Sigma max", description="Highest noise level of the schedule.")
    rho: float | None = Field(None, gt=0, title="Rho", description="Curvature of the Karras and Polyexponential schedules.")
    beta_alpha: float | None = Field(None, gt=0, le=10, title="Beta schedule alpha", description="Shape of the Beta schedule; empty: 0.6.")
    beta_beta: float | None = Field(None, gt=0, le=10, title="Beta schedule beta", description="Shape of the Beta schedule; empty: 0.6.")
    sgm_noise_multiplier: bool = Field(
        False, title="SGM noise multiplier", description="Scale the start noise as Stability's reference code does."
    )
    sigmas: tuple[float, ...] | None = Field(
        None, max_length=MAX_LEVELS, title="Custom sigmas", description="Your own noise levels, falling; replaces the schedule."
    )
    timesteps: tuple[float, ...] | None = Field(
        None, max_length=MAX_LEVELS, title="Custom timesteps", description="Your own timesteps (999 … 0), falling; replaces the schedule."
    )
    solver_type: str | None = Field(
        None, max_length=MAX_NAME, title="Solver type", description="Variant of DPM++ 2M SDE (midpoint, heun) and SEEDS."
    )
    unipc_variant: Literal["bh1", "bh2", "vary_coeff"] = Field("bh1", title="UniPC variant")
    unipc_order: int = Field(3, ge=1, le=9, title="UniPC order")
    unipc_skip: Literal["time_uniform", "time_quadratic", "logSNR"] = Field(
        "time_uniform", title="UniPC skip type", description="How UniPC's steps are spaced."
    )
    unipc_lower_order_final: bool = Field(True, title="UniPC lower order final")
    ddim_discretize: Literal["uniform", "quad"] = Field(
        "uniform", title="DDIM discretize", description="How DDIM's and PLMS's steps are spaced."
    )

    @model_validator(mode="after")
    def _falling(self) -> Self:
        for name, values in (("sigmas", self.sigmas), ("timesteps", self.timesteps)):
            if values is not None and (len(values) < 1 or any(a <= b for a, b in zip(values, values[1:], strict=False)) or values[-1] < 0):
                raise ValueError(f"Custom {name} must fall from the noisiest to the last and not go below 0.")
        return self


class GenerationRequest(FrozenModel):
    """One request for pictures. `{"prompt": "a red apple"}` is a whole one: every field has a default."""

    mode: Mode = Field("txt2img", title="Mode")
    prompt: str = Field("", max_length=MAX_PROMPT, title="Prompt")
    negative_prompt: str = Field("", max_length=MAX_PROMPT, title="Negative prompt")
    styles: tuple[Annotated[str, Field(max_length=MAX_NAME)], ...] = Field(
        (), max_length=MAX_STYLES, title="Styles", description="Names from styles.csv, whose words are put into the prompts."
    )
    dynamic_prompts: bool = Field(
        True, title="Dynamic prompts", description="Each picture's seed chooses what takes the place of {a|b} and of wildcards."
    )
    checkpoint: str | None = Field(
        None,
        max_length=MAX_NAME,
        title="Stable Diffusion checkpoint",
        description="Name, file name or `name [hash]`. Empty: the first one found.",
    )
    where: str = Field(
        "auto",
        max_length=MAX_NAME,
        title="Where",
        description="here, or a backend's name. auto: here, or on another machine of yours that has the checkpoint.",
    )
    where_options: str = Field(
        "", max_length=MAX_EXTRAS, title="Provider's options", description="Further inputs of a provider's model, as a JSON object."
    )
    vae: str | None = Field(
        None, max_length=MAX_NAME, title="SD VAE", description="A VAE file. Empty: the checkpoint's own, beside it or inside; None: inside."
    )
    text_encoder: str | None = Field(
        None,
        max_length=MAX_NAME,
        title="Text encoder",
        description="A checkpoint whose text encoders are taken. Empty: the checkpoint's own.",
    )
    refiner_checkpoint: str | None = Field(
        None, max_length=MAX_NAME, title="Refiner", description="A checkpoint that makes the last steps. Empty: none."
    )
    refiner_switch_at: float = Field(
        0.8, ge=0, le=1, title="Refiner switch at", description="Share of the steps after which the refiner takes over."
    )
    width: int | None = Field(
        None, title="Width", description="Pixels, a multiple of 8. Empty: the checkpoint's native size.", json_schema_extra={"step": 8}
    )
    height: int | None = Field(
        None, title="Height", description="Pixels, a multiple of 8. Empty: the checkpoint's native size.", json_schema_extra={"step": 8}
    )
    steps: int | None = Field(None, ge=1, le=1000, title="Sampling steps", description="Empty: what suits the checkpoint.")
    sampler: str | None = Field(None, max_length=MAX_NAME, title="Sampling method", description="Empty: what suits the checkpoint.")
    schedule: str | None = Field(None, max_length=MAX_NAME, title="Schedule type", description="Automatic or empty: the sampler's own.")
    guidance: float | None = Field(
        None, ge=0, le=100, title="CFG Scale", description="How strictly the picture follows the prompt. Empty: what suits the checkpoint."
    )
    seed: int = Field(-1, ge=-1, le=MAX_SEED, title="Seed", description="-1 is random.")
    variation_seed: int = Field(-1, ge=-1, le=MAX_SEED, title="Variation seed", description="-1 is random.")
    variation_strength: float = Field(0.0, ge=0, le=1, title="Variation strength")
    seed_resize_width: int = Field(0, ge=0, le=MAX_SIDE, title="Resize seed from width", description="0 is off.")
    seed_resize_height: int = Field(0, ge=0, le=MAX_SIDE, title="Resize seed from height", description="0 is off.")
    batch_size: int = Field(1, ge=1, le=64, title="Batch size", description="Pictures made at the same time.")
    batch_count: int = Field(1, ge=1, le=1000, title="Batch count", description="Batches made one after another.")
    clip_skip: int = Field(1, ge=1, le=12, title="Clip skip", description="Use the text encoder's n-th layer from the end.")
    tiling: bool = Field(False, title="Tiling", description="Make a picture whose edges continue on the other side.")
    init: str | None = Field(None, title="Picture", description="Id of the picture to start from.")
    mask: str | None = Field(None, title="Mask", description="Id of the mask: white changes, black stays.")
    inputs: tuple[str, ...] = Field(
        (), max_length=MOST_INPUTS, title="Pictures", description="Of Extras: ids of the pictures that the finish chain is done to."
    )
    strength: float = Field(0.75, ge=0, le=1, title="Denoising strength", description="0 keeps the picture, 1 makes a new one.")
    resize_mode: Annotated[ResizeMode, _choice(ResizeMode)] = Field(ResizeMode.JUST, title="Resize mode")
    init_upscaler: str = Field(
        "None",
        max_length=MAX_NAME,
        title="Upscaler for img2img",
        description="What enlarges a start picture that is too small.",
    )
    mask_blur: int = Field(4, ge=0, le=256, title="Mask blur", description="Pixels over which the mask's edge is softened.")
    mask_round: bool = Field(True, title="Round mask", description="A latent pixel changes wholly or not at all.")
    fill: Annotated[Fill, _choice(Fill)] = Field(Fill.ORIGINAL, title="Masked content")
    only_masked: bool = Field(False, title="Only masked", description="Paint the masked part at full size and put it back.")
    padding: int = Field(32, ge=0, le=256, title="Only masked padding, pixels")
    invert_mask: bool = Field(False, title="Inpaint not masked")
    soft_inpaint: SoftInpaint | None = Field(None, title="Soft inpainting")
    outpaint: OutpaintOptions | None = Field(
        None, title="Outpainting", description="New sides for the picture to start from; the size is then the picture's with them."
    )
    exact_steps: bool = Field(
        False, title="Do exactly the steps", description="With img2img: run all the steps, however low the denoising strength."
    )
    noise_multiplier: float = Field(1.0, ge=0, le=2, title="Noise multiplier for img2img")
    extra_noise: float = Field(0.0, ge=0, le=1, title="Extra noise for img2img and Hires. fix")
    color_correction: bool = Field(False, title="Color correction", description="Give the result the colours of the start picture.")
    mask_weight: float = Field(
        1.0, ge=0, le=1, title="Inpainting conditioning mask strength", description="For checkpoints made for inpainting."
    )
    image_guidance: float = Field(1.5, ge=0, le=10, title="Image CFG Scale", description="For instruct-pix2pix checkpoints.")
    hires: HiresOptions | None = Field(None, title="Hires. fix")
    blend: PromptBlend | None = Field(None, title="Prompt blend")
    regions: RegionOptions | None = Field(None, title="Regional prompts")
    tiles: TileOptions | None = Field(None, title="Tiled diffusion")
    freeu: FreeUOptions | None = Field(None, title="FreeU")
    sag: SelfAttentionGuidance | None = Field(None, title="Self-attention guidance")
    pag: PerturbedAttentionGuidance | None = Field(None, title="Perturbed-attention guidance")
    dynamic_thresholding: DynamicThresholding | None = Field(None, title="Dynamic thresholding")
    latent_modifier: LatentModifier | None = Field(None, title="Latent modifier")
    hrfix: KohyaHrFix | None = Field(None, title="Kohya HRFix")
    token_merging: TokenMerging | None = Field(None, title="Token merging")
    upscale_tile: int = Field(
        192, ge=0, le=MAX_SIDE, title="Tile size for upscalers", description="Pixels that a network sees at once; 0: all."
    )
    upscale_overlap: int = Field(8, ge=0, le=256, title="Tile overlap for upscalers", description="Pixels over which tiles are blended.")
    finish: Steps = Field((), title="Finish", description="What is done to the finished picture, step by step.")
    sampler_options: SamplerOptions = Field(SamplerOptions(), title="Sampler options")
    guidance_options: GuidanceOptions = Field(GuidanceOptions(), title="Guidance options")
    size_conditioning: SizeConditioning = Field(SizeConditioning(), title="SDXL size conditioning")
    emphasis: Emphasis = Field("Original", title="Emphasis mode", description="How (word:1.2) is weighed.")
    comma_backtrack: int = Field(
        20,
        ge=0,
        le=74,
        title="Prompt word wrap length limit",
        description="A chunk that would break after the last comma is wrapped there if it is at most this many tokens back.",
    )
    dtype: Dtype = Field("auto", title="Precision", description="What the numbers of a picture are computed in.")
    noise_source: NoiseSource = Field(
        "cpu", title="Random number generator source", description="cpu and nv give the same noise on every machine."
    )
    profile: ProfileName = Field("a1111", title="Compatibility profile", description="Whose picture the same seed gives.")
    deterministic: bool = Field(False, title="Deterministic", description="Never batched with other jobs: the same pixels, bit for bit.")
    templates: dict[TemplateField, FilledTemplate] = Field(
        default_factory=dict, title="Templates", description="What prompts were made from; filled in when the job is submitted."
    )
    extras: dict[str, dict[str, JsonValue]] = Field(default_factory=dict, title="Extension values")

    _width = field_validator("width")(side_rule("Width"))
    _height = field_validator("height")(side_rule("Height"))

    @field_validator("extras")
    @classmethod
    def _bounded(cls, value: dict[str, dict[str, JsonValue]]) -> dict[str, dict[str, JsonValue]]:
        try:
            letters = len(json.dumps(value))
        except RecursionError:
            raise ValueError("The extensions' values are nested too deeply.") from None
        if letters > MAX_EXTRAS:
            raise ValueError(f"The extensions' values have {letters} letters as JSON. They may have {MAX_EXTRAS}.")
        return value

    @field_validator("templates")
    @classmethod
    def _few_letters(cls, value: dict[TemplateField, FilledTemplate]) -> dict[TemplateField, FilledTemplate]:
        if (letters := sum(len(text) for each in value.values() for text in each.filled)) > MAX_FILLED:
            raise ValueError(f"All pictures' prompts together have {letters} letters. They may have {MAX_FILLED}; make fewer pictures.")
        return value

    _content_hash = field_validator("init", "mask")(checked_id)

    @field_validator("inputs")
    @classmethod
    def _content_hashes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each for each in value if checked_id(each))

    @model_validator(mode="after")
    def _images_in(self) -> Self:
        if self.mode == "extras":
            if not self.inputs:
                raise RequestError("inputs", "Choose a picture first: drop one here, or send one from the gallery.")
            if not self.finish:
                raise RequestError("finish", "Say what is to be done: add a step, such as upscale.")
        elif self.mode != "txt2img" and self.init is None:
            raise RequestError("init", "Choose a picture first: drop one here, or send one from the gallery.")
        out = self.outpaint if self.mode != "txt2img" else None
        if out is not None and not (out.left or out.right or out.top or out.bottom):
            raise RequestError("outpaint", "Say on which side the picture is to go on, and by how many pixels.")
        if self.mode == "inpaint" and self.mask is None and out is None:
            raise RequestError("mask", "Paint over the part to change, then press Generate.")
        if self.tiles is not None and self.tiling:
            raise RequestError("tiles", "Tiled diffusion makes no seamless picture. Switch one of the two off.")
        check_order(self.finish)
        return self

    @property
    def count(self) -> int:
        """How many pictures this request makes."""
        return len(self.inputs) if self.mode == "extras" else self.batch_size * self.batch_count


class ResolvedRequest(GenerationRequest):
    """A request with nothing left to choose: what is stored, run and written into pictures."""

    checkpoint: str = Field(max_length=MAX_NAME, title="Stable Diffusion checkpoint")
    width: int = Field(title="Width")
    height: int = Field(title="Height")
    steps: int = Field(ge=1, le=1000, title="Sampling steps")
    sampler: str = Field(max_length=MAX_NAME, title="Sampling method")
    schedule: str = Field(max_length=MAX_NAME, title="Schedule type")
    guidance: float = Field(ge=0, le=100, title="CFG Scale")
    seed: int = Field(ge=0, le=MAX_SEED, title="Seed")
    variation_seed: int = Field(ge=0, le=MAX_SEED, title="Variation seed")

    @property
    def others(self) -> tuple[str, ...]:
        """The checkpoints that it is made with besides its own: the second pass's and the refiner."""
        second = self.hires.checkpoint if self.hires is not None and self.mode == "txt2img" else None
        return tuple(dict.fromkeys(name for name in (second, self.refiner_checkpoint) if name))

    @model_validator(mode="before")
    @classmethod
    def _from_before_templates(cls, data: Any) -> Any:
        return as_written(data) if isinstance(data, dict) else data


def as_written(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored request; one from before there were templates keeps its prompts as they are."""
    hires = stored.get("hires")
    inner = (hires.get("prompt"), hires.get("negative_prompt")) if isinstance(hires, dict) else ()
    texts = (stored.get("prompt"), stored.get("negative_prompt"), *inner)
    if "dynamic_prompts" in stored or not any(isinstance(text, str) and is_template(text) for text in texts):
        return stored
    return {**stored, "dynamic_prompts": False}


Request = TypeVar("Request", bound=GenerationRequest)


def parse_request(data: dict[str, Any]) -> GenerationRequest:
    """Return a request of plain data. Raises `RequestError` naming the first field that is wrong."""
    return _parse(data, GenerationRequest)


def parse_resolved(data: dict[str, Any]) -> ResolvedRequest:
    """Return a resolved request of plain data. Raises `RequestError` naming the first field that is wrong or missing."""
    return _parse(data, ResolvedRequest)


def _parse(data: dict[str, Any], kind: type[Request]) -> Request:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise request_error_from(error, kind) from None
