"""Every recorded call of Forge's is made again: status, keys, types and fixed values are the same, but for what is named here and why."""

import base64
import io
import json
import re

import pytest
from PIL import Image

from tests.api.sdapi.conftest import CALLS, RECORDED

OF_A_RUNNING_JOB = {
    *("txt2img-interrupted", "txt2img-interrupted-one", "progress-running", "progress-running-no-picture", "interrupt-running"),
    *("progress-after-interrupt", "progress-running-previews-off", "interrupt-running-2", "progress-idle-after"),
}
"""Calls while a picture was being made: test_progress.py."""
OF_AN_ADMIN = {"unload-checkpoint"}
BEFORE = {
    "txt2img-jpg-set-before": {"samples_format": "png"},
    "txt2img-override-set-before": {"CLIP_stop_at_last_layers": 1},
}
AFTER = {
    "options-set-after": "options-set",
    "options-set-unknown-checkpoint-after": "options-set-unknown-checkpoint",
    "options-set-wrong-type-after": "options-set-wrong-type",
    "get-options-after-override-restored": "txt2img-override-restored",
    "get-options-after-override-set-before": "txt2img-override-set-before",
}
"""Calls by the same user as another one, after it."""
LISTS = {
    *(
        "samplers",
        "schedulers",
        "upscalers",
        "latent-upscale-modes",
        "sd-models",
        "sd-modules",
        "sd-vae",
        "hypernetworks",
        "face-restorers",
    ),
    *("realesrgan-models", "prompt-styles", "embeddings", "loras", "scripts", "script-info", "extensions", "model_list", "module_list"),
    "control_types",
}
"""Lists of an install: of an entry, keys and types count."""
ANY = {
    *("subseed", "all_subseeds", "job_timestamp", "progress", "sampling_step", "eta_relative", "version", "sd_model_name"),
    *("sd_model_hash", "free", "used", "total", "current", "peak", "sd_checkpoint_hash", "sd_model_checkpoint", "seed_drawn"),
}
WORKS = "fails for Forge alone; ours works"
NEEDLESS = "Forge names modules of the second pass; Darkroom's second pass has the first one's"
ALIAS = "Forge takes an old name for unknown and draws with DPM++ 2M; ours knows it, as A1111 did"
NEAREST = "ours takes the nearest value that may be, says so in a header, and writes that into the text"
RESTORED = "A1111's rule: what was overridden is restored; Forge lets it stay"
NO_MODEL = "a model for this is not in Darkroom; refused by name"
NAMED: dict[str, dict[str, str]] = {
    "get-cmd-flags": {"status": "Forge fails over a port's type; ours answers, without secrets"},
    "get-sd-vae": {"status": "missing in Forge"},
    "get-controlnet-version": {"status": "missing in Forge"},
    "get-controlnet-settings": {"status": "missing in Forge"},
    "get-internal-ping-nowebui": {"status": "missing there only for want of the page"},
    "get-root-nowebui": {"status": "missing there only for want of the page"},
    "options-set-wrong-type": {"status": "Forge stores a wrong type without a word; ours refuses it"},
    "options-set-wrong-type-after": {"status": "after which its GET fails; ours goes on"},
    "txt2img-hires": {"status": WORKS},
    "txt2img-hires-no-upscaler": {"status": WORKS},
    "txt2img-hires-other-sampler": {"status": WORKS},
    "txt2img-hires-resize-x": {"status": WORKS},
    "txt2img-infotext": {"status": WORKS},
    "controlnet-detect-canny": {"status": "Darkroom has no preprocessors; said in Forge's words"},
    "txt2img-script-prompt-matrix": {"status": WORKS},
    "img2img-script-loopback": {
        place: "Forge tells of the last round, with marks of the script; ours of all rounds, each as it was"
        for place in (
            *("info.all_seeds", "info.all_seeds.0", "info.all_prompts", "info.all_negative_prompts"),
            *("info.denoising_strength", "info.infotexts.0", "info.infotexts.1", "info.infotexts.2"),
            *("info.extra_generation_params.Final denoising strength", "info.extra_generation_params.Denoising curve"),
            "info.extra_generation_params.Denoising strength",
        )
    },
    "extra-single-rrdb4": {"status": NO_MODEL},
    "txt2img-jpg": {"pictures.0.format": RESTORED, "pictures.0.text": "JPEG's text is not listed in the recording"},
    "txt2img-odd-size": {"info.infotexts.0": "ours says the size that the picture has"},
    "error-cfg-negative": {
        "info.infotexts.0": "ours is drawn with the nearest value that it may be, says so in a header, and the text too"
    },
    "error-denoising-2": {"info.infotexts.0": "ours is drawn with the nearest value that it may be, says so in a header, and the text too"},
    "extra-batch": {"pictures.0.text": "each picture keeps its own text; Forge gives the first one the second's"},
    "txt2img-sampler-alias": {"info.infotexts.0": ALIAS, "info.sampler_name": ALIAS, "info.extra_generation_params.Schedule type": ALIAS},
    "txt2img-hires-modules-list": {
        "info.extra_generation_params.Hires Module 1": NEEDLESS,
        "info.infotexts.0": NEEDLESS,
        "info.extra_generation_params.Hires Distilled CFG Scale": "no model of Darkroom's is distilled so",
    },
    "txt2img-firstphase": {
        "info.extra_generation_params.Hires Module 1": NEEDLESS,
        "info.infotexts.0": NEEDLESS,
        "info.extra_generation_params.Hires Distilled CFG Scale": "no model of Darkroom's is distilled so",
    },
    "txt2img-restore-faces": {
        "info.restore_faces": "without a file of a network nothing is restored, and a header says so; Forge claims it",
        "info.face_restoration_model": "the same",
        "info.infotexts.0": "the same",
    },
    "get-options-after-override-restored": {"answer.CLIP_stop_at_last_layers": RESTORED},
}


