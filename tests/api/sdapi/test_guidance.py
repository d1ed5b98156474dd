"""FreeU, SAG, PAG and kin over /sdapi/v1: the recorded requests' scripts become parts of the job's request, and its text is Forge's."""

import json
from pathlib import Path

import pytest

from tests.api.sdapi.conftest import FOX, picture
from webui.core.guidance import TokenMerging
from webui.images.metadata import read_parameters

CASES = [
    case
    for case in json.loads((Path(__file__).resolve().parents[2] / "data/reference/guidance_texts.json").read_text())
    if {"alwayson_scripts", "override_settings"} & set(case["request"])
]
PARTS = ("freeu", "sag", "pag", "dynamic_thresholding", "latent_modifier", "hrfix", "token_merging")


@pytest.fixture
def client(server, request):
    with server.client(owner=f"asks {request.node.name}".partition("[")[0][:60]) as client:
        yield client


def made(client, server, route: str = "txt2img", **fields):
    """(the answer, the request of the job that it made, what was said)."""
    answer = client.post(f"/sdapi/v1/{route}", json=FOX | fields)
    assert answer.status_code == 200, answer.text[-500:]
    job = server.services.queue.jobs(owner=client.headers["x-owner"], newest=True, limit=1)[0]
    return answer.json(), job.request, json.loads(answer.headers.get("x-darkroom-notes", "[]"))


