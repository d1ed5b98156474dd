"""Which samplers and schedules come with Darkroom, and how they are found by the names people use. No torch here."""

import difflib
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from webui.errors import RequestError
from webui.plugins.types import AUTOMATIC, Sampler, Schedule

__all__ = [
    "AUTOMATIC",
    "BUILTIN_SAMPLERS",
    "BUILTIN_SCHEDULES",
    "Sampler",
    "Schedule",
    "find_sampler",
    "find_schedule",
    "get_sampler",
    "get_schedule",
    "implied_options",
    "parse_sampler_name",
]


_ON_GPU = ("dpmpp_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde")
"""ComfyUI has these twice: with `_gpu` their noise is drawn on the device, which is `noise_source` here."""


def _sampler(name: str, target: str, aliases: str = "", **values: Any) -> Sampler:
    """A built-in: k-diffusion's name of its function, with and without prefix, is an alias."""
    function = target.partition(":")[2]
    own = function.removeprefix("sample_")
    names = dict.fromkeys([*aliases.split(), f"k_{own}", own, function, *([f"{own}_gpu"] if own in _ON_GPU else [])])
    values.setdefault("processes", ("ve",) if values.get("space") == "timestep" else ("ve", "flow"))
    return Sampler(name, f"webui.samplers.{target}", aliases=tuple(alias for alias in names if alias != name.lower()), **values)


def _schedule(
    name: str, function: str, aliases: str = "", options: tuple[str, ...] = (), source: str = "", verified: str = "recorded levels"
) -> Schedule:
    """A built-in. Published tables are of levels of diffusion models."""
    processes: tuple[Literal["ve", "flow"], ...] = ("ve",) if function.startswith("align_your_steps") else ("ve", "flow")
    names = dict.fromkeys([*(alias for alias in aliases.split("|") if alias), name.lower().replace(" ", "_")])
    kept = tuple(alias for alias in names if alias.lower() != name.lower())
    return Schedule(
        name, f"webui.samplers.schedules:{function}", aliases=kept, processes=processes, options=options, source=source, verified=verified
    )


_ETA, _SCALE = "eta", "noise_scale"
_CHURN = ("churn", "churn_min", "churn_max", _SCALE)
_UNIPC = ("unipc_variant", "unipc_order", "unipc_lower_order_final")
_ANCESTRAL: dict[str, Any] = {"noise": "stream", "option_names": (_ETA, _SCALE)}
_SDE: dict[str, Any] = {"noise": "brownian", "option_names": (_ETA, _SCALE)}
_ADAMS_END: dict[str, Any] = {"exact_end": False}
_PHIS = ("phi_1", "phi_2")
_PHI: dict[str, Any] = {"noise": "brownian", "option_names": (_ETA, _SCALE, "solver_type"), "solvers": _PHIS}
_KARRAS: dict[str, Any] = {"default_schedule": "Karras"}
_EXPONENTIAL: dict[str, Any] = {"default_schedule": "Exponential"}
_TIMES: dict[str, Any] = {"space": "timestep", "default_eta": 0.0, "noise": "stream", "option_names": (_ETA,)}
_RUNS, _BOTH = "recorded runs", "recorded runs, Forge's pictures"
_ORDER, _IMAGES = "order of convergence", "order of convergence, Forge's pictures"

