"""Cards of the shelf: what is known of each model, short."""

import json
import time

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from webui.core.request import GenerationRequest

WEIGHTS = {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": np.ones((4, 768), np.float32)}
TRAINED = {"modelspec.trigger_phrase": "glazed ceramic, crackle", "ss_output_name": "Glaze of old"}


def test_a_card_has_what_is_known_and_what_is_kept(page, tmp_path):
    client = page.client()
    folder = tmp_path / "models" / "Lora" / "materials"
    folder.mkdir(parents=True)
    save_file(WEIGHTS, folder / "glaze.safetensors", TRAINED)
    (folder / "broken.safetensors").write_bytes(b"no weights")
    client.post("/page/lists")
    broken, glaze = client.get("/page/shelf").json()
    assert (broken["name"], glaze["name"], glaze["kind"], glaze["alias"]) == ("materials/broken", "materials/glaze", "lora", "Glaze of old")
    assert broken["error"] and not glaze["error"]
    assert glaze["triggers"] == ["glazed ceramic", "crackle"] and (glaze["family"], glaze["family_title"]) == (
        "sd1",
        "Stable Diffusion 1.x",
    )
    assert (glaze["preview"], glaze["favourite"], glaze["weight"]) == ("", False, None)

    Image.new("RGB", (8, 8), "teal").save(folder / "glaze.preview.png")
    (folder / "glaze.json").write_text(json.dumps({"notes": "Strong above 0.9."}))
    page.services.collection.change(glaze["id"], {"favourite": True, "weight": 0.8})
    glaze = client.get("/page/shelf").json()[1]
    assert glaze["preview"] and (glaze["favourite"], glaze["weight"]) == (True, 0.8)
    assert glaze["notes"] == "Strong above 0.9."


def test_a_card_says_when_who_asks_used_the_model_last(page, tmp_path):
    client = page.client()
    folder = tmp_path / "models" / "Lora"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("glaze", "lens", "hills"):
        save_file(WEIGHTS, folder / f"{name}.safetensors", TRAINED if name == "lens" else {})
    client.post("/page/lists")
    before = int(time.time())
    page.queue.submit(GenerationRequest(prompt="a jar <lora:glaze:0.8>"), owner="local")
    page.queue.submit(GenerationRequest(prompt="a jar <lora:Glaze of old:0.8> <lora:hills:1>"), owner="local")
    page.queue.submit(GenerationRequest(prompt="a jar <lora:hills:1>"), owner="ann")
    used = {card["name"]: card["used"] for card in client.get("/page/shelf", headers={"X-Owner": "local"}).json()}
    assert all(value >= before for value in used.values()), used
    used = {card["name"]: card["used"] for card in client.get("/page/shelf", headers={"X-Owner": "ann"}).json()}
    assert used["hills"] >= before and used["glaze"] == used["lens"] == 0
