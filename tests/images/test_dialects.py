"""Pictures of other programs: a form filled in, names in A1111's words, and what has no place said in words."""

import io
import json

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.images.metadata import read_metadata

A_PICTURE = Image.new("RGB", (8, 8), "red")


def png(**chunks):
    info, stream = PngInfo(), io.BytesIO()
    for key, text in chunks.items():
        info.add_text(key, text if isinstance(text, str) else json.dumps(text))
    A_PICTURE.save(stream, "PNG", pnginfo=info)
    return read_metadata(stream.getvalue())


def with_exif(format, **tags):
    exif, stream = Image.Exif(), io.BytesIO()
    for tag, value in tags.items():
        exif[int(tag.removeprefix("tag"))] = value
    A_PICTURE.save(stream, format, exif=exif)
    return read_metadata(stream.getvalue())


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


GRAPH = {
    "3": node(
        "KSampler",
        seed=156680208700286,
        steps=20,
        cfg=8,
        sampler_name="dpmpp_2m",
        scheduler="karras",
        denoise=1,
        model=["10", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    ),
    "4": node("CheckpointLoaderSimple", ckpt_name="v1-5-pruned.safetensors"),
    "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
    "6": node("CLIPTextEncode", text="a glass bottle", clip=["11", 0]),
    "7": node("CLIPTextEncode", text="text, watermark", clip=["11", 0]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    "10": node("LoraLoader", lora_name="sub/style.safetensors", strength_model=0.8, strength_clip=0.5, model=["4", 0], clip=["4", 1]),
    "11": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["10", 1]),
}


def test_comfyui():
    reading = png(prompt=GRAPH, workflow={"nodes": []})
    request = reading.request()
    assert (reading.source, reading.unmapped) == ("ComfyUI", ())
    assert (request.prompt, request.negative_prompt) == ("a glass bottle <lora:style:0.5:0.8>", "text, watermark")
    assert (request.seed, request.steps, request.guidance, request.sampler, request.schedule) == (
        156680208700286,
        20,
        8,
        "DPM++ 2M",
        "Karras",
    )
    assert (request.width, request.height, request.checkpoint, request.clip_skip) == (512, 768, "v1-5-pruned.safetensors", 2)
    assert (request.noise_source, request.emphasis) == ("cpu", "No norm")


def test_comfyuis_graph_is_there_to_be_copied():
    assert png(prompt=GRAPH, workflow={"nodes": []}).text == f"prompt: {json.dumps(GRAPH)}\n\nworkflow: {json.dumps({'nodes': []})}"


def test_comfyui_img2img_with_strange_nodes():
    graph = GRAPH | {
        "3": node("KSampler", **(GRAPH["3"]["inputs"] | {"denoise": 0.6, "latent_image": ["12", 0], "seed": ["13", 0]})),
        "12": node("VAEEncode", pixels=["14", 0], vae=["4", 2]),
        "13": node("PrimitiveInt", value=5),
        "14": node("LoadImage", image="a.png"),
        "15": node("FaceDetailer", image=["8", 0], model=["4", 0]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["15", 0]),
        "16": node("KSampler", **GRAPH["3"]["inputs"]),
        "17": node("LoraLoader", lora_name="not linked.safetensors", strength_model=1, strength_clip=1, model=["4", 0], clip=["4", 1]),
    }
    del graph["5"]
    reading = png(prompt=graph)
    assert (reading.mode, reading.fields["strength"], reading.fields["seed"]) == ("img2img", 0.6, 5)
    assert reading.unmapped == ("node FaceDetailer",) and "not linked" not in reading.fields["prompt"]


def test_comfyui_webp_keeps_the_graph_in_exif():
    assert with_exif("WEBP", tag272="prompt:" + json.dumps(GRAPH)).fields["steps"] == 20


def test_a_comfyui_sampler_in_parts():
    graph = {key: GRAPH[key] for key in ("4", "5", "6", "7", "8", "9", "10", "11")} | {
        "3": node("SamplerCustomAdvanced", noise=["20", 0], guider=["21", 0], sampler=["22", 0], sigmas=["23", 0], latent_image=["5", 0]),
        "20": node("RandomNoise", noise_seed=7),
        "21": node("CFGGuider", cfg=5.5, model=["10", 0], positive=["6", 0], negative=["7", 0]),
        "22": node("KSamplerSelect", sampler_name="euler_ancestral"),
        "23": node("BasicScheduler", scheduler="beta", steps=12, denoise=1.0, model=["10", 0]),
    }
    reading = png(prompt=graph)
    request = reading.request()
    assert (request.sampler, request.schedule, request.steps, request.guidance, request.seed) == ("Euler a", "Beta", 12, 5.5, 7)
    assert (request.prompt, request.negative_prompt) == ("a glass bottle <lora:style:0.5:0.8>", "text, watermark")
    assert (request.width, request.height, request.checkpoint, reading.unmapped) == (512, 768, "v1-5-pruned.safetensors", ())


def test_a_comfyui_schedule_in_a_node_of_its_own():
    graph = {key: GRAPH[key] for key in ("4", "5", "6", "7", "10", "11")} | {
        "3": node(
            "SamplerCustom", noise_seed=7, cfg=4, model=["10", 0], positive=["6", 0], negative=["7", 0],
            sampler=["22", 0], sigmas=["23", 0], latent_image=["5", 0],
        ),
        "22": node("KSamplerSelect", sampler_name="dpmpp_2m"),
        "23": node("KarrasScheduler", steps=9, sigma_max=14.6, sigma_min=0.03, rho=5.0),
    }  # fmt: skip
    request = png(prompt=graph).request()
    assert (request.sampler, request.schedule, request.steps, request.guidance, request.seed) == ("DPM++ 2M", "Karras", 9, 4, 7)
    assert (request.sampler_options.sigma_max, request.sampler_options.sigma_min, request.sampler_options.rho) == (14.6, 0.03, 5)
    assert (request.prompt, request.negative_prompt) == ("a glass bottle <lora:style:0.5:0.8>", "text, watermark")


def test_comfyuis_samplers_that_say_an_option():
    graph = GRAPH | {"3": node("KSampler", **(GRAPH["3"]["inputs"] | {"sampler_name": "uni_pc_bh2"}))}
    request = png(prompt=graph).request()
    assert (request.sampler, request.sampler_options.unipc_variant) == ("UniPC", "bh2")


def test_a_graph_that_bites_its_tail():
    graph = {"1": node("KSampler", steps=1, cfg=1, sampler_name="euler", positive=["1", 0], seed=["2", 0]), "2": node("X", seed=["2", 0])}
    assert png(prompt=graph).fields["sampler"] == "Euler"


def test_invokeai():
    reading = png(
        invokeai_metadata={
            "app_version": "4.2.9",
            "generation_mode": "txt2img",
            "positive_prompt": "a fox",
            "negative_prompt": "blurry",
            "width": 512,
            "height": 640,
            "seed": 12,
            "rand_device": "cpu",
            "cfg_scale": 7.5,
            "cfg_rescale_multiplier": 0.25,
            "steps": 30,
            "scheduler": "dpmpp_2m_k",
            "clip_skip": 0,
            "model": {"name": "dreamshaper", "model_name": "dreamshaper", "base": "sd-1"},
            "vae": {"name": "mse"},
            "controlnets": [{"weight": 1}],
            "loras": [],
        }
    )
    request = reading.request()
    assert reading.source == "InvokeAI"
    assert (request.prompt, request.negative_prompt, request.sampler, request.schedule) == ("a fox", "blurry", "DPM++ 2M", "Karras")
    assert (request.width, request.height, request.seed, request.guidance, request.steps) == (512, 640, 12, 7.5, 30)
    assert (request.guidance_options.rescale, request.clip_skip, request.vae, request.checkpoint) == (0.25, 1, "mse", "dreamshaper")
    assert reading.unmapped == ('controlnets: [{"weight": 1}]',)


def test_old_invokeai():
    reading = png(Dream='"a fox [blurry]" -s 30 -S 12 -W 512 -H 640 -C 7.5 -A k_euler_a')
    assert (reading.fields["prompt"], reading.fields["negative_prompt"], reading.fields["sampler"]) == ("a fox", "blurry", "Euler a")
    assert (reading.fields["steps"], reading.fields["seed"], reading.fields["width"], reading.fields["guidance"]) == (30, 12, 512, 7.5)


INVOKE_5 = {
    "generation_mode": "txt2img", "positive_prompt": "a fox", "negative_prompt": "blurry", "width": 128, "height": 192, "seed": 5,
    "cfg_scale": 5.0, "steps": 7, "scheduler": "euler_a", "app_version": "5.4.3", "regions": [],
    "model": {"key": "9f58", "hash": "blake3:6a22", "name": "somebodys", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"key": "1", "hash": "blake3:1", "name": "style", "base": "sd-1", "type": "lora"}, "weight": -0.5}],
    "vae": {"key": "2", "hash": "blake3:2", "name": "mse", "base": "sd-1", "type": "vae"},
}  # fmt: skip


