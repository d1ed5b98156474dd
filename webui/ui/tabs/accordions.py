"""The form's folds: everything a request can say beyond the fields that are always in view."""

from collections.abc import Callable

from webui.core.fields import specs
from webui.core.request import GenerationRequest
from webui.ui.choices import AUTOMATIC
from webui.ui.form import Form

IMAGE = "only-img2img only-inpaint"
PARTS = {
    "freeu": "Strengthen what comes from the network's depths",
    "sag": "Go away from a blurred prediction",
    "pag": "Go away from a perturbed prediction",
    "dynamic_thresholding": "Keep the spread of a lower CFG scale",
    "latent_modifier": "Change the prediction within guidance",
    "hrfix": "Begin on a smaller canvas inside the network",
    "token_merging": "Let like tokens ask as one",
}
"""What can be done besides guidance, with the words of its switch."""


def write(form: Form) -> None:
    """Put the folds in, most used first."""
    parts: tuple[tuple[str, str, str, Callable[[Form], None]], ...] = (
        ("words", "Styles and wildcards", "", _words),
        ("hires", "Hires. fix", "only-txt2img", _hires),
        ("finish", "Finish", "", Form.chain),
        ("outpaint", "Outpainting", IMAGE, _outpaint),
        ("regions", "Regional prompts", "", _regions),
        ("tiles", "Tiled diffusion", "", _tiles),
        ("parts", "Guidance", "", _parts),
        ("blend", "Prompt blend", "", _blend),
        ("soft", "Soft inpainting", "only-inpaint", _soft),
        ("picture", "Picture options", IMAGE, _image),
        ("advanced", "Advanced", "", _advanced),
        ("sampler", "Sampler options", "", _sampler),
        ("guidance", "Guidance options", "", _guidance),
        ("sizes", "SDXL size conditioning", "", _sizes),
        ("compatibility", "Compatibility", "", _compatibility),
    )
    for name, title, classes, fill in parts:
        with form.fold(name, title, classes):
            fill(form)


def _rows(form: Form, *pairs: tuple[str, ...], empty: str | None = None) -> None:
    """`empty`: what an empty box means."""
    more = {"placeholder": empty} if empty else {}
    for names in pairs:
        with form.row():
            for name in names:
                form.add(name, **more)


def _words(form: Form) -> None:
    form.add("styles", multiple=True, value=[])
    form.add("dynamic_prompts")
    form.host("words")


def _hires(form: Form) -> None:
    form.switch("hires", "Make a second, larger pass")
    form.add("hires.upscaler")
    form.add("hires.scale")
    form.add("hires.steps")
    form.add("hires.strength")
    _rows(form, ("hires.width", "hires.height"), ("upscale_tile", "upscale_overlap"))
    form.add("hires.checkpoint", info=None)
    with form.row():
        form.add("hires.sampler", info=None)
        form.add("hires.schedule", info=None)
    form.add("hires.guidance", info=None, placeholder="The same")
    form.add("hires.prompt", lines=2, info=None, placeholder="The same")
    form.add("hires.negative_prompt", lines=2, info=None, placeholder="The same")


def _outpaint(form: Form) -> None:
    form.switch("outpaint", "Let the picture go on at its sides")
    part = "outpaint."
    _rows(form, (part + "left", part + "right"), (part + "top", part + "bottom"))
    for name in ("fill", "overlap"):
        form.add(part + name)


def _regions(form: Form) -> None:
    form.switch("regions", "Give parts of the picture prompts of their own")
    form.add("regions.areas", lines=3, placeholder="0 0 0.5 1: a red fox\n0.5 0 0.5 1: a grey wolf")
    form.add("regions.method")
    form.add("regions.base")


def _tiles(form: Form) -> None:
    form.switch("tiles", "Let the network see tiles of a large picture")
    form.add("tiles.method")
    _rows(form, ("tiles.width", "tiles.height"))
    form.add("tiles.overlap")


def _parts(form: Form) -> None:
    for part, switch in PARTS.items():
        with form.group(f"part-{part}", specs(GenerationRequest)[part].title, "guidance-part"):
            form.switch(part, switch)
            model = specs(GenerationRequest)[part].model
            for name in specs(model) if model is not None else ():
                form.add(f"{part}.{name}")


def _blend(form: Form) -> None:
    form.switch("blend", "Go from the prompt to a second one")
    form.add("blend.prompt", lines=2)
    form.add("blend.share")


def _soft(form: Form) -> None:
    form.switch("soft_inpaint", "Blend by the mask's greys")
    for name in ("schedule_bias", "preservation", "contrast", "mask_influence", "difference_threshold", "difference_contrast"):
        form.add(f"soft_inpaint.{name}")


def _image(form: Form) -> None:
    form.add("init_upscaler")
    for name in ("exact_steps", "color_correction", "noise_multiplier", "extra_noise", "image_guidance"):
        form.add(name)
    with form.column("only-inpaint"):
        form.add("mask_round")
        form.add("mask_weight")


def _advanced(form: Form) -> None:
    form.add("where_options", lines=2, placeholder='{"name": "value"}')
    form.add("vae", info=None)
    form.add("text_encoder", info=None)
    form.add("refiner_checkpoint", info=None)
    form.add("refiner_switch_at")
    form.add("clip_skip")
    form.add("tiling")
    form.add("variation_strength")
    form.add("variation_seed", info=None, label="Variation seed (-1 is random)")
    _rows(form, ("seed_resize_width", "seed_resize_height"))


def _sampler(form: Form) -> None:
    part = "sampler_options."
    _rows(form, (part + "eta", part + "ensd"), empty=AUTOMATIC)
    for name in ("noise_scale", "churn"):
        form.add(part + name)
    _rows(form, (part + "churn_min", part + "churn_max"), empty="No limit")
    _rows(form, (part + "sigma_min", part + "sigma_max"), empty=AUTOMATIC)
    form.add(part + "rho", placeholder=AUTOMATIC)
    _rows(form, (part + "beta_alpha", part + "beta_beta"), empty="0.6")
    form.add(part + "discard_penultimate")
    form.add(part + "sgm_noise_multiplier")
    form.add(part + "sigmas", placeholder="14.6, 7.1, 3.2, 1.1, 0")
    form.add(part + "timesteps", placeholder="999, 750, 500, 250, 0")
    form.add(part + "solver_type", choices=("", "midpoint", "heun"))
    _rows(form, (part + "unipc_variant", part + "unipc_order"), (part + "unipc_skip", part + "ddim_discretize"))
    form.add(part + "unipc_lower_order_final")


def _guidance(form: Form) -> None:
    for name in ("rescale", "skip_early", "min_sigma", "min_sigma_all", "pad", "pad_v0"):
        form.add(f"guidance_options.{name}")


def _sizes(form: Form) -> None:
    part = "size_conditioning."
    _rows(form, (part + "original_width", part + "original_height"), (part + "crop_top", part + "crop_left"))
    _rows(form, (part + "target_width", part + "target_height"), (part + "aesthetic_score", part + "negative_aesthetic_score"))


def _compatibility(form: Form) -> None:
    _rows(form, ("profile", "emphasis"), ("noise_source", "dtype"))
    form.add("comma_backtrack")
    form.add("deterministic")