def body_of(call: dict) -> str | None:
    if "body_raw" in call:
        text = json.dumps(CALLS["img2img"]["body"]) if call["body_raw"] == "data-url" else call["body_raw"]
        prefix = "data:image/png;base64," if call["body_raw"] == "data-url" else ""
    elif call["body"] is None:
        return None
    else:
        text, prefix = json.dumps(call["body"]), ""

    def file(found: re.Match) -> str:
        return f'"{prefix}{base64.b64encode((RECORDED / found[1]).read_bytes()).decode()}"'

    text = re.sub(r'"<base64 of (in[\w-]*\.(?:png|jpg))>"', file, text)
    return re.sub(r'(?<!"name": )"(in[\w-]*\.(?:png|jpg))"', file, text)


def made_again(client, name: str):
    call = CALLS[name]
    return client.request(call["method"], call["path"], content=body_of(call), headers={"content-type": "application/json"})


def kind(value) -> str:
    return {bool: "bool", int: "number", float: "number", str: "text", type(None): "null", list: "list", dict: "object"}[type(value)]


def differences(theirs, ours, path: str, fixed: bool):
    """Places where two values differ: in kind, in keys, and, with `fixed`, in what they say."""
    place = path.rpartition(".")[2]
    if place in ANY:
        fixed = False
    if kind(theirs) != kind(ours):
        if fixed or None not in (theirs, ours):  # in a list, an entry may leave out what another one says
            yield path
    elif isinstance(theirs, dict):
        for key in {**theirs, **ours}:
            if key not in theirs or key not in ours:
                yield f"{path}.{key}"
            else:
                yield from differences(theirs[key], ours[key], f"{path}.{key}", fixed)
    elif isinstance(theirs, list):
        if fixed and len(theirs) != len(ours):
            yield path
        for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from differences(one, other, f"{path}.{number}", fixed)
    elif fixed and place != "infotexts" and plain(theirs) != plain(ours):
        yield path


def plain(value):
    if isinstance(value, str) and "Steps: " in value:
        return re.sub(r"Model hash: \w+, |Model: [\w-]+, |Seed: \d+, |, RNG: CPU|, Version: [\w.-]+$", "", value)
    return value