def test_invokeai_5_and_3_keep_model_and_loras():
    found = png(invokeai_metadata=INVOKE_5)
    assert (found.fields["checkpoint"], found.fields["vae"], found.unmapped) == ("somebodys", "mse", ())
    assert found.fields["prompt"] == "a fox <lora:style:-0.5>"
    older = INVOKE_5 | {
        "model": {"model_name": "somebodys", "base_model": "sd-1"},
        "loras": [{"lora": {"model_name": "style", "base_model": "sd-1"}, "weight": 0.7}],
        "clip_skip": 1,
    }
    found = png(invokeai_metadata=older)
    assert (found.fields["checkpoint"], found.fields["prompt"], found.fields["clip_skip"]) == ("somebodys", "a fox <lora:style:0.7>", 2)


def test_invokeai_says_what_it_cannot_place():
    strange = {"model": {"key": "9f58", "hash": "x"}, "loras": [{"model": {"key": "1"}, "weight": 1}], "scheduler": "dpmpp_3m_k"}
    found = png(invokeai_metadata=INVOKE_5 | strange | {"hrf_enabled": True, "positive_prompt": "a fox++"})
    said = " ".join(found.unmapped)
    assert "checkpoint" not in found.fields and all(word in said for word in ("model:", "LoRA:", "hrf_enabled", "plus and minus"))
    assert (found.fields["sampler"], found.fields["schedule"]) == ("dpmpp_3m_k", "Karras")


