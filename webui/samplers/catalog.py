"""Which samplers and schedules there are: names, aliases, defaults, options, import strings. No torch here."""

import difflib
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Literal

from pydantic import ConfigDict, Field

from webui.core.request import Value
from webui.errors import RequestError

AUTOMATIC = "Automatic"
_STANDARD = {"model", "x", "sigmas", "extra_args", "callback", "disable", "noise_sampler"}


class _Entry(Value):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    target: str | Callable[..., Any] = Field(alias="function")
    aliases: tuple[str, ...] = ()

    def __init__(self, name: str, function: str | Callable[..., Any], **values: Any) -> None:
        super().__init__(name=name, function=function, **values)

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself; an import string is loaded now."""
        if callable(self.target):
            return self.target
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)  # type: ignore[no-any-return]


class Sampler(_Entry):
    """A way from noise to picture: `sample_x(model, x, sigmas, extra_args=None, callback=None, disable=None, **knobs)`.

    `function` is the function or an import string ("package.module:name"). `default_schedule` is what "Automatic" means for it.
    `space` "timestep" says that it runs on DDPM timesteps, whose schedule and start noise follow their own rule (`webui.samplers.planning`).
    `needs_uncond`: `extra_args["uncond"]` gives the last call's unconditional prediction. `discard_penultimate`: always leaves out the last level
    but one. `calls`: model calls a step. `noise` is where its noise comes from: nowhere, the picture's own stream, or a Brownian tree over sigma.
    `knobs` are the request's sampler options that reach it, by the request's names.
    """

    default_schedule: str = AUTOMATIC
    space: Literal["sigma", "timestep"] = "sigma"
    needs_uncond: bool = False
    discard_penultimate: bool = False
    calls: int = 1
    noise: Literal["none", "stream", "brownian"] = "none"
    knobs: tuple[str, ...] = ()
    default_eta: float | None = None
    source: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """k-diffusion's keyword options of the function with their defaults (loads the module)."""
        parameters = inspect.signature(self.function).parameters
        return {name: parameter.default for name, parameter in parameters.items() if name not in _STANDARD}


class Schedule(_Entry):
    """Noise levels for a number of steps: `function(levels: ModelLevels, steps: int, **options) -> Tensor`, falling, usually ending in 0."""

    options: tuple[str, ...] = ()
    source: str = ""


def _sampler(name: str, target: str, aliases: str = "", **values: Any) -> Sampler:
    module, function = target.split(":")
    own = function.removeprefix("sample_")
    names = dict.fromkeys([*(alias for alias in aliases.split() if alias), own, f"k_{own}", f"sample_{own}"])
    return Sampler(name, f"webui.samplers.{module}:{function}", aliases=tuple(alias for alias in names if alias != name.lower()), **values)


_ETA, _SCALE = "eta", "noise_scale"
_CHURN = ("churn", "churn_min", "churn_max", _SCALE)
_KARRAS, _EXPONENTIAL = {"default_schedule": "Karras"}, {"default_schedule": "Exponential"}

