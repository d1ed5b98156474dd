"""The names of samplers and schedules in ComfyUI, InvokeAI, Fooocus, SwarmUI and NovelAI, as A1111's users know them."""

import re
from typing import Any

SAMPLERS = {
    "ddim": "DDIM",
    "ddim_cfg_pp": "DDIM CFG++",
    "ddpm": "DDPM",
    "deis": "DEIS",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "dpm_adaptive": "DPM adaptive",
    "dpm_fast": "DPM fast",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "dpmpp_2s": "DPM++ 2S a",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_2s_a": "DPM++ 2S a",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_sde": "DPM++ SDE",
    "er_sde": "ER SDE",
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_ancestral": "Euler a",
    "euler_cfg_pp": "Euler CFG++",
    "euler_ancestral_cfg_pp": "Euler a CFG++",
    "dpmpp_2m_cfg_pp": "DPM++ 2M CFG++",
    "exp_heun_2_x0": "Exponential Heun x0",
    "exp_heun_2_x0_sde": "Exponential Heun x0 SDE",
    "gradient_estimation": "Gradient estimation",
    "heun": "Heun",
    "heunpp2": "HeunPP2",
    "ipndm": "IPNDM",
    "ipndm_v": "IPNDM_V",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "dpm_2_a": "DPM2 a",
    "lcm": "LCM",
    "lms": "LMS",
    "plms": "PLMS",
    "pndm": "PLMS",
    "restart": "Restart",
    "res_multistep": "RES multistep",
    "res_multistep_ancestral": "RES multistep",
    "sa_solver": "SA-Solver",
    "sa_solver_pece": "SA-Solver PECE",
    "seeds_2": "SEEDS-2",
    "seeds_3": "SEEDS-3",
    "tcd": "TCD",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
    "unipc": "UniPC",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "dpmpp_2s": {"sampler_options.eta": 0.0},
    "res_multistep_ancestral": {"sampler_options.eta": 1.0},
    "uni_pc_bh2": {"sampler_options.unipc_variant": "bh2"},
}
"""What a name says besides the sampler."""
SCHEDULES = {
    "align_your_steps": "Align Your Steps",
    "automatic": "Automatic",
    "beta": "Beta",
    "ddim_uniform": "DDIM",
    "exponential": "Exponential",
    "gits": "Align Your Steps GITS",
    "karras": "Karras",
    "laplace": "Laplace",
    "kl_optimal": "KL Optimal",
    "linear_quadratic": "Linear quadratic",
    "native": "Automatic",
    "normal": "Normal",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "turbo": "Turbo",
    "uniform": "Uniform",
}


OWN_VAE = ("automatic", "none", "default (model)", "baked vae", "default", "builtin")
"""What programs call the VAE that is in the checkpoint, or the one they choose by themselves."""
_FILE = re.compile(r"\.(safetensors|ckpt|pt|pth|bin|sft|gguf)$", re.IGNORECASE)


_ENDINGS = {"_k": "Karras"} | {f"_{key}": name for key, name in SCHEDULES.items() if key not in ("native", "automatic")}
"""What stands behind a sampler's name: InvokeAI's `_k`, and schedules as savers for ComfyUI write them (`euler_karras`)."""


def sampler_name(name: str) -> str:
    """A1111's name for a sampler; an unknown one stays as it is. Prefixes and suffixes for devices and schedules go."""
    return SAMPLERS.get(_split(name)[0], name)


def sampler_fields(name: str, schedule: str = "") -> dict[str, Any]:
    """The request's fields that a sampler's name fills; `schedule` wins over one that is in the name (`dpmpp_2m_k`, `euler_karras`)."""
    key, inside = _split(name)
    fields = {"sampler": SAMPLERS.get(key, name), **OPTIONS.get(key, {})}
    wanted = schedule_name(schedule) or (inside if key in SAMPLERS or name.lower().endswith("_k") else "")
    return fields | ({"schedule": wanted} if wanted else {})


def _split(name: str) -> tuple[str, str]:
    """(the name that `SAMPLERS` has, the schedule behind it)."""
    key = name.strip().lower().removeprefix("sample_").removeprefix("k_")
    for ending, schedule in _ENDINGS.items():
        if key.endswith(ending):
            return _bare(key.removesuffix(ending)), schedule
    return _bare(key), ""


def _bare(key: str) -> str:
    return key.removesuffix("_gpu").removesuffix("_v3")


def schedule_name(name: str) -> str:
    """A1111's name for a schedule; an unknown one stays as it is."""
    return SCHEDULES.get(name.strip().lower(), name.strip())


def vae_name(name: Any) -> str | None:
    """A VAE's name; None for the checkpoint's own, whatever a program calls that."""
    return None if not isinstance(name, str) or name.strip().lower() in ("", *OWN_VAE) else name.strip()


def file_stem(name: str) -> str:
    """A model file's name without folders and the ending of weights: what a `<lora:…>` tag says."""
    return _FILE.sub("", name.replace("\\", "/").rpartition("/")[2])


def lora_tag(name: str, clip: Any = 1, unet: Any = None) -> str:
    """The tag that puts a LoRA into a prompt: one weight, or the text encoder's and the UNet's."""
    return f"<lora:{file_stem(name)}:{clip}>" if unet is None else f"<lora:{file_stem(name)}:{clip}:{unet}>"