def test_invokeais_start_pictures_and_single_step_solver():
    found = png(
        invokeai_metadata=INVOKE_5 | {"generation_mode": "img2img", "strength": 0.4, "init_image": "x.png", "scheduler": "dpmpp_2s"}
    )
    assert (found.mode, found.fields["strength"], found.unmapped) == ("img2img", 0.4, ())
    assert (found.fields["sampler"], found.fields["sampler_options"]["eta"]) == ("DPM++ 2S a", 0)
    assert png(invokeai_metadata=INVOKE_5 | {"generation_mode": "outpaint"}).mode == "inpaint"


def test_invokeai_2_wrote_json_of_its_own():
    image = {"prompt": [{"prompt": "a fox [blurry]", "weight": 1}], "steps": 9, "cfg_scale": 7.5, "seed": 4, "width": 128, "height": 192}
    old = {
        "model": "stable diffusion",
        "model_weights": "sd-1.4",
        "app_version": "2.2.4",
        "image": image | {"sampler": "k_lms", "perlin": 0.1},
    }
    found = png(**{"sd-metadata": old})
    assert (found.fields["prompt"], found.fields["negative_prompt"], found.fields["checkpoint"]) == ("a fox", "blurry", "sd-1.4")
    assert (found.fields["steps"], found.fields["sampler"], found.unmapped) == (9, "LMS", ("perlin: 0.1",))


def test_invokeais_first_command_line():
    found = png(Dream='"a fox" -s30 -S 12 -A k_euler -f 0.4 -I in.png -G 0.8')
    assert (found.mode, found.fields["strength"]) == ("img2img", 0.4) and "G: 0.8" in found.unmapped