BUILTIN_SAMPLERS: tuple[Sampler, ...] = (
    _sampler(
        "DPM++ 2M", "dpmpp:sample_dpmpp_2m", **_KARRAS, order=2, verified=_BOTH, source="Lu et al. 2022, DPM-Solver++(2M), arXiv:2211.01095"
    ),
    _sampler(
        "DPM++ SDE", "dpmpp:sample_dpmpp_sde", **_KARRAS, **_SDE, calls=2, order=2, verified=_BOTH,
        source="Lu et al. 2022, arXiv:2211.01095, stochastic, single step",
    ),
    _sampler(
        "DPM++ 2M SDE", "dpmpp_sde:sample_dpmpp_2m_sde", **_EXPONENTIAL, noise="brownian", option_names=(_ETA, _SCALE, "solver_type"),
        solvers=("midpoint", "heun"), order=2, verified=_BOTH, source="Lu et al. 2022, SDE-DPM-Solver++(2M), arXiv:2211.01095",
    ),
    _sampler(
        "DPM++ 2M SDE Heun", "dpmpp_sde:sample_dpmpp_2m_sde_heun", **_EXPONENTIAL, **_SDE, order=2, verified=_BOTH,
        source="Lu et al. 2022, arXiv:2211.01095, Heun variant",
    ),
    _sampler(
        "DPM++ 2S a", "dpmpp:sample_dpmpp_2s_ancestral", "k_dpmpp_2s_a", **_KARRAS, **_ANCESTRAL, calls=2, order=2, verified=_RUNS,
        source="Lu et al. 2022, DPM-Solver++(2S), arXiv:2211.01095, ancestral",
    ),
    _sampler(
        "DPM++ 3M SDE", "dpmpp_sde:sample_dpmpp_3m_sde", **_EXPONENTIAL, **_SDE, discard_penultimate=True, order=2, verified=_BOTH,
        source="Lu et al. 2022, arXiv:2211.01095, third order",
    ),
    _sampler(
        "Euler a", "euler:sample_euler_ancestral", "k_euler_a", noise="stream", option_names=(_ETA,), verified=_BOTH,
        source="Song et al. 2020 (DDIM with eta), arXiv:2010.02502, in sigma terms",
    ),
    _sampler(
        "Euler", "euler:sample_euler", noise="stream", option_names=_CHURN, verified=_BOTH,
        source="Karras et al. 2022, arXiv:2206.00364, Algorithm 2 with Euler steps",
    ),
    _sampler("LMS", "multistep:sample_lms", order=2, verified=_BOTH, source="Hairer, Nørsett & Wanner, Solving ODEs I, section III.1"),
    _sampler(
        "Heun", "heun:sample_heun", noise="stream", option_names=_CHURN, calls=2, order=2, verified=_RUNS,
        source="Karras et al. 2022, arXiv:2206.00364, Algorithm 2",
    ),
    _sampler(
        "DPM2", "heun:sample_dpm_2", **_KARRAS, noise="stream", option_names=_CHURN, discard_penultimate=True, calls=2, order=2, verified=_BOTH,
        source="Lu et al. 2022, DPM-Solver-2, arXiv:2206.00927",
    ),
    _sampler(
        "DPM2 a", "heun:sample_dpm_2_ancestral", "k_dpm_2_a", **_KARRAS, **_ANCESTRAL, discard_penultimate=True, calls=2, order=2,
        verified=_BOTH, source="Lu et al. 2022, arXiv:2206.00927, ancestral",
    ),
    _sampler(
        "DPM fast", "dpm_solver:sample_dpm_fast", **_ANCESTRAL, default_eta=1.0, whole_range=True, order=2, verified=_BOTH,
        source="Lu et al. 2022, DPM-Solver-fast, arXiv:2206.00927",
    ),
    _sampler(
        "DPM adaptive", "dpm_solver:sample_dpm_adaptive", "k_dpm_ad", noise="stream", option_names=(_ETA,), default_eta=1.0, whole_range=True, adaptive=True,
        verified=_BOTH, source="Lu et al. 2022, DPM-Solver-12 and -23, arXiv:2206.00927",
    ),
    _sampler(
        "Restart", "restart:sample_restart", "restart_sampler", **_KARRAS, processes=("ve",), noise="stream", calls=2, order=2, verified=_BOTH,
        source="Xu et al. 2023, arXiv:2306.14878",
    ),
    _sampler("HeunPP2", "heun:sample_heunpp2", noise="stream", verified=_BOTH, source="Heun's method with derivatives two levels ahead, weighted by level"),
    _sampler("IPNDM", "multistep:sample_ipndm", fixed=_ADAMS_END, verified=_BOTH, order=2, source="Liu et al. 2022 (PNDM), arXiv:2202.09778; without its warm-up"),
    _sampler(
        "IPNDM_V", "multistep:sample_ipndm_v", fixed=_ADAMS_END, order=2, verified=_RUNS, source="Liu et al. 2022, arXiv:2202.09778, for steps of unequal length"
    ),
    _sampler("DEIS", "multistep:sample_deis", order=2, verified=_RUNS, source="Zhang & Chen 2022, tAB-DEIS, arXiv:2204.13902"),
    _sampler(
        "LCM", "consistency:sample_lcm", noise="stream", stride=20, verified=_BOTH, source="Luo et al. 2023, arXiv:2310.04378, Algorithm 3"
    ),
    _sampler(
        "TCD", "consistency:sample_tcd", processes=("ve",), noise="stream", option_names=(_ETA,), verified=_ORDER, source="Zheng et al. 2024, arXiv:2402.19159, Algorithm 4"
    ),
    _sampler("DDPM", "consistency:sample_ddpm", noise="second", verified=_BOTH, source="Ho et al. 2020, arXiv:2006.11239, equation 7"),
    _sampler("DDIM", "timestep:sample_ddim", **_TIMES, verified=_IMAGES, source="Song et al. 2020, arXiv:2010.02502, equation 12"),
    _sampler(
        "DDIM CFG++", "cfgpp:sample_ddim_cfg_pp", "ddim_cfgpp", **_TIMES, needs_uncond=True, verified=_IMAGES,
        source="Chung et al. 2024, arXiv:2406.08070, Algorithm 2",
    ),
    _sampler(
        "PLMS", "timestep:sample_plms", space="timestep", order=2, verified=_IMAGES, source="Liu et al. 2022 (PNDM), arXiv:2202.09778"
    ),
    _sampler(
        "UniPC", "unipc:sample_unipc", "uni_pc", space="timestep", own_times=True, option_names=_UNIPC, order=2, verified=_IMAGES,
        source="Zhao et al. 2023, arXiv:2302.04867",
    ),
    _sampler(
        "Euler CFG++", "cfgpp:sample_euler_cfg_pp", "euler_cfgpp", needs_uncond=True, verified=_ORDER, source="Chung et al. 2024, arXiv:2406.08070"
    ),
    _sampler(
        "Euler a CFG++", "cfgpp:sample_euler_ancestral_cfg_pp", "euler_a_cfgpp", needs_uncond=True, **_ANCESTRAL, verified=_ORDER,
        source="Chung et al. 2024, arXiv:2406.08070, ancestral",
    ),
    _sampler(
        "DPM++ 2M CFG++", "cfgpp:sample_dpmpp_2m_cfg_pp", "dpmpp_2m_cfgpp", **_KARRAS, needs_uncond=True, order=2, verified=_ORDER,
        source="Chung et al. 2024, arXiv:2406.08070, on DPM-Solver++(2M)",
    ),
    _sampler(
        "RES multistep", "res:sample_res_multistep", **_ANCESTRAL, order=2, verified=_RUNS, source="Zhang et al. 2023, arXiv:2308.02157"
    ),
    _sampler(
        "Gradient estimation", "res:sample_gradient_estimation", "gradient-estimation", verified=_RUNS,
        source="Permenter & Yuan 2023, arXiv:2306.04848, Algorithm 2",
    ),
    _sampler(
        "ER SDE", "er_sde:sample_er_sde", "er-sde", noise="brownian", option_names=(_SCALE,), verified=_RUNS,
        source="Cui et al. 2023, ER-SDE-Solver-3, arXiv:2309.06169",
    ),
    _sampler(
        "SEEDS-2", "seeds:sample_seeds_2", **_PHI, calls=2, order=2, verified=_RUNS, source="Gonzalez et al. 2023, arXiv:2305.14267"
    ),
    _sampler("SEEDS-3", "seeds:sample_seeds_3", **_SDE, calls=3, order=3, verified=_RUNS, source="Gonzalez et al. 2023, arXiv:2305.14267"),
    _sampler(
        "SA-Solver", "sa_solver:sample_sa_solver", noise="brownian", option_names=(_SCALE,), order=2, verified=_RUNS,
        source="Xue et al. 2023, arXiv:2309.05019",
    ),
    _sampler(
        "SA-Solver PECE", "sa_solver:sample_sa_solver_pece", noise="brownian", option_names=(_SCALE,), calls=2, order=2, verified=_ORDER,
        source="Xue et al. 2023, arXiv:2309.05019: evaluated again after each correction",
    ),
    _sampler(
        "Exponential Heun x0", "seeds:sample_exp_heun_2_x0", "exp_heun", option_names=("solver_type",), solvers=_PHIS, calls=2, order=2, verified=_RUNS,
        source="Gonzalez et al. 2023, arXiv:2305.14267, without noise",
    ),
    _sampler(
        "Exponential Heun x0 SDE", "seeds:sample_exp_heun_2_x0_sde", "exp_heun_sde", **_PHI, calls=2, order=2, verified=_ORDER,
        source="Gonzalez et al. 2023, arXiv:2305.14267: SEEDS-2 with its inner stage at the end",
    ),
)  # fmt: skip

VARIANTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "uni_pc_bh2": ("UniPC", "unipc:sample_unipc_bh2", {"unipc_variant": "bh2"}),
    "res_multistep_ancestral": ("RES multistep", "res:sample_res_multistep_ancestral", {"eta": 1.0}),
}
"""ComfyUI's names for a sampler with other options: the sampler, a function with these as its defaults, and the request's options."""


_RANGE = ("sigma_min", "sigma_max")
BUILTIN_SCHEDULES: tuple[Schedule, ...] = (
    _schedule(AUTOMATIC, "uniform", source="the sampler's own; else Uniform"),
    _schedule("Uniform", "uniform", source="the training timesteps, evenly"),
    _schedule("Karras", "karras", options=(*_RANGE, "rho"), source="Karras et al. 2022, arXiv:2206.00364, equation 5"),
    _schedule("Exponential", "exponential", options=_RANGE, source="evenly in log sigma"),
    _schedule("Polyexponential", "polyexponential", options=(*_RANGE, "rho"), source="a power of even steps in log sigma"),
    _schedule(
        "SGM Uniform",
        "sgm_uniform",
        "SGMUniform",
        options=_RANGE,
        source="Stability's generative-models: evenly in time, the last level left out",
    ),
    _schedule("KL Optimal", "kl_optimal", options=_RANGE, source="Sabour et al. 2024, arXiv:2404.14507, theorem 3.1"),
    _schedule("Align Your Steps", "align_your_steps", "ays", source="Sabour et al. 2024, arXiv:2404.14507, published levels"),
    _schedule("Simple", "simple", source="evenly over the training timesteps, from the top"),
    _schedule("Normal", "normal", options=_RANGE, source="evenly in time between the highest and the lowest level"),
    _schedule("DDIM", "ddim", "ddim_uniform", source="DDIM's timesteps, arXiv:2010.02502"),
    _schedule("Beta", "beta", options=(*_RANGE, "alpha", "beta"), source="Lee et al. 2024, arXiv:2407.12173"),
    _schedule("Turbo", "turbo", source="SDXL Turbo's timesteps", verified="a picture from Forge"),
    _schedule(
        "Align Your Steps GITS", "align_your_steps_gits", "ays_gits|Align Your Steps (GITS)", source="Chen et al. 2024, arXiv:2405.11326"
    ),
    _schedule("Align Your Steps 11", "align_your_steps", "ays_11steps", source="as Align Your Steps"),
    _schedule("Align Your Steps 32", "align_your_steps_32", "ays_32steps", source="published levels for 32 steps"),
    _schedule(
        "Linear quadratic",
        "linear_quadratic",
        source="Polyak et al. 2024 (Movie Gen), arXiv:2410.13720, section 3.4.2",
        verified="its formula",
    ),
    _schedule("Laplace", "laplace", options=(*_RANGE, "mu", "beta"), source="Hang & Gu 2024, arXiv:2407.03297", verified="its formula"),
)


