"""The names of samplers and schedules in ComfyUI, InvokeAI, Fooocus, SwarmUI and NovelAI, as A1111's users know them."""

from typing import Any

SAMPLERS = {
    "ddim": "DDIM",
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
    "lcm": "LCM",
    "lms": "LMS",
    "plms": "PLMS",
    "pndm": "PLMS",
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
    "kl_optimal": "KL Optimal",
    "linear_quadratic": "Linear quadratic",
    "native": "Automatic",
    "normal": "Normal",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "turbo": "Turbo",
}


def sampler_name(name: str) -> str:
    """A1111's name for a sampler; an unknown one stays as it is. Prefixes and suffixes for devices and schedules go."""
    return SAMPLERS.get(_key(name), name)


def sampler_fields(name: str) -> dict[str, Any]:
    """The request's fields that a sampler's name fills."""
    return {"sampler": sampler_name(name), **OPTIONS.get(_key(name), {})}


def _key(name: str) -> str:
    return name.strip().lower().removeprefix("k_").removesuffix("_gpu").removesuffix("_k").removesuffix("_v3")


def schedule_name(name: str, sampler: str = "") -> str:
    """A1111's name for a schedule. InvokeAI has it in the sampler's name: `dpmpp_2m_k` is Karras."""
    if not name:
        return "Karras" if sampler.lower().endswith("_k") else ""
    return SCHEDULES.get(name.strip().lower(), name)