def test_novelai():
    comment = {
        "steps": 28,
        "height": 1216,
        "width": 832,
        "scale": 5.0,
        "seed": 99,
        "sampler": "k_euler_ancestral",
        "noise_schedule": "karras",
    }
    comment |= {"uc": "lowres", "cfg_rescale": 0.2, "sm": False, "uncond_scale": 1.0}
    reading = png(Software="NovelAI", Source="Stable Diffusion XL C1E1DE52", Description="1girl, {smile}", Comment=comment)
    request = reading.request()
    assert (request.prompt, request.negative_prompt, request.sampler, request.schedule) == ("1girl, {smile}", "lowres", "Euler a", "Karras")
    assert (request.width, request.height, request.steps, request.seed, request.guidance) == (832, 1216, 28, 99, 5)
    assert any("curly brackets" in line for line in reading.unmapped)


FOOOCUS = {
    "prompt": "a fox",
    "negative_prompt": "",
    "steps": 30,
    "guidance_scale": 4.0,
    "resolution": "(1152, 896)",
    "sharpness": 2.0,
    "seed": "123",
    "base_model": "juggernautXL",
    "base_model_hash": "aeb7e9e689",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "version": "Fooocus v2.5.5",
}


def test_fooocus():
    reading = png(parameters=FOOOCUS, fooocus_scheme="fooocus")
    request = reading.request()
    assert (request.prompt, request.width, request.height, request.seed, request.guidance) == ("a fox", 1152, 896, 123, 4)
    assert (request.sampler, request.schedule, request.checkpoint) == ("DPM++ 2M SDE", "Karras", "juggernautXL [aeb7e9e689]")
    assert reading.unmapped == ("sharpness: 2.0",)


def test_fooocuss_full_prompts_hold_its_styles():
    full = {"full_prompt": ["a fox", "cinematic"], "full_negative_prompt": ["blurry", "ugly"], "styles": "['Fooocus Cinematic']"}
    full |= {"vae": "Default (model)", "loras": [["style", 0.25, "01ab"]], "lora_combined_1": "style : 0.25", "refiner_model": "None"}
    found = png(parameters=FOOOCUS | full, fooocus_scheme="fooocus")
    assert (found.fields["prompt"], found.fields["negative_prompt"]) == ("a fox, cinematic <lora:style:0.25>", "blurry, ugly")
    assert "vae" not in found.fields and found.unmapped == ("sharpness: 2.0",)
    short = png(parameters=FOOOCUS | {"styles": "['Fooocus V2']", "vae": "mine.safetensors", "performance": "Lightning"})
    assert short.fields["vae"] == "mine.safetensors"
    assert set(short.unmapped) == {"sharpness: 2.0", "styles: ['Fooocus V2']", "performance: Lightning"}


def test_easy_diffusion():
    texts = {"prompt": "a fox", "negative_prompt": "", "seed": "5", "use_stable_diffusion_model": "C:\\models\\tiny.ckpt", "steps_x": "1"}
    texts |= {"num_inference_steps": "9", "guidance_scale": "7.5", "sampler_name": "euler_a", "width": "128", "height": "192"}
    texts |= {"use_vae_model": "None", "use_lora_model": "style", "lora_alpha": "0.5", "clip_skip": "True", "tiling": "None"}
    found = png(**texts)
    assert (found.source, found.fields["prompt"], found.fields["checkpoint"]) == ("Easy Diffusion", "a fox <lora:style:0.5>", "tiny")
    assert (found.fields["steps"], found.fields["sampler"], found.fields["clip_skip"]) == (9, "Euler a", 2)
    assert found.unmapped == ("steps_x: 1",)


def test_half_characters_in_json_do_not_reach_the_page():
    found = png(invokeai_metadata=json.dumps(INVOKE_5 | {"positive_prompt": "a \ud83d fox", "odd": "\ud83d"}))
    assert found.fields["prompt"].startswith("a ? fox") and found.unmapped == ("odd: ?",)


def test_fooocus_jpeg():
    assert with_exif("JPEG", **{f"tag{0x9286}": json.dumps(FOOOCUS)}).fields["steps"] == 30


