import hashlib
import io
import os

import pytest
from PIL import Image, PngImagePlugin

TEXT = "a red apple\nNegative prompt: blurry\nSteps: 12, Sampler: Euler, Schedule type: Karras, CFG scale: 5, Seed: 42, Size: 512x640"


def png(text: str | None = None) -> bytes:
    facts = PngImagePlugin.PngInfo()
    if text is not None:
        facts.add_text("parameters", text)
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "PNG", pnginfo=facts)
    return file.getvalue()


def test_generate_submits_the_form(page):
    values = {"mode": "txt2img", "prompt": "a red apple", "steps": 5, "hires.enabled": False, "extras.grain.amount": 0.5}
    answer = page.client().post("/page/generate", json={"values": values})
    assert answer.status_code == 200
    assert answer.json()["job"]["id"] == page.queue.jobs()[0].id
    request, owner = page.submitted[0]
    assert (request.prompt, request.steps, request.hires, owner) == ("a red apple", 5, None, "local")
    assert request.extras == {"grain": {"amount": 0.5}}


def test_generate_names_the_field_that_is_wrong(page):
    answer = page.client().post("/page/generate", json={"values": {"mode": "txt2img", "width": 513}})
    assert answer.status_code == 422
    assert answer.json()["field"] == "width"
    assert page.submitted == []


def test_tokens_are_counted(page):
    assert page.client().post("/page/tokens", json={"text": "a red apple"}).json() == {"count": 3, "limit": 75}


def test_a_pasted_text_becomes_values(page):
    found = page.client().post("/page/parameters/text", json={"text": TEXT}).json()
    assert found["values"]["prompt"] == "a red apple"
    assert found["values"]["steps"] == 12
    assert (found["values"]["width"], found["values"]["height"]) == (512, 640)
    assert found["table"]["CFG Scale"] == "5"
    assert found["mode"] == "txt2img"


def test_a_dropped_picture_becomes_values(page):
    found = page.client().post("/page/parameters/picture", content=png(TEXT)).json()
    assert found["values"]["seed"] == 42
    assert found["text"] == TEXT


def test_names_become_those_of_the_drop_downs_and_what_is_not_here_is_listed(page, tmp_path):
    lora = tmp_path / "models" / "Lora" / "sub" / "style.safetensors"
    lora.parent.mkdir(parents=True)
    lora.write_bytes(b"")
    line = "Steps: 12, Sampler: k_dpmpp_2m, Schedule type: karras, Seed: 42, Model: elsewhere, VAE: Automatic, Hires upscale: 2"
    text = f"<lora:style:1> <lora:other:0.5>\n{line}, Hires upscaler: R-ESRGAN 4x+, Wobble: 3"
    found = page.client().post("/page/parameters/text", json={"text": text}).json()
    assert (found["values"]["sampler"], found["values"]["schedule"], found["values"]["vae"]) == ("DPM++ 2M", "Karras", "Automatic")
    assert "checkpoint" not in found["values"] and "hires.upscaler" not in found["values"]
    assert found["left_out"] == [
        "Stable Diffusion checkpoint: elsewhere (not here)",
        "Upscaler: R-ESRGAN 4x+ (not here)",
        "LoRA: other (not here)",
        "Wobble: 3",
    ]


def test_an_old_sampler_name_fills_both_fields_and_an_unknown_one_none(page):
    def read(sampler):
        text = f"x\nSteps: 12, Sampler: {sampler}, Seed: 42"
        return page.client().post("/page/parameters/text", json={"text": text}).json()

    assert read("DPM++ 2M Karras")["values"] | {"sampler": "DPM++ 2M", "schedule": "Karras"} == read("DPM++ 2M Karras")["values"]
    unknown = read("res_multistep_cfg_pp")
    assert "sampler" not in unknown["values"] and unknown["left_out"] == ["Sampling method: res_multistep_cfg_pp (not here)"]


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (b"this is no picture", "picture", "picture"),
        (png(), "parameters", "says nothing about how it was made"),
        (png(TEXT)[:60], "parameters", "cut"),
    ],
    ids=["noise", "plain", "cut"],
)
def test_a_picture_that_says_nothing_is_told(page, data, field, words):
    answer = page.client().post("/page/parameters/picture", content=data)
    assert answer.status_code == 422
    assert answer.json()["field"] == field and words in answer.json()["message"]


def test_a_text_that_is_no_parameters_is_told(page):
    assert page.client().post("/page/parameters/text", json={"text": "just a prompt"}).status_code == 422


