"""What A1111's clients send: its fields, in its order, with its types and defaults. Unknown ones are passed over, as there, and named."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from webui.core.names import printable

_MOST_NAMED = 20


class Body(BaseModel):
    """Base of all bodies: frozen, no NaN. What it does not know is kept, so that it can be named."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    @property
    def known(self) -> dict[str, Any]:
        """Its fields as plain data, without those that it does not know."""
        return self.model_dump(include=set(type(self).model_fields))

    @property
    def passed_over(self) -> list[str]:
        """A note on each field that it does not know, the first of them."""
        names = [printable(name)[:100] for name in list(self.model_extra or ())[:_MOST_NAMED]]
        return [f"There is no field named {name!r}; it changed nothing." for name in names]


class Common(Body):
    """The fields of both routes that stand first."""

    prompt: str | None = ""
    negative_prompt: str | None = ""
    styles: list[str] | None = None
    seed: int | None = -1
    subseed: int | None = -1
    subseed_strength: float | None = 0
    seed_resize_from_h: int | None = -1
    seed_resize_from_w: int | None = -1
    sampler_name: str | None = None
    scheduler: str | None = None
    batch_size: int | None = 1
    n_iter: int | None = 1
    steps: int | None = 50
    cfg_scale: float | None = 7.0
    distilled_cfg_scale: float | None = 3.5
    width: int | None = 512
    height: int | None = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool | None = False
    do_not_save_grid: bool | None = False
    eta: float | None = None
    denoising_strength: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool | None = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool | None = False
    firstpass_image: str | None = None
    comments: dict[str, Any] | None = None

    @property
    def generates_from_picture(self) -> bool:
        """Whether this is img2img."""
        return isinstance(self, Img2Img)


class Txt2Img(Common):
    """The body of POST /sdapi/v1/txt2img."""

    enable_hr: bool | None = False
    firstphase_width: int | None = 0
    firstphase_height: int | None = 0
    hr_scale: float | None = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int | None = 0
    hr_resize_x: int | None = 0
    hr_resize_y: int | None = 0
    hr_checkpoint_name: str | None = None
    hr_additional_modules: list[Any] | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str | None = ""
    hr_negative_prompt: str | None = ""
    hr_cfg: float | None = 1.0
    hr_distilled_cfg: float | None = 3.5
    force_task_id: str | None = Field(None, max_length=1000)
    sampler_index: str = "Euler"
    script_name: str | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = {}
    infotext: str | None = None


class Img2Img(Common):
    """The body of POST /sdapi/v1/img2img. Pictures are base64, or a `data:` address."""

    denoising_strength: float = 0.75
    init_images: list[Any] | None = None
    resize_mode: int | None = 0
    image_cfg_scale: float | None = None
    mask: str | None = None
    mask_blur_x: int | None = 4
    mask_blur_y: int | None = 4
    mask_blur: int | None = None
    mask_round: bool | None = True
    inpainting_fill: int | None = 0
    inpaint_full_res: bool | None = True
    inpaint_full_res_padding: int | None = 0
    inpainting_mask_invert: int | None = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    force_task_id: str | None = Field(None, max_length=1000)
    hr_distilled_cfg: float | None = 3.5
    sampler_index: str = "Euler"
    include_init_images: bool = False
    script_name: str | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = {}
    infotext: str | None = None


Generation = Txt2Img | Img2Img


class Extras(Body):
    """What both routes of the Extras tab take."""

    resize_mode: Literal[0, 1] = 0
    show_extras_results: bool = True
    gfpgan_visibility: float = Field(0, ge=0, le=1)
    codeformer_visibility: float = Field(0, ge=0, le=1)
    codeformer_weight: float = Field(0, ge=0, le=1)
    upscaling_resize: float = Field(2, gt=0)
    upscaling_resize_w: int = Field(512, ge=1)
    upscaling_resize_h: int = Field(512, ge=1)
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = Field(0, ge=0, le=1)
    upscale_first: bool = False


class ExtrasSingle(Extras):
    """The body of POST /sdapi/v1/extra-single-image."""

    image: str = ""


class NamedPicture(Body):
    """One picture of a list."""

    data: str
    name: str


class ExtrasBatch(Extras):
    """The body of POST /sdapi/v1/extra-batch-images."""

    imageList: list[NamedPicture] = Field(max_length=100)


class PngInfo(Body):
    """The body of POST /sdapi/v1/png-info."""

    image: str


class Interrogate(Body):
    """The body of POST /sdapi/v1/interrogate."""

    image: str = ""
    model: str = "clip"


class ProgressWish(Body):
    """The body of POST /internal/progress."""

    id_task: str = ""
    id_live_preview: int = -1
    live_preview: bool = True


class Detect(Body):
    """The body of POST /controlnet/detect."""

    controlnet_module: str = "none"
    controlnet_input_images: list[str] = []
    controlnet_processor_res: int = 512
    controlnet_threshold_a: float = 64
    controlnet_threshold_b: float = 64