def test_swarmui():
    values = {"prompt": "a fox", "negativeprompt": "blurry", "model": "sdxl", "images": 1, "steps": 20, "cfgscale": 6.5, "seed": 4}
    values |= {"width": 1024, "height": 1024, "sampler": "euler_ancestral", "scheduler": "normal", "clipstopatlayer": -2}
    values |= {"loras": ["style"], "loraweights": ["0.7"], "refinermethod": "PostApply"}
    reading = png(parameters={"sui_image_params": values, "sui_extra_data": {"date": "x"}})
    request = reading.request()
    assert (reading.source, reading.unmapped) == ("SwarmUI", ("refinermethod: PostApply",))
    assert (request.prompt, request.guidance, request.sampler, request.schedule) == ("a fox <lora:style:0.7>", 6.5, "Euler a", "Normal")
    assert request.clip_skip == 2


def test_a_picture_without_metadata():
    assert png() is None
    assert png(Software="GIMP", Comment="made with love") is None


WRONG_TYPES = [
    ("Fooocus", "full_prompt", ["a fox", 7], "full_prompt: "),
    ("Fooocus", "negative_prompt", {"text": "blurry"}, "negative_prompt: "),
    ("Fooocus", "loras", "detail : 0.5", "loras: detail : 0.5"),
    ("Fooocus", "loras", [{"name": "detail"}], "loras: "),
    ("Fooocus", "vae", {"name": "x"}, "vae: "),
    ("InvokeAI", "loras", {"model": {"name": "detail"}, "weight": 0.5}, "loras: "),
    ("InvokeAI", "scheduler", ["euler"], "scheduler: "),
    ("InvokeAI", "clip_skip", "two", "clip_skip: two"),
]


@pytest.mark.parametrize(("source", "key", "value", "line"), WRONG_TYPES)
def test_a_known_value_of_a_type_that_cannot_be_read_is_listed(source, key, value, line):
    fooocus = {"prompt": "a fox", "base_model": "m", "sampler": "euler", "scheduler": "karras", "seed": "1", "steps": 4, key: value}
    invoke = {"positive_prompt": "a fox", "scheduler": "euler", "seed": 1, "steps": 4, "model": {"name": "m"}, key: value}
    found = png(parameters=fooocus) if source == "Fooocus" else png(invokeai_metadata=invoke)
    assert found.source == source and any(each.startswith(line) for each in found.unmapped), found.unmapped


def test_comfyuis_number_that_is_none_is_listed():
    graph = GRAPH | {"3": node("KSampler", **(GRAPH["3"]["inputs"] | {"cfg": float("nan")}))}
    assert "CFG scale: is no number" in png(prompt=graph).unmapped


def test_invokeais_prompt_of_another_type_is_listed_once():
    reading = png(invokeai_metadata={"positive_prompt": ["a"], "scheduler": "euler", "seed": 7})
    assert [line for line in reading.unmapped if "prompt" in line] == ['positive_prompt: ["a"]']


def test_fooocuss_values_of_other_types_are_listed():
    told = {"full_prompt": [[1], None], "seed": "x", "steps": "many", "loras": [["a"], 5], "resolution": "(1e9, -5)"}
    reading = png(parameters=told | {"metadata_scheme": "fooocus", "version": "Fooocus v2"})
    assert reading.source == "Fooocus"
    for name in ("full_prompt", "seed", "steps", "loras", "resolution"):
        assert any(line.startswith(name) for line in reading.unmapped), (name, reading.unmapped)


FOOOCUS_21 = {
    "Prompt": "a fox",
    "Negative Prompt": "blurry",
    "Fooocus V2 Expansion": "",
    "Styles": "[]",
    "Performance": "Speed",
    "Resolution": "(128, 192)",
    "Sharpness": 2.0,
    "Guidance Scale": 4.0,
    "Base Model": "tiny.safetensors",
    "Refiner Model": "None",
    "Refiner Switch": 0.8,
    "Sampler": "dpmpp_2m_sde_gpu",
    "Scheduler": "karras",
    "Seed": 123,
    "LoRA 1": "base : 0.05",
    "LoRA 2": "None : 1.0",
    "LoRA [old.safetensors] weight": 0.5,
    "Version": "v2.1.860",
}