def test_settings_are_listed_changed_and_reset(page, tmp_path):
    client = page.client()
    fields = {field["name"]: field for section in client.get("/page/settings").json()["sections"] for field in section["fields"]}
    assert fields["preview_period"]["kind"] == "number" and not fields["preview_period"]["changed"]
    changed = client.patch("/page/settings", json={"values": {"preview_period": 2, "models_dirs": "/a\n\n/b"}})
    assert changed.status_code == 200
    assert "preview_period = 2" in (tmp_path / "settings.toml").read_text()
    assert [str(path) for path in page.services.settings.current().models_dirs] == ["/a", "/b"]
    after = client.patch("/page/settings", json={"values": {"preview_period": None}}).json()
    field = next(each for section in after["sections"] for each in section["fields"] if each["name"] == "preview_period")
    assert field["value"] == field["default"] and not field["changed"]


@pytest.mark.parametrize(("name", "value"), [("picture_quality", 101), ("access_key", "x"), ("data_dir", "/"), ("no_such", 1)])
def test_a_setting_that_cannot_be_is_refused(page, tmp_path, name, value):
    answer = page.client().patch("/page/settings", json={"values": {name: value}})
    assert answer.status_code == 422
    assert answer.json()["field"] == name
    assert not (tmp_path / "settings.toml").exists()


def test_extensions_have_cards_with_reasons(make_page):
    page = make_page(grain="import no_such_module\nfrom webui import hookimpl\n@hookimpl\ndef register_tabs(register): ...\n")
    card = page.client().get("/page/extensions").json()[0]
    assert card["id"] == "grain" and card["on"]
    assert card["reason"] == "ModuleNotFoundError: No module named 'no_such_module'."
    assert "Traceback" in card["error"]


def test_our_own_errors_are_told_without_their_class(make_page):
    raising = "from webui.errors import ExtensionError\nraise ExtensionError('heavy', 'import', 'imports torch in the web process')\n"
    page = make_page(heavy=raising + "from webui import hookimpl\n@hookimpl\ndef register_tabs(register): ...\n")
    assert page.client().get("/page/extensions").json()[0]["reason"] == "Imports torch in the web process."


def test_an_extension_is_switched_off(page):
    client = page.client()
    assert client.get("/page/extensions").json()[0]["adds"] == ["panel Grain", "tab Grain tab"]
    card = client.put("/page/extensions/grain", json={"on": False}).json()[0]
    assert not card["on"] and card["restart"]
    assert client.put("/page/extensions/nobody", json={"on": False}).status_code == 404


def test_lists_and_native_values(page, tmp_path):
    client = page.client()
    before = client.get("/page/lists").json()
    assert before["checkpoint"] == [] and before["schedule"][0] == "Automatic"
    assert before["hires.sampler"][1:] == before["sampler"]
    vae = tmp_path / "models" / "VAE" / "late.safetensors"
    vae.parent.mkdir(parents=True)
    vae.write_bytes(b"")
    assert client.post("/page/lists").json()["vae"] == [*before["vae"], "late"]
    assert [(card["kind"], card["name"], bool(card["error"])) for card in client.get("/page/shelf").json()] == [("vae", "late", True)]
    assert client.get("/page/native").json()["width"] == 512 and client.get("/page/native").json()["unsupported"] == []
    assert client.get("/page/native?checkpoint=nowhere").json() is None


def checkpoint(page, tmp_path, name, content=b"x" * 0x120000):
    """A file among the checkpoints, whole or not."""
    path = tmp_path / "models" / "Stable-diffusion" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest(), hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8]


def test_a_checkpoint_is_known_by_its_hash_of_today_and_of_2022(page, tmp_path):
    today, old = checkpoint(page, tmp_path, "mine")

    def read(model):
        text = f"x\nSteps: 12, Sampler: Euler, Seed: 42, {model}"
        return page.client().post("/page/parameters/text", json={"text": text}).json()

    for digest in (today[:10], old):
        assert (read(f"Model hash: {digest}, Model: mine")["values"]["checkpoint"], read(f"Model hash: {digest}")["left_out"]) == (
            "mine",
            [],
        )
        assert read(f"Model hash: {digest}, Model: another name")["values"]["checkpoint"] == "mine"
    other = read("Model hash: 0123456789, Model: mine")
    assert other["values"]["checkpoint"] == "mine"
    assert other["left_out"] == ["Stable Diffusion checkpoint: mine [0123456789] (mine is here with another hash)"]
    os.mkfifo(tmp_path / "models" / "Stable-diffusion" / "pipe.safetensors")
    page.services.library.scan()
    assert read("Model hash: 01234567")["left_out"] == ["Stable Diffusion checkpoint: [01234567] (not here)"]


def test_a_checkpoints_own_sampler_that_is_not_here_is_not_shown(page, tmp_path):
    from tests.library.test_scan import write

    own = '{"width": 640, "sampler": "Sampler of tomorrow", "schedule": "Karras"}'
    write(tmp_path / "models" / "Stable-diffusion" / "late.safetensors", metadata={"darkroom.native": own})
    client = page.client()
    client.post("/page/lists")
    shown = client.get("/page/native?checkpoint=late").json()
    assert (shown["width"], shown["sampler"]) == (640, "DPM++ 2M")
