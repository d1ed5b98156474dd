"""Every name that people use finds its sampler or schedule; a name that nobody knows is answered with what comes close."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webui.errors import RequestError
from webui.samplers import get_sampler, get_schedule
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, Sampler, find_sampler, implied_options, parse_sampler_name

A1111 = {
    "DPM++ 2M": "k_dpmpp_2m", "DPM++ SDE": "k_dpmpp_sde", "DPM++ 2M SDE": "k_dpmpp_2m_sde", "DPM++ 2M SDE Heun": "k_dpmpp_2m_sde_heun",
    "DPM++ 2S a": "k_dpmpp_2s_a", "DPM++ 3M SDE": "k_dpmpp_3m_sde", "Euler a": "k_euler_a", "Euler": "k_euler",
    "LMS": "k_lms", "Heun": "k_heun", "DPM2": "k_dpm_2", "DPM2 a": "k_dpm_2_a",
    "DPM fast": "k_dpm_fast", "DPM adaptive": "k_dpm_ad", "Restart": "restart", "DDIM": "ddim",
    "DDIM CFG++": "ddim_cfgpp", "PLMS": "plms", "UniPC": "unipc",
}  # fmt: skip


def test_importing_and_listing_loads_no_torch():
    code = (
        "import sys, webui.samplers as s; from webui.samplers.catalog import BUILTIN_SAMPLERS as all; "
        "[(one.name, one.aliases, one.default_schedule, one.option_names) for one in all]; s.get_sampler('dpm++ 2m karras'); "
        "print([name for name in ('torch', 'numpy', 'scipy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "alias"), A1111.items())
def test_a1111s_names_and_aliases(name, alias):
    assert get_sampler(alias).name == get_sampler(name.upper()).name == get_sampler(f" {name.lower()} ").name == name


@pytest.mark.parametrize("sampler", BUILTIN_SAMPLERS, ids=lambda sampler: sampler.name)
def test_k_diffusions_function_name_with_and_without_prefix(sampler):
    own = sampler.function.__name__.removeprefix("sample_")
    for name in (own, f"k_{own}", f"sample_{own}", own.upper()):
        assert get_sampler(name) is sampler
    assert sampler.function is get_sampler(sampler.name).function and sampler.source and sampler.verified


def test_no_name_means_two_things():
    for entries in (BUILTIN_SAMPLERS, BUILTIN_SCHEDULES):
        names = [key.lower() for entry in entries for key in {entry.name.lower(), *entry.aliases}]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("DPM++ 2M Karras", ("DPM++ 2M", "Karras")),
        ("dpm++ 2m sde exponential", ("DPM++ 2M SDE", "Exponential")),
        ("DPM++ 2M SDE Heun Karras", ("DPM++ 2M SDE Heun", "Karras")),
        ("k_dpmpp_2m_ka", ("DPM++ 2M", "Karras")),
        ("Euler a SGM Uniform", ("Euler a", "SGM Uniform")),
        ("Euler", ("Euler", "")),
        ("No Such Karras", ("No Such Karras", "")),
    ],
)
def test_old_names_carry_their_schedule(text, parts):
    assert parse_sampler_name(text) == parts


def test_an_old_name_gives_the_sampler_with_that_default():
    sampler = get_sampler("DPM++ 2M SDE Karras")
    assert (sampler.name, sampler.default_schedule, get_sampler("DPM++ 2M SDE").default_schedule) == (
        "DPM++ 2M SDE",
        "Karras",
        "Exponential",
    )
    assert sampler.function is get_sampler("DPM++ 2M SDE").function


def test_an_unknown_name_says_what_comes_close():
    with pytest.raises(RequestError, match="no sampler named 'eulr'.*Euler") as caught:
        get_sampler("eulr")
    assert caught.value.field == "sampler"
    with pytest.raises(RequestError, match="no schedule named 'karas'.*Karras") as caught:
        get_schedule("karas")
    assert caught.value.field == "schedule"
    with pytest.raises(RequestError, match="There are DPM\\+\\+ 2M, .*UniPC"):
        get_sampler("??")
    assert find_sampler("??") is None


COMFYUI = {
    "ddim": "DDIM", "ddpm": "DDPM", "deis": "DEIS", "dpm_2": "DPM2", "dpm_2_ancestral": "DPM2 a", "dpm_adaptive": "DPM adaptive",
    "dpm_fast": "DPM fast", "dpmpp_2m": "DPM++ 2M", "dpmpp_2m_cfg_pp": "DPM++ 2M CFG++", "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE", "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun", "dpmpp_2m_sde_heun_gpu": "DPM++ 2M SDE Heun",
    "dpmpp_2s_ancestral": "DPM++ 2S a", "dpmpp_3m_sde": "DPM++ 3M SDE", "dpmpp_3m_sde_gpu": "DPM++ 3M SDE", "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_gpu": "DPM++ SDE", "er_sde": "ER SDE", "euler": "Euler", "euler_ancestral": "Euler a",
    "euler_ancestral_cfg_pp": "Euler a CFG++", "euler_cfg_pp": "Euler CFG++", "exp_heun_2_x0": "Exponential Heun x0",
    "exp_heun_2_x0_sde": "Exponential Heun x0 SDE", "gradient_estimation": "Gradient estimation", "heun": "Heun", "heunpp2": "HeunPP2",
    "ipndm": "IPNDM", "ipndm_v": "IPNDM_V", "lcm": "LCM", "lms": "LMS", "res_multistep": "RES multistep",
    "res_multistep_ancestral": "RES multistep", "sa_solver": "SA-Solver", "sa_solver_pece": "SA-Solver PECE",
    "seeds_2": "SEEDS-2", "seeds_3": "SEEDS-3",
    "uni_pc": "UniPC", "uni_pc_bh2": "UniPC",
}  # fmt: skip


@pytest.mark.parametrize(("alias", "name"), COMFYUI.items())
def test_comfyuis_names(alias, name):
    assert get_sampler(alias).name == name


def test_a_name_may_say_an_option():
    assert get_sampler("UNI_PC_BH2").options == get_sampler("UniPC").options | {"variant": "bh2"}
    assert get_sampler("res_multistep_ancestral").options == get_sampler("RES multistep").options | {"eta": 1.0}
    assert implied_options("uni_pc_bh2") == {"unipc_variant": "bh2"} and implied_options("uni_pc") == {}


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@settings(max_examples=200, deadline=None)
@given(value=JSON)
def test_whatever_is_asked_for_is_found_or_refused(value):
    for find in (get_sampler, get_schedule):
        try:
            assert find(value).name
        except RequestError as error:
            assert error.field in ("sampler", "schedule") and len(str(error)) < 2000


def test_options_are_the_functions_own():
    assert get_sampler("k_euler").options == {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}
    assert get_sampler("DPM++ 2M SDE").options == {"eta": 1.0, "s_noise": 1.0, "solver_type": "midpoint"}


def test_an_extension_may_give_a_function_or_its_import_string():
    def sample_mine(model, x, sigmas, extra_args=None, callback=None, disable=None, wobble=2): ...

    direct, lazy = Sampler("Mine", sample_mine), Sampler("Mine", "webui.samplers.euler:sample_euler")
    assert direct.function is sample_mine and direct.options == {"wobble": 2} and direct.aliases == ()
    assert lazy.function is get_sampler("Euler").function
    with pytest.raises(AttributeError):
        lazy.function = sample_mine