def test_fooocuss_older_names_are_read():
    reading = png(parameters=FOOOCUS_21)
    assert reading.source == "Fooocus" and reading.unmapped == ("sharpness: 2.0",)
    assert reading.fields["prompt"] == "a fox <lora:base:0.05> <lora:old:0.5>"
    request = reading.request()
    assert (request.negative_prompt, request.width, request.height, request.seed) == ("blurry", 128, 192, 123)
    assert (request.steps, request.guidance, request.sampler, request.schedule) == (30, 4, "DPM++ 2M SDE", "Karras")
    assert request.checkpoint == "tiny.safetensors"


def test_fooocuss_empty_full_prompt_and_lora_none():
    reading = png(parameters=FOOOCUS | {"full_prompt": [], "full_negative_prompt": [], "loras": [["None", 1.0], ["base", 0.5]]})
    assert reading.fields["prompt"] == "a fox <lora:base:0.5>" and reading.unmapped == ("sharpness: 2.0",)


NOVEL = {"prompt": "a fox", "sampler": "k_euler", "noise_schedule": "karras", "steps": 4, "seed": 3, "scale": 5, "uc": "x", "strength": 0.5}
NOVEL |= {"width": 64, "height": 64, "cfg_rescale": 0.5, "request_type": "x", "v4_prompt": {}}
EASY = {"use_stable_diffusion_model": "tiny", "prompt": "a fox", "negative_prompt": "x", "seed": 3, "num_inference_steps": 4, "width": 64}
EASY |= {"guidance_scale": 5, "height": 64, "sampler_name": "euler", "use_vae_model": "v", "use_lora_model": "base", "lora_alpha": 0.5}
DRAWN = {
    "c": "a fox",
    "uc": "x",
    "seed": 3,
    "steps": 4,
    "scale": 5,
    "size": "64x64",
    "sampler": "Euler A",
    "model": "tiny",
    "strength": 0.5,
}
SWARM = {"prompt": "a fox", "negativeprompt": "x", "model": "tiny", "steps": 4, "cfgscale": 5, "seed": 3, "width": 64, "height": 64}
SWARM |= {"variationseed": 5, "variationseedstrength": 0.5, "initimagecreativity": 0.5, "seamlesstileable": "false", "batchsize": 1}
SWARM |= {"sampler": "euler", "scheduler": "karras", "clipstopatlayer": -2, "vae": "v", "loras": ["base"], "loraweights": ["0.5"]}
INVOKED = {
    "positive_prompt": "a fox",
    "negative_prompt": "x",
    "cfg_scale": 5,
    "steps": 4,
    "seed": 3,
    "width": 64,
    "height": 64,
    "loras": [],
}
INVOKED |= {"scheduler": "euler", "model": {"name": "tiny"}, "vae": {"name": "v"}, "clip_skip": 1, "strength": 0.5, "generation_mode": "x"}
FOCUSED = {
    **FOOOCUS,
    "negative_prompt": "x",
    "full_prompt": ["a fox"],
    "full_negative_prompt": ["x"],
    "clip_skip": 2,
    "vae": "v",
    "loras": [],
}
JSON_DIALECTS = {
    "NovelAI": (NOVEL, lambda values: {"Comment": values, "Software": "NovelAI", "Description": "a fox"}),
    "Easy Diffusion": (EASY, lambda values: {"parameters": values}),
    "Draw Things": (DRAWN | {"lora": []}, lambda values: {"parameters": values}),
    "SwarmUI": (SWARM, lambda values: {"parameters": {"sui_image_params": values}}),
    "InvokeAI": (INVOKED, lambda values: {"invokeai_metadata": values}),
    "Fooocus": ({**FOCUSED, "metadata_scheme": "fooocus"}, lambda values: {"parameters": values}),
}


TAKEN = {"num_inference_steps": "steps", "c": "prompt", "positive_prompt": "prompt"}


@pytest.mark.parametrize("source", JSON_DIALECTS)
def test_every_value_of_another_type_is_listed_and_the_rest_taken(source):
    values, chunks = JSON_DIALECTS[source]
    for key in values.keys() - {"metadata_scheme", "version"}:
        for odd in ({"odd one": [1]}, [["odd one"]]):
            if type(odd) is type(values[key]):
                continue
            reading = png(**chunks({**values, key: odd}))
            assert reading.source == source and reading.fields.keys() >= {"emphasis", "prompt", "seed", "steps"} - {TAKEN.get(key, key)}
            lines = [line for line in reading.unmapped if "odd one" in line or line.startswith(f"{key}: ") or "weight is not known" in line]
            assert len(lines) == 1, (key, odd, reading.unmapped)