BUILTIN_SAMPLERS: tuple[Sampler, ...] = (
    _sampler("DPM++ 2M", "dpmpp:sample_dpmpp_2m", **_KARRAS, source="Lu et al. 2022 (DPM-Solver++), arXiv:2211.01095, Algorithm 2"),
    _sampler("DPM++ SDE", "dpmpp:sample_dpmpp_sde", **_KARRAS, calls=2, noise="brownian", knobs=(_ETA, _SCALE), source="arXiv:2211.01095, stochastic, single step"),
    _sampler("DPM++ 2M SDE", "dpmpp_sde:sample_dpmpp_2m_sde", **_EXPONENTIAL, noise="brownian", knobs=(_ETA, _SCALE, "solver_type"), source="arXiv:2211.01095, section 3.4"),
    _sampler("DPM++ 2M SDE Heun", "dpmpp_sde:sample_dpmpp_2m_sde_heun", **_EXPONENTIAL, noise="brownian", knobs=(_ETA, _SCALE), source="arXiv:2211.01095, Heun variant"),
    _sampler("DPM++ 2S a", "dpmpp:sample_dpmpp_2s_ancestral", "k_dpmpp_2s_a", **_KARRAS, calls=2, noise="stream", knobs=(_ETA, _SCALE), source="arXiv:2211.01095, Algorithm 1, ancestral"),
    _sampler("DPM++ 3M SDE", "dpmpp_sde:sample_dpmpp_3m_sde", **_EXPONENTIAL, discard_penultimate=True, noise="brownian", knobs=(_ETA, _SCALE), source="arXiv:2211.01095, third order"),
    _sampler("Euler a", "euler:sample_euler_ancestral", "k_euler_a", noise="stream", knobs=(_ETA,), source="Song et al. 2020 (DDIM), arXiv:2010.02502, eta = 1, in sigma terms"),
    _sampler("Euler", "euler:sample_euler", knobs=_CHURN, noise="stream", source="Karras et al. 2022, arXiv:2206.00364, Algorithm 2 (Euler steps)"),
    _sampler("LMS", "multistep:sample_lms", source="linear multistep; Hairer, Nørsett & Wanner, Solving ODEs I, III.1"),
    _sampler("Heun", "heun:sample_heun", calls=2, knobs=_CHURN, noise="stream", source="arXiv:2206.00364, Algorithm 2"),
    _sampler("DPM2", "heun:sample_dpm_2", **_KARRAS, calls=2, discard_penultimate=True, knobs=_CHURN, noise="stream", source="Lu et al. 2022 (DPM-Solver), arXiv:2206.00927, DPM-Solver-2"),
    _sampler("DPM2 a", "heun:sample_dpm_2_ancestral", "k_dpm_2_a", **_KARRAS, calls=2, discard_penultimate=True, noise="stream", knobs=(_ETA, _SCALE), source="arXiv:2206.00927, ancestral"),
    _sampler("DPM fast", "dpm_solver:sample_dpm_fast", "k_dpm_fast", noise="stream", knobs=(_ETA, _SCALE), source="arXiv:2206.00927, DPM-Solver-fast"),
    _sampler("DPM adaptive", "dpm_solver:sample_dpm_adaptive", "k_dpm_ad", noise="stream", knobs=(_ETA, _SCALE), source="arXiv:2206.00927, DPM-Solver-12/23"),
    _sampler("Restart", "restart:sample_restart", "restart_sampler", **_KARRAS, calls=2, noise="stream", knobs=(_SCALE,), source="Xu et al. 2023, arXiv:2306.14878"),
    _sampler("HeunPP2", "heun:sample_heunpp2", calls=3, source="Heun++ of order 2 (weights by noise level)"),
    _sampler("IPNDM", "multistep:sample_ipndm", source="Liu et al. 2022 (PNDM), arXiv:2202.09778, without the warm-up"),
    _sampler("IPNDM_V", "multistep:sample_ipndm_v", source="arXiv:2202.09778 with coefficients for steps of unequal length"),
    _sampler("DEIS", "multistep:sample_deis", source="Zhang & Chen 2022, arXiv:2204.13902, tAB-DEIS of order 3"),
    _sampler("LCM", "consistency:sample_lcm", noise="stream", source="Luo et al. 2023, arXiv:2310.04378"),
    _sampler("TCD", "consistency:sample_tcd", noise="stream", knobs=(_ETA,), default_eta=0.3, source="Zheng et al. 2024, arXiv:2402.19159, Algorithm 3"),
    _sampler("DDPM", "consistency:sample_ddpm", noise="stream", source="Ho et al. 2020, arXiv:2006.11239, equation 7"),
    _sampler("DDIM", "timestep:sample_ddim", space="timestep", noise="stream", knobs=(_ETA,), default_eta=0.0, source="arXiv:2010.02502, equation 12"),
    _sampler("DDIM CFG++", "cfgpp:sample_ddim_cfg_pp", "ddim_cfgpp", space="timestep", needs_uncond=True, noise="stream", knobs=(_ETA,), default_eta=0.0, source="Chung et al. 2024, arXiv:2406.08070"),
    _sampler("PLMS", "timestep:sample_plms", space="timestep", source="arXiv:2202.09778, PNDM's linear multistep"),
    _sampler("UniPC", "timestep:sample_unipc", "uni_pc", space="timestep", knobs=("unipc_variant", "unipc_order", "unipc_lower_order_final"), source="Zhao et al. 2023, arXiv:2302.04867"),
    _sampler("Euler CFG++", "cfgpp:sample_euler_cfg_pp", "euler_cfg_pp", needs_uncond=True, source="arXiv:2406.08070"),
    _sampler("Euler a CFG++", "cfgpp:sample_euler_ancestral_cfg_pp", "euler_ancestral_cfg_pp", needs_uncond=True, noise="stream", knobs=(_ETA, _SCALE), source="arXiv:2406.08070, ancestral"),
    _sampler("DPM++ 2M CFG++", "cfgpp:sample_dpmpp_2m_cfg_pp", needs_uncond=True, **_KARRAS, source="arXiv:2406.08070 on arXiv:2211.01095"),
    _sampler("RES multistep", "res:sample_res_multistep", source="Zhang et al. 2023, arXiv:2308.02157"),
    _sampler("Gradient estimation", "res:sample_gradient_estimation", source="Permenter & Yuan 2023, arXiv:2306.04848"),
    _sampler("ER SDE", "er_sde:sample_er_sde", noise="brownian", knobs=(_SCALE,), source="Cui et al. 2023, arXiv:2309.06169, ER-SDE-Solver-3"),
    _sampler("SEEDS-2", "seeds:sample_seeds_2", calls=2, noise="brownian", knobs=(_ETA, _SCALE), source="Gonzalez et al. 2023, arXiv:2305.14267"),
    _sampler("SEEDS-3", "seeds:sample_seeds_3", calls=3, noise="brownian", knobs=(_ETA, _SCALE), source="arXiv:2305.14267"),
    _sampler("SA-Solver", "sa_solver:sample_sa_solver", noise="brownian", knobs=(_SCALE,), source="Xue et al. 2023, arXiv:2309.05019"),
    _sampler("Exponential Heun x0", "seeds:sample_exp_heun_2_x0", calls=2, source="arXiv:2305.14267 with eta = 0, r = 1 (exponential Heun in data prediction)"),
)  # fmt: skip


