"""A1111's options: those that mean something here change the caller's own requests; all others are kept and named as without effect."""

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from webui.core.fields import nested
from webui.core.names import printable
from webui.core.request import parse_request
from webui.errors import RequestError
from webui.jobs.store import JobStore
from webui.library import Library, ModelFile

Fields = dict[str, Any]
_LONGEST = 20_000
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")
_OWN = ("", "automatic", "none")


def _or_none(value: Any) -> Any:
    """A1111's 0 for "not set"."""
    return value or None


PLAIN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "CLIP_stop_at_last_layers": ("clip_skip", int),
    "randn_source": ("noise_source", str.lower),
    "tiling": ("tiling", bool),
    "emphasis": ("emphasis", str),
    "comma_padding_backtrack": ("comma_backtrack", int),
    "eta_noise_seed_delta": ("sampler_options.ensd", int),
    "always_discard_next_to_last_sigma": ("sampler_options.discard_penultimate", bool),
    "sgm_noise_multiplier": ("sampler_options.sgm_noise_multiplier", bool),
    "s_churn": ("sampler_options.churn", float),
    "s_tmin": ("sampler_options.churn_min", float),
    "s_tmax": ("sampler_options.churn_max", _or_none),
    "s_noise": ("sampler_options.noise_scale", float),
    "sigma_min": ("sampler_options.sigma_min", _or_none),
    "sigma_max": ("sampler_options.sigma_max", _or_none),
    "rho": ("sampler_options.rho", _or_none),
    "beta_dist_alpha": ("sampler_options.beta_alpha", float),
    "beta_dist_beta": ("sampler_options.beta_beta", float),
    "ddim_discretize": ("sampler_options.ddim_discretize", str),
    "uni_pc_variant": ("sampler_options.unipc_variant", str),
    "uni_pc_skip_type": ("sampler_options.unipc_skip", str),
    "uni_pc_order": ("sampler_options.unipc_order", int),
    "uni_pc_lower_order_final": ("sampler_options.unipc_lower_order_final", bool),
    "skip_early_cond": ("guidance_options.skip_early", float),
    "s_min_uncond": ("guidance_options.min_sigma", float),
    "s_min_uncond_all": ("guidance_options.min_sigma_all", bool),
    "pad_cond_uncond": ("guidance_options.pad", bool),
    "pad_cond_uncond_v0": ("guidance_options.pad_v0", bool),
    "token_merging_ratio": ("token_merging.ratio", _or_none),
    "token_merging_ratio_hr": ("token_merging.hires_ratio", _or_none),
    "inpainting_mask_weight": ("mask_weight", float),
    "initial_noise_multiplier": ("noise_multiplier", float),
    "img2img_extra_noise": ("extra_noise", float),
    "upscaler_for_img2img": ("init_upscaler", str),
    "ESRGAN_tile": ("upscale_tile", int),
    "ESRGAN_tile_overlap": ("upscale_overlap", int),
    "img2img_color_correction": ("color_correction", bool),
    "img2img_fix_steps": ("exact_steps", bool),
    "sdxl_crop_top": ("size_conditioning.crop_top", int),
    "sdxl_crop_left": ("size_conditioning.crop_left", int),
    "sdxl_refiner_low_aesthetic_score": ("size_conditioning.negative_aesthetic_score", float),
    "sdxl_refiner_high_aesthetic_score": ("size_conditioning.aesthetic_score", float),
}
"""Options that are one field of a request, and how their values become it."""
OTHERS = {
    *("sd_model_checkpoint", "sd_vae", "eta_ddim", "eta_ancestral", "enable_prompt_comments"),
    "token_merging_ratio_img2img",
    *("samples_format", "jpeg_quality", "return_mask", "return_mask_composite"),
}
"""Options that are read where they have an effect."""
_ETAS = ("eta_ancestral", "eta_ddim")
QUIET = {"samples_save", "grid_save", "live_previews_enable", "show_progressbar", "do_not_show_images", "sd_checkpoint_hash", "save_images"}
"""Options that clients set as a matter of course; nothing is to be said of them."""