def test_novelais_description_is_taken_where_its_comment_is_broken():
    for comment in ("{broken", "[1]", "{}"):
        reading = png(Software="NovelAI", Description="a cat", Comment=comment)
        assert (reading.source, reading.fields["prompt"]) == ("NovelAI", "a cat")
        assert comment == "{}" or reading.unmapped == (f"Comment: {comment}",)


def test_easy_diffusions_bad_values_are_listed_and_the_rest_taken():
    told = {"prompt": "a fox", "seed": "x", "num_inference_steps": "None", "guidance_scale": "", "sampler_name": "euler"}
    reading = png(**told, use_lora_model="['base', 'b']", lora_alpha="[0.05, 1]")
    assert reading.source == "Easy Diffusion" and reading.fields["sampler"] == "Euler"
    assert reading.fields["prompt"] == "a fox <lora:base:0.05> <lora:b:1>"
    assert reading.unmapped == ("seed: x (Seed must be a whole number.)",)


WHOLE = {
    "clipSkip": 2, "hiresFix": True, "hiresFixWidth": 320, "hiresFixHeight": 384, "hiresFixStrength": 0.6, "batchSize": 2,
    "upscaler": "realesrgan_x4plus_f16.ckpt", "controls": [{"file": "canny"}], "refinerModel": "r.ckpt", "refinerStart": 0.7,
    "sharpness": 0.5, "zeroNegativePrompt": False, "fps": 5, "shift": 1, "width": 64, "loras": [], "originalImageWidth": 64,
    "tiledDecoding": False, "decodingTileWidth": 640, "newThing": 0,
}  # fmt: skip


def test_draw_things_whole_configuration_is_read():
    said = png(parameters={key: value for key, value in DRAWN.items() if key != "strength"} | {"v2": WHOLE})
    assert (said.fields["clip_skip"], said.fields["batch_size"], said.mode) == (2, 2, "txt2img")
    assert said.fields["hires"] == {"width": 64, "height": 64, "strength": 0.6, "upscaler": "Latent"}
    assert (said.fields["width"], said.fields["height"]) == (320, 384)
    left = ("upscaler", "controls", "refinerModel", "refinerStart", "sharpness", "newThing")
    assert [line.partition(":")[0] for line in said.unmapped if line.startswith("v2.")] == [f"v2.{key}" for key in left]
    assert sum("Batch size 2" in line for line in said.unmapped) == 1
    plain = {"clipSkip": 1, "hiresFix": False, "hiresFixWidth": 0, "refinerStart": 0.85, "controls": [], "batchSize": 1, "sharpness": 0}
    assert png(parameters=DRAWN | {"v2": plain}).unmapped == ()
    odd = png(parameters=DRAWN | {"v2": {"clipSkip": "x", "hiresFix": True, "hiresFixStrength": 0.5}})
    assert odd.unmapped == ("v2.clipSkip: x", "v2.hiresFix: true", "v2.hiresFixStrength: 0.5")
    assert png(parameters=DRAWN | {"v2": "text"}).unmapped == ("v2: text",)


def test_novelais_characters_and_zeros_are_said():
    captions = {"caption": {"char_captions": [{"char_caption": "a tail"}, {"char_caption": ""}]}}
    reading = png(Comment=NOVEL | {"v4_negative_prompt": captions, "uncond_scale": 0, "sm": False, "none": None}, Description="a fox")
    assert reading.unmapped == ("uncond_scale: 0", "negative prompt of a character: a tail")


def test_pictures_of_one_noise_are_said():
    several = GRAPH | {"5": node("EmptyLatentImage", width=512, height=768, batch_size=4)}
    reading = png(prompt=several)
    assert reading.fields["batch_size"] == 4 and "Batch size 4: ComfyUI draws one noise" in reading.unmapped[0]
    assert any("Batch size 3: SwarmUI" in line for line in png(parameters={"sui_image_params": SWARM | {"batchsize": 3}}).unmapped)