def is_base64(value) -> bool:
    return isinstance(value, str) and value.startswith("<base64 ")


def masked(theirs, ours):
    """Ours with each picture written as the recording writes it."""
    if is_base64(theirs) and isinstance(ours, str) and len(ours) > 60:
        return theirs
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {key: masked(theirs.get(key), value) for key, value in ours.items()}
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [masked(one, other) for one, other in zip(theirs, ours, strict=True)]
    return ours


def pictures_in(value):
    """Every picture of an answer, in order."""
    if isinstance(value, dict):
        for each in value.values():
            yield from pictures_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from pictures_in(each)
    elif isinstance(value, str) and len(value) > 60 and re.fullmatch(r"[A-Za-z0-9+/]+=*", value):
        with Image.open(io.BytesIO(base64.b64decode(value))) as image:
            text = sorted(image.text) if image.format == "PNG" else []
            yield {"format": image.format, "size": list(image.size), "mode": image.mode, "text": [key for key in text if key != "darkroom"]}


def pair(theirs: list, ours: list) -> tuple:
    """An entry of the same name in both lists, else the first of each; nothing where one is empty."""
    if not theirs or not ours or not isinstance(theirs[0], dict):
        return theirs[:1] and ours[:1] and theirs[:1], theirs[:1] and ours[:1] and ours[:1]
    named = {name_of(entry): entry for entry in ours}
    return next(((entry, named[name_of(entry)]) for entry in reversed(theirs) if name_of(entry) in named), (theirs[0], ours[0]))


def name_of(entry: dict) -> str:
    return entry.get("name") or entry["model_name"]


def found_differences(name: str, answer) -> set[str]:
    call = CALLS[name]
    ours = answer.json() if answer.headers["content-type"].startswith("application/json") else None
    if call["status"] >= 500 and 400 <= answer.status_code < 500:
        assert isinstance(ours["detail"], str) and ours["detail"], "a refusal is a sentence"
        return set()
    if call["status"] != answer.status_code:
        return {"status"}
    found = set()
    info = json.loads(ours.pop("info")) if call.get("info_parsed") else None
    theirs, page = call["answer"], call["path"].rpartition("/")[2].partition("?")[0]
    if page in LISTS and call["status"] == 200 and isinstance(theirs, list):
        theirs, ours = pair(theirs, ours)
    elif page == "options" and isinstance(theirs, dict) and len(theirs) < 10:
        ours = {key: ours[key] for key in theirs}
    elif page == "embeddings":
        theirs = ours = None
    fixed = page not in {*LISTS, "memory"} and not (page == "options" and name == "get-options")
    found |= set(differences(theirs, masked(theirs, ours), "answer", fixed))
    if info is not None:
        drawn = call["body"] is not None and isinstance(call["body"], dict) and call["body"].get("seed", -1) == -1
        for key in ("seed", "all_seeds") if drawn else ():
            del info[key], call["info_parsed"][key]
        found |= set(differences(call["info_parsed"], info, "info", True))
    if call["status"] == 200 and call.get("pictures"):
        found |= set(differences(call["pictures"], list(pictures_in(answer.json())), "pictures", True))
    return found


@pytest.mark.parametrize("name", [name for name in CALLS if name not in OF_A_RUNNING_JOB])
def test_a_recorded_call_is_answered_in_the_same_way(server, name):
    with server.client(owner="" if name in OF_AN_ADMIN else f"caller {name}"[:60]) as client:
        if name in BEFORE or AFTER.get(name) in BEFORE:
            client.post("/sdapi/v1/options", json=BEFORE.get(name) or BEFORE[AFTER[name]])
        if name in AFTER:
            made_again(client, AFTER[name])
        answer = made_again(client, name)
    assert answer.status_code < 500, answer.text[-500:]
    found = found_differences(name, answer)
    assert found == set(NAMED.get(name, {})), f"{sorted(found - set(NAMED.get(name, {})))}, not {sorted(set(NAMED.get(name, {})) - found)}"