@lru_cache
def defaults() -> Mapping[str, Any]:
    """A1111's and Forge's options with their defaults."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "options.json").read_text(encoding="utf-8"))
    return found


class OwnerOptions:
    """Each user's own options, kept in the database: what one client sets changes nobody else's pictures."""

    def __init__(self, store: JobStore, library: Library) -> None:
        self._store, self._library = store, library

    def set_by(self, owner: str) -> Fields:
        """What this owner has set."""
        kept = self._store.get_value(_key(owner))
        return dict(kept) if isinstance(kept, dict) else {}

    def set(self, owner: str, values: Mapping[str, Any]) -> None:
        """Check all and keep all, or none. Raises `RequestError`."""
        checked = {name: self.checked(name, value) for name, value in values.items()}
        changed = {**self.set_by(owner), **checked}
        if len(json.dumps(changed)) > _LONGEST:
            raise RequestError("options", f"All options together may have {_LONGEST} letters.")
        self._store.set_value(_key(owner), changed)

    def checked(self, name: str, value: Any) -> Any:
        """An option's value in its own type. Raises `RequestError` for one that there is not, a wrong type, a checkpoint not found."""
        known = defaults()
        if name not in known:
            raise RequestError(printable(name)[:100], "There is no option of this name. GET /sdapi/v1/options lists them.")
        value = _typed(name, value, known[name])
        if value != known[name]:
            _check_range(name, value)
        try:
            return self._kept(name, value)
        except RequestError as error:
            raise RequestError(name, error.message) from None

    def _kept(self, name: str, value: Any) -> Any:
        """What is kept of a value: of a model that it names the model's own name. Raises `RequestError`."""
        if name == "sd_model_checkpoint" and value:
            return self._checkpoint(value).file_name
        if name == "sd_vae" and value.lower() not in _OWN:
            return self._library.find("vae", value).name
        return value

    def _checkpoint(self, name: str) -> ModelFile:
        """By title, file name or model name, by a known hash, by the path that the list tells. Raises `RequestError`."""
        try:
            return self._library.find("checkpoint", name)
        except RequestError:
            by_hash = self._library.find_by_hash("checkpoint", name) if _HASH.fullmatch(name) else None
            if by_hash is not None:
                return by_hash
            if "/" not in name:
                raise
            return self._library.find("checkpoint", name.rpartition("/")[2])

    def all(self, owner: str) -> Fields:
        """Every option, with what the owner has set, and the checkpoint that a request without one is made with."""
        current = {**defaults(), **self.set_by(owner)}
        model = self.checkpoint(current["sd_model_checkpoint"])
        if model is not None:
            current["sd_model_checkpoint"] = title(self._library, model)
            current["sd_checkpoint_hash"] = known_hash(self._library, model)
        return current

    def checkpoint(self, name: str) -> ModelFile | None:
        """The checkpoint of this name; without one, the first by rank; None when there is none."""
        try:
            if name:
                return self._library.find("checkpoint", name)
        except RequestError:
            return None
        models = [model for model in self._library.models("checkpoint") if not model.error]
        return min(models, key=lambda model: self._library.families.rank(model.family, model.variant), default=None)


def known_hash(library: Library, model: ModelFile) -> str:
    """A model's sha256 where it has been computed already, else ""."""
    return library.hashes(model).sha256


def title(library: Library, model: ModelFile) -> str:
    """A1111's title: the file's name, and ten digits of its hash once that is known."""
    digest = known_hash(library, model)
    return f"{model.file_name} [{digest[:10]}]" if digest else model.file_name


def request_fields(options: Mapping[str, Any]) -> Fields:
    """What options mean as fields of a request, dotted where nested."""
    fields = {PLAIN[name][0]: PLAIN[name][1](value) for name, value in options.items() if name in PLAIN and value is not None}
    if fields.get("token_merging.hires_ratio") and not fields.get("token_merging.ratio"):
        fields["token_merging.ratio"] = 0.0
    if options.get("sd_model_checkpoint"):
        fields["checkpoint"] = options["sd_model_checkpoint"]
    if options.get("sd_vae"):
        fields["vae"] = options["sd_vae"]
    return fields


def without_effect(options: Mapping[str, Any]) -> list[str]:
    """Notes on options that Darkroom keeps and does not act on."""
    known = defaults()
    return [
        f"The option {name} has no effect in Darkroom."
        for name, value in options.items()
        if name not in PLAIN and name not in OTHERS and name not in QUIET and value != known.get(name)
    ]


def _typed(name: str, value: Any, default: Any) -> Any:
    if default is None:
        kinds: tuple[type, ...] = (str, type(None))
    else:
        kinds = {bool: (bool,), int: (int, float), float: (int, float), str: (str,), list: (list,)}[type(default)]
    wrong = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
    if wrong or (isinstance(value, float) and not math.isfinite(value)):
        must = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}.get(type(default), "text or null")
        raise RequestError(name, f"This option must be {must}.")
    if isinstance(value, float) and isinstance(default, int) and value.is_integer():
        return int(value)
    return value


def _check_range(name: str, value: Any) -> None:
    """Raise `RequestError` for a value that every request with it would be refused for."""
    fields = {"sampler_options.eta": value} if name in _ETAS else request_fields({name: value} if name in PLAIN else {})
    try:
        parse_request(nested(fields))
    except RequestError as error:
        raise RequestError(name, error.message) from None


def _key(owner: str) -> str:
    return f"sdapi:{owner}"[:128]