def scripts(title, *args):
    return {"alwayson_scripts": {title: {"args": list(args)}}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_recorded_scripts_are_parts_of_the_request_and_of_the_text(client, server, case):
    answer, request, said = made(client, server, **case["request"])
    wanted = read_parameters(case["text"]).request()
    assert [getattr(request, part) for part in PARTS] == [getattr(wanted, part) for part in PARTS] and said == []
    keys = [pair for pair in case["text"].split(", ") if pair.startswith(("freeu", "sag", "pagi", "dyn", "latent_m", "kohya", "Token"))]
    (text,) = json.loads(answer["info"])["infotexts"]
    assert keys and ", ".join(keys) in text


@pytest.mark.parametrize(
    ("title", "part"),
    [
        ("FreeU", "freeu"),
        ("freeu integrated", "freeu"),
        ("Self Attention Guidance", "sag"),
        ("SAG", "sag"),
        ("PAG", "pag"),
        ("Dynamic Thresholding (CFG Scale Fix)", "dynamic_thresholding"),
        ("Kohya HRFix", "hrfix"),
        ("LatentModifier Integrated", "latent_modifier"),
    ],
)
def test_titles_of_all_versions_and_what_is_off(client, server, title, part):
    assert getattr(made(client, server, **scripts(title, True))[1], part) is not None
    assert getattr(made(client, server, **scripts(title, "false", "what is off is not read"))[1], part) is None
    assert getattr(made(client, server, **scripts(title))[1], part) is None


def test_arguments_by_name_as_texts_and_left_out(client, server):
    _, request, _ = made(client, server, **scripts("FreeU", True, "1.5", None, 0.5))
    assert (request.freeu.b1, request.freeu.b2, request.freeu.s1, request.freeu.end) == (1.5, 1.02, 0.5, 1.0)
    assert made(client, server, **scripts("PAG", {"scale": 5}))[1].pag.scale == 5
    assert made(client, server, **scripts("PAG", {"enabled": False, "scale": 5}))[1].pag is None


def test_the_other_extension_counts_percent_and_true(client, server):
    _, request, _ = made(
        client, server, **scripts("Dynamic Thresholding (CFG Scale Fix)", True, 7, 98, "Constant", 0, "Constant", 0, 1, False)
    )
    found = request.dynamic_thresholding
    assert found.threshold_percentile == 0.98 and found.separate_feature_channels == "disable"


@pytest.mark.parametrize(
    ("title", "args", "field"),
    [
        ("FreeU", [True, 9], "alwayson_scripts.FreeU Integrated (SD 1.x, SD 2.x, SDXL).b1"),
        ("SAG", [True, "much"], "alwayson_scripts.SelfAttentionGuidance Integrated (SD 1.x, SD 2.x, SDXL).scale"),
        ("DynamicThresholding", [True, 7, 1, "Zigzag"], "alwayson_scripts.DynamicThresholding (CFG-Fix) Integrated.mimic_mode"),
        ("Kohya HRFix", [True, *[1] * 9], "alwayson_scripts.Kohya HRFix Integrated"),
        ("PAG", [{"strength": 5}], "alwayson_scripts.PerturbedAttentionGuidance Integrated.strength"),
    ],
)
def test_what_is_wrong_is_refused_by_the_scripts_own_names(client, title, args, field):
    refused = client.post("/sdapi/v1/txt2img", json=FOX | scripts(title, *args))
    assert refused.status_code == 422 and field in json.dumps(refused.json())


def test_arguments_that_are_not_here_are_named_where_they_count(client, server):
    args = [True, 3.0, "cas", 0.5, "reinhard", 100, 2.0, "sharpen", 0.0, 0.5]
    _, request, said = made(client, server, **scripts("LatentModifier", *args))
    assert [line for line in said if "contrast_multiplier" in line] and [line for line in said if "'cas'" in line] and len(said) == 2
    assert request.latent_modifier.sharpness_multiplier == 0 and request.latent_modifier.tonemap_multiplier == 0.5
    _, request, said = made(client, server, **scripts("Kohya HRFix", True, 3, 2, 0, 0.5, True, "bislerp", "area"))
    assert request.hrfix.downscale_method == "bicubic" and "bislerp" in said[0]


def test_token_merging_by_options(client, server):
    def merging(route="txt2img", **options):
        more = {"init_images": [picture()]} if route == "img2img" else {}
        return made(client, server, route, override_settings=options, **more)[1].token_merging

    assert merging(token_merging_ratio=0.5) == TokenMerging(ratio=0.5) and merging(token_merging_ratio=0.0) is None
    assert merging(token_merging_ratio_hr=0.4) == TokenMerging(ratio=0.0, hires_ratio=0.4)
    ratios = {"token_merging_ratio": 0.5, "token_merging_ratio_img2img": 0.3}
    assert merging(**ratios) == TokenMerging(ratio=0.5) and merging("img2img", **ratios) == TokenMerging(ratio=0.3)
    refused = client.post("/sdapi/v1/txt2img", json=FOX | {"override_settings": {"token_merging_ratio": 2}})
    assert refused.status_code in (422, 500) and "token_merging_ratio" in refused.text


def test_an_infotext_brings_its_scripts_and_what_is_sent_wins(client, server):
    text = next(case["text"] for case in CASES if case["name"] == "sag-freeu")
    _, request, _ = made(client, server, infotext=text, **scripts("SelfAttentionGuidance Integrated (SD 1.x, SD 2.x, SDXL)", True, 1.5))
    assert request.freeu.b1 == 1.1 and request.sag.scale == 1.5


LISTED = {
    "freeu integrated (sd 1.x, sd 2.x, sdxl)": [False, 1.01, 1.02, 0.99, 0.95, 0.0, 1.0],
    "selfattentionguidance integrated (sd 1.x, sd 2.x, sdxl)": [False, 0.5, 2.0, 1.0],
    "perturbedattentionguidance integrated": [False, 3.0, 0.0, 0.0, 1.0],
    "kohya hrfix integrated": [False, 3, 2.0, 0.0, 0.35, True, "bicubic", "bicubic"],
    "dynamicthresholding (cfg-fix) integrated": [
        *(False, 7.0, 1.0, "Constant", 0.0, "Constant", 0.0, 1.0, "enable", "MEAN", "AD", 1.0),
    ],
    "latentmodifier integrated": [
        *(False, 0.0, "anisotropic", 0.0, "reinhard", 100.0, 0.0, "subtract", 0.0, 0.0, "gaussian", "add", 0.0, 100, 127, 0.0),
        *("hard_clamp", 5.0, 0.0, "None", "None"),
    ],
}
"""The defaults that Forge's own script-info lists."""


@pytest.mark.parametrize("name", LISTED)
def test_scripts_are_listed_with_forges_defaults(client, name):
    for is_img2img, route in ((False, "txt2img"), (True, "img2img")):
        listed = {each["name"]: each["args"] for each in client.get("/sdapi/v1/script-info").json() if each["is_img2img"] == is_img2img}
        assert [argument["value"] for argument in listed[name]] == LISTED[name]
        assert name in client.get("/sdapi/v1/scripts").json()[route]