def _schedule(name: str, function: str, aliases: str = "", options: tuple[str, ...] = (), source: str = "") -> Schedule:
    key = name.lower().replace(" ", "_")
    names = dict.fromkeys([*(alias for alias in aliases.split("|") if alias), key])
    return Schedule(
        name,
        f"webui.samplers.schedules:{function}",
        aliases=tuple(alias for alias in names if alias != name.lower()),
        options=options,
        source=source,
    )


_RANGE = ("sigma_min", "sigma_max")
BUILTIN_SCHEDULES: tuple[Schedule, ...] = (
    _schedule(AUTOMATIC, "uniform", source="the sampler's own; else Uniform"),
    _schedule("Uniform", "uniform", source="the training timesteps, evenly"),
    _schedule("Karras", "karras", options=(*_RANGE, "rho"), source="Karras et al. 2022, arXiv:2206.00364, equation 5"),
    _schedule("Exponential", "exponential", options=_RANGE, source="evenly in log sigma"),
    _schedule("Polyexponential", "polyexponential", options=(*_RANGE, "rho"), source="a power of even steps in log sigma"),
    _schedule("SGM Uniform", "sgm_uniform", "SGMUniform", source="Stability's generative-models: evenly in time, the last level left out"),
    _schedule("KL Optimal", "kl_optimal", "kl_optimal", options=_RANGE, source="Sabour et al. 2024, arXiv:2404.14507, theorem 3.1"),
    _schedule("Align Your Steps", "align_your_steps", "ays", source="Sabour et al. 2024, arXiv:2404.14507, published levels"),
    _schedule("Simple", "simple", source="evenly over the training timesteps, from the top"),
    _schedule("Normal", "normal", source="evenly in time between the highest and the lowest level"),
    _schedule("DDIM", "ddim", "ddim_uniform", source="DDIM's timesteps, arXiv:2010.02502"),
    _schedule("Beta", "beta", options=("alpha", "beta"), source="Lee et al. 2024, arXiv:2407.12173"),
    _schedule("Turbo", "turbo", source="SDXL Turbo's timesteps"),
    _schedule(
        "Align Your Steps GITS", "align_your_steps_gits", "ays_gits|Align Your Steps (GITS)", source="Chen et al. 2024, arXiv:2405.11326"
    ),
    _schedule("Align Your Steps 11", "align_your_steps", "ays_11steps", source="as Align Your Steps"),
    _schedule("Align Your Steps 32", "align_your_steps_32", "ays_32steps", source="published levels for 32 steps"),
    _schedule("Linear quadratic", "linear_quadratic", source="Polyak et al. 2024 (Movie Gen), arXiv:2410.13720, section 3.4.2"),
    _schedule("Laplace", "laplace", options=(*_RANGE, "mu", "beta"), source="Hang & Gu 2024, arXiv:2407.03297"),
)


def _index(entries: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        yield from ((key.lower(), entry) for key in (entry.name, *entry.aliases))


def find_sampler(name: str) -> Sampler | None:
    """The built-in sampler of that name, alias or k-diffusion function name, case ignored; None when there is none."""
    return dict(_index(BUILTIN_SAMPLERS)).get(name.strip().lower())


def find_schedule(name: str) -> Schedule | None:
    """The built-in schedule of that label or alias, case ignored; None when there is none."""
    return dict(_index(BUILTIN_SCHEDULES)).get(name.strip().lower())


def get_sampler(name: str) -> Sampler:
    """Like `find_sampler`, but raises `RequestError` on `sampler` that names what comes close."""
    return find_sampler(name) or _refuse("sampler", name, [entry.name for entry in BUILTIN_SAMPLERS])


def get_schedule(name: str) -> Schedule:
    """Like `find_schedule`, but raises `RequestError` on `schedule` that names what comes close."""
    return find_schedule(name) or _refuse("schedule", name, [entry.name for entry in BUILTIN_SCHEDULES])


def parse_sampler_name(text: str) -> tuple[str, str]:
    """Take A1111's older names apart: "DPM++ 2M Karras" is ("DPM++ 2M", "Karras"); a name without a schedule gives ""."""
    if find_sampler(text) is None:
        for schedule in BUILTIN_SCHEDULES:
            for label in (schedule.name, *schedule.aliases):
                for separator in (" ", "_"):
                    head = text.strip()[: -len(label) - 1]
                    if text.strip().lower().endswith(f"{separator}{label.lower()}") and find_sampler(head) is not None:
                        return get_sampler(head).name, schedule.name
    found = find_sampler(text)
    return (found.name if found else text.strip()), ""


def _refuse(field: str, name: str, names: list[str]) -> Any:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    raise RequestError(
        field, f"There is no {field} named {name!r}. {'Did you mean' if close else 'There are'} {', '.join(close or names)}?"
    )