@lru_cache
def _samplers() -> dict[str, Sampler]:
    return {key.lower(): sampler for sampler in BUILTIN_SAMPLERS for key in (sampler.name, *sampler.aliases)}


@lru_cache
def _schedules() -> dict[str, Schedule]:
    return {key.lower(): schedule for schedule in BUILTIN_SCHEDULES for key in (schedule.name, *schedule.aliases)}


def find_sampler(name: str) -> Sampler | None:
    """The built-in sampler of that name, alias or k-diffusion function name, case ignored; None when there is none.

    A name of ComfyUI's that means a sampler with other options gives the sampler; `implied_options` says which options.
    """
    key = name.strip().lower()
    return _samplers().get(VARIANTS[key][0].lower() if key in VARIANTS else key)


def implied_options(name: str) -> dict[str, Any]:
    """The request's sampler options that are in a sampler's name: `uni_pc_bh2` is UniPC with another variant."""
    return dict(VARIANTS.get(name.strip().lower(), ("", "", {}))[2])


def find_schedule(name: str) -> Schedule | None:
    """The built-in schedule of that label or alias, case ignored; None when there is none."""
    return _schedules().get(name.strip().lower())


def get_sampler(name: str) -> Sampler:
    """Like `find_sampler`, and A1111's older names ("DPM++ 2M Karras") give the sampler with that schedule as its default.

    Raises `RequestError` on `sampler` that names what comes close.
    """
    if not isinstance(name, str):
        raise _unknown("sampler", name, _samplers())
    if (found := find_sampler(name)) is not None:
        target = VARIANTS.get(name.strip().lower(), ("", "", {}))[1]
        return replace(found, function=f"webui.samplers.{target}") if target else found
    head, schedule = parse_sampler_name(name)
    found = find_sampler(head)
    if found is None:
        raise _unknown("sampler", name, _samplers())
    return replace(found, function=found.target, default_schedule=schedule)


def get_schedule(name: str) -> Schedule:
    """Like `find_schedule`, but raises `RequestError` on `schedule` that names what comes close."""
    found = find_schedule(name) if isinstance(name, str) else None
    if found is None:
        raise _unknown("schedule", name, _schedules())
    return found


def check_process(entry: Sampler | Schedule, kind: str, model: str) -> None:
    """Raise `RequestError` when a sampler or schedule does not work with models of this kind ("ve" or "flow")."""
    if kind in entry.processes:
        return
    field, known = ("sampler", BUILTIN_SAMPLERS) if isinstance(entry, Sampler) else ("schedule", BUILTIN_SCHEDULES)
    first = {"Euler": 0, "Euler a": 1, "Simple": 0, "Normal": 1}
    others = sorted((one.name for one in known if kind in one.processes and one.name != AUTOMATIC), key=lambda name: first.get(name, 2))
    what = "rectified flow models" if kind == "flow" else "diffusion models"
    raise RequestError(
        field, f"{entry.name} does not work with {what}, and {model} is one. Take another {field}, such as {', '.join(others[:5])}."
    )


def parse_sampler_name(text: str) -> tuple[str, str]:
    """Take A1111's older names apart: "DPM++ 2M Karras" and "k_dpmpp_2m_ka" are ("DPM++ 2M", "Karras"); no schedule gives an empty text."""
    plain = " ".join(text.split())
    if (found := find_sampler(plain)) is not None:
        return found.name, ""
    for label, schedule in {**_schedules(), "ka": get_schedule("Karras"), "exp": get_schedule("Exponential")}.items():
        for separator in (" ", "_"):
            head = find_sampler(plain[: -len(label) - 1])
            if head is not None and plain.lower().endswith(separator + label):
                return head.name, schedule.name
    return plain, ""


def _unknown(kind: str, name: object, known: dict[str, Any]) -> RequestError:
    wanted = name.strip().lower() if isinstance(name, str) else ""
    close = difflib.get_close_matches(wanted, known, n=9, cutoff=0.5)
    names = list(dict.fromkeys(known[key].name for key in close))[:3]
    advice = (
        f"Did you mean {' or '.join(names)}?" if names else f"There are {', '.join(dict.fromkeys(one.name for one in known.values()))}."
    )
    said = repr(name)
    return RequestError(kind, f"There is no {kind} named {said if len(said) <= 80 else said[:79] + '…'}. {advice}")
