"""ComfyUI's graphs: the way back from the saved picture by output slot, and a line for what is on it and not understood."""

import io
import json

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.images.metadata import read_metadata


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


BASE = {
    "1": node("CheckpointLoaderSimple", ckpt_name="tiny.safetensors"),
    "2": node("CLIPTextEncode", text="a red apple", clip=["1", 1]),
    "3": node("CLIPTextEncode", text="blurry", clip=["1", 1]),
    "4": node("EmptyLatentImage", width=128, height=192, batch_size=1),
    "5": node(
        "KSampler", seed=3, steps=7, cfg=5, sampler_name="euler", scheduler="normal", denoise=1,
        model=["1", 0], positive=["2", 0], negative=["3", 0], latent_image=["4", 0],
    ),
    "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
    "7": node("SaveImage", images=["6", 0], filename_prefix="x"),
}  # fmt: skip


def png(**chunks):
    info, stream = PngInfo(), io.BytesIO()
    for key, text in chunks.items():
        info.add_text(key, text if isinstance(text, str) else json.dumps(text))
    Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=info)
    return read_metadata(stream.getvalue())


def read(changes=(), **sampler):
    graph = BASE | dict(changes)
    return png(prompt=graph | {"5": node("KSampler", **(graph["5"]["inputs"] | sampler))})


def prompts(reading):
    return reading.fields.get("prompt"), reading.fields.get("negative_prompt")


CONTROL = {"control_net": ["11", 0], "image": ["12", 0], "strength": 1, "start_percent": 0, "end_percent": 1}


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("ControlNetApplyAdvanced", CONTROL, ("node ControlNetApplyAdvanced",)),
        ("ControlNetApplySD3", CONTROL, ("node ControlNetApplySD3",)),
        ("InpaintModelConditioning", {"vae": ["1", 2], "pixels": ["12", 0], "mask": ["12", 1]}, ()),
    ],
)
def test_a_node_with_two_conditionings_hands_each_on_by_its_slot(kind, more, said):
    both = {"10": node(kind, positive=["2", 0], negative=["3", 0], **more), "12": node("LoadImage", image="in.png")}
    reading = read(both, positive=["10", 0], negative=["10", 1])
    assert prompts(reading) == ("a red apple", "blurry") and reading.unmapped == said
    assert prompts(read(both, positive=["10", 1], negative=["10", 0])) == ("blurry", "a red apple")


def test_two_controlnets_in_a_row_and_a_reroute():
    row = {
        "10": node("ControlNetApplyAdvanced", positive=["2", 0], negative=["3", 0]),
        "11": node("ControlNetApplyAdvanced", positive=["13", 0], negative=["10", 1]),
        "13": node("Reroute", **{"": ["10", 0]}),
    }
    assert prompts(read(row, positive=["11", 0], negative=["11", 1])) == ("a red apple", "blurry")


def test_zeroed_conditioning_is_an_empty_negative_prompt_and_says_so():
    reading = read({"10": node("ConditioningZeroOut", conditioning=["2", 0])}, negative=["10", 0])
    assert prompts(reading) == ("a red apple", "")
    assert any("ConditioningZeroOut" in line for line in reading.unmapped)


def conditioning(kind, **inputs):
    graph = {"10": node("CLIPTextEncode", text="on a table", clip=["1", 1]), "11": node(kind, **inputs)}
    reading = read(graph, positive=["11", 0])
    assert reading.fields["negative_prompt"] == "blurry"
    return reading.fields.get("prompt"), reading.unmapped


def test_conditionings_that_are_put_together():
    two = {"conditioning_1": ["2", 0], "conditioning_2": ["10", 0]}
    assert conditioning("ConditioningCombine", **two) == ("a red apple :0.5 AND on a table :0.5", ())
    joined = {"conditioning_to": ["2", 0], "conditioning_from": ["10", 0]}
    assert conditioning("ConditioningConcat", **joined) == ("a red apple BREAK on a table", ())
    prompt, said = conditioning("ConditioningAverage", **joined, conditioning_to_strength=0.25)
    assert prompt == "on a table" and "ConditioningAverage" in said[0]
    assert conditioning("ConditioningAverage", **joined, conditioning_to_strength=1.0) == ("a red apple", ())


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("ConditioningSetTimestepRange", {"start": 0.0, "end": 0.5}),
        ("ConditioningSetArea", {"width": 64, "height": 64, "x": 0, "y": 0, "strength": 1.0}),
        ("FluxGuidance", {"guidance": 3.5}),
    ],
)
def test_what_changes_a_conditioning_but_not_its_words_is_said(kind, more):
    prompt, said = conditioning(kind, conditioning=["2", 0], **more)
    assert prompt == "a red apple" and any(kind in line for line in said)


def test_a_conditioning_from_an_unknown_node_is_named_and_not_guessed():
    reading = read({"10": node("SomebodysMixer", conditioning=["2", 0], positive=["3", 0], text="no")}, positive=["10", 0])
    assert prompts(reading) == (None, "blurry") and reading.unmapped == ("Prompt: comes from node SomebodysMixer",)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (node("StringConcatenate", string_a="a red", string_b=["21", 0], delimiter=" "), "a red apple"),
        (node("Text Concatenate", delimiter=", ", clean_whitespace="true", text_a="a red apple", text_c=["21", 0]), "a red apple, apple"),
        (node("JoinStrings", string1="a", string2="b", delimiter="-"), "a-b"),
        (node("StringFunction|pysssss", action="append", tidy_tags="yes", text_a="a", text_b="b", text_c=""), "a, b"),
        (node("PrimitiveStringMultiline", value="two\nlines"), "two\nlines"),
        (node("Text Multiline", text="a red apple"), "a red apple"),
        (node("ShowText|pysssss", text=["21", 0], text_0="apple"), "apple"),
        (node("StringReplace", string="a red pear", find="pear", replace="apple"), "a red apple"),
        (node("StringTrim", string="  x ", mode="Both"), "x"),
        (node("ImpactWildcardProcessor", wildcard_text="__fruit__", populated_text="plum", mode="populate", seed=1), "plum"),
        (node("ImpactSwitch", select=2, input1="no", input2=["21", 0]), "apple"),
        (node("ComfySwitchNode", switch=False, on_true=["2", 0], on_false=["21", 0]), "apple"),
        (node("Reroute", **{"": ["21", 0]}), "apple"),
    ],
)
def test_texts_from_other_nodes(source, text):
    more = {"20": source, "21": node("String Literal", string="apple"), "2": node("CLIPTextEncode", text=["20", 0], clip=["1", 1])}
    reading = read(more)
    assert prompts(reading) == (text, "blurry") and reading.unmapped == ()


def test_a_text_that_a_node_makes_up_is_named_and_the_known_part_kept():
    made = {"20": node("ChattyModel", prompt="x", temperature=1), "2": node("CLIPTextEncode", text=["20", 0], clip=["1", 1])}
    reading = read(made)
    assert "prompt" not in reading.fields and reading.unmapped == ("Prompt: comes from node ChattyModel",)
    made["2"] = node("CLIPTextEncode", text=["22", 0], clip=["1", 1])
    made["22"] = node("StringConcatenate", string_a="a fox", string_b=["20", 0], delimiter=", ")
    reading = read(made)
    assert reading.fields["prompt"] == "a fox" and reading.unmapped == ("Prompt, string_b: comes from node ChattyModel",)


def test_embeddings_are_called_as_here():
    words = {"2": node("CLIPTextEncode", text="a fox, (embedding:sub/easy.pt:1.2), embedding:worst", clip=["1", 1])}
    assert read(words).fields["prompt"] == "a fox, (easy:1.2), worst"


@pytest.mark.parametrize(
    ("sampler", "scheduler", "expected"),
    [
        ("dpmpp_2m", "karras", ("DPM++ 2M", "Karras")),
        ("sample_dpmpp_2m", "karras", ("DPM++ 2M", "Karras")),
        ("dpmpp_3m_sde_gpu", "exponential", ("DPM++ 3M SDE", "Exponential")),
        ("euler_ancestral", "sgm_uniform", ("Euler a", "SGM Uniform")),
        ("lcm", "ddim_uniform", ("LCM", "DDIM")),
    ],
)
def test_samplers_have_our_names(sampler, scheduler, expected):
    fields = read(sampler_name=sampler, scheduler=scheduler).fields
    assert (fields["sampler"], fields["schedule"]) == expected


def test_loras_count_where_they_are_linked():
    lora = {"lora_name": "styles\\foo.v1.safetensors", "strength_model": 0.7, "strength_clip": 0.5, "model": ["1", 0], "clip": ["1", 1]}
    loose = {"30": node("LoraLoader", **lora)}
    assert read(loose).fields["prompt"] == "a red apple"
    assert read(loose, model=["30", 0]).fields["prompt"] == "a red apple <lora:foo.v1:0:0.7>"
    words = loose | {"2": node("CLIPTextEncode", text="a red apple", clip=["30", 1])}
    assert read(words, model=["30", 0]).fields["prompt"] == "a red apple <lora:foo.v1:0.5:0.7>"
    only = {"30": node("LoraLoaderModelOnly", lora_name="bar.safetensors", strength_model=0.7, model=["1", 0])}
    assert read(only, model=["30", 0]).fields["prompt"] == "a red apple <lora:bar:0:0.7>"


@pytest.mark.parametrize(
    ("stack", "tags"),
    [
        (
            node("Power Lora Loader (rgthree)", model=["1", 0], clip=["1", 1], PowerLoraLoaderHeaderWidget={"type": "x"},
                 lora_1={"on": True, "lora": "a.safetensors", "strength": 0.5}, lora_2={"on": False, "lora": "b.pt", "strength": 1}),
            "<lora:a:0.5:0.5>",
        ),
        (
            node("CR Apply LoRA Stack", model=["1", 0], clip=["1", 1], lora_stack=["31", 0]),
            "<lora:c:0.4:0.6>",
        ),
    ],
)  # fmt: skip
def test_stacks_of_loras(stack, tags):
    rows = {"switch_1": "On", "lora_name_1": "c.safetensors", "model_weight_1": 0.6, "clip_weight_1": 0.4}
    rows |= {"switch_2": "Off", "lora_name_2": "d.safetensors", "model_weight_2": 1, "clip_weight_2": 1, "lora_name_3": "None"}
    graph = {"30": stack, "31": node("CR LoRA Stack", **rows)}
    graph |= {"2": node("CLIPTextEncode", text="x", clip=["30", 1]), "3": node("CLIPTextEncode", text="", clip=["30", 1])}
    reading = read(graph, model=["30", 0])
    assert reading.fields["prompt"] == f"x {tags}" and reading.unmapped == ()


def test_model_vae_and_clip_skip_by_their_links():
    graph = {
        "20": node("VAELoader", vae_name="mse.safetensors"),
        "21": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["1", 1]),
        "22": node("UNETLoader", unet_name="other.safetensors", weight_dtype="default"),
        "23": node("FreeU_V2", model=["22", 0], b1=1.3),
        "24": node("CLIPSetLastLayer", stop_at_clip_layer=-5, clip=["1", 1]),
        "25": node("VAELoader", vae_name="not linked.safetensors"),
        "2": node("CLIPTextEncode", text="a red apple", clip=["21", 0]),
        "3": node("CLIPTextEncode", text="blurry", clip=["21", 0]),
        "6": node("VAEDecode", samples=["5", 0], vae=["20", 0]),
    }
    reading = read(graph, model=["23", 0])
    fields = reading.fields
    assert (fields["checkpoint"], fields["vae"], fields["clip_skip"]) == ("other.safetensors", "mse.safetensors", 2)
    assert set(reading.unmapped) == {"node FreeU_V2: its b2 is not known", "Text encoder: that of the checkpoint tiny.safetensors"}


def second_pass(between, link, **sampler):
    inputs = BASE["5"]["inputs"] | {"denoise": 0.5, "steps": 3, "latent_image": link} | sampler
    return read(between | {"9": node("KSampler", **inputs), "6": node("VAEDecode", samples=["9", 0], vae=["1", 2])})


def test_an_enlarged_latent_and_a_second_sampler_are_hires_fix():
    latent = {"8": node("LatentUpscaleBy", samples=["5", 0], upscale_method="bicubic", scale_by=1.5)}
    reading = second_pass(latent, ["8", 0], sampler_name="dpmpp_2m", scheduler="karras")
    assert reading.mode == "txt2img" and reading.unmapped == ()
    hires = {"scale": 1.5, "upscaler": "Latent (bicubic)", "steps": 3, "strength": 0.5, "sampler": "DPM++ 2M", "schedule": "Karras"}
    assert reading.fields["hires"] == hires and (reading.fields["steps"], reading.fields["sampler"]) == (7, "Euler")
    assert "strength" not in reading.fields


def test_a_second_pass_over_pixels_through_an_upscaler():
    pixels = {
        "40": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "41": node("UpscaleModelLoader", model_name="4x-UltraSharp.pth"),
        "42": node("ImageUpscaleWithModel", upscale_model=["41", 0], image=["40", 0]),
        "43": node("ImageScaleBy", image=["42", 0], upscale_method="lanczos", scale_by=0.5),
        "44": node("VAEEncode", pixels=["43", 0], vae=["1", 2]),
    }
    reading = second_pass(pixels, ["44", 0], seed=9, positive=["3", 0])
    assert (reading.fields["hires"]["scale"], reading.fields["hires"]["prompt"]) == (2.0, "blurry")
    assert reading.fields["seed"] == 3 and reading.unmapped == ("Seed of the second pass: 9",)


def test_the_upscalers_name_is_kept_beside_a_scaling():
    pixels = {"42": node("ImageUpscaleWithModel", upscale_model=["41", 0], image=["40", 0])}
    pixels |= {"40": node("VAEDecode", samples=["5", 0]), "41": node("UpscaleModelLoader", model_name="sharp.pth")}
    reading = second_pass(pixels | {"44": node("VAEEncode", pixels=["42", 0])}, ["44", 0])
    assert reading.fields["hires"]["upscaler"] == "sharp" and any(line.startswith("Upscale by") for line in reading.unmapped)


@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_advanced_samplers_in_two_halves_are_a_refiner_where_one_goes_on_as_the_other(sampler):
    half = {
        "add_noise": "enable", "noise_seed": 3, "steps": 20, "cfg": 5, "sampler_name": "euler", "scheduler": "normal",
        "positive": ["2", 0], "negative": ["3", 0],
    }  # fmt: skip
    graph = BASE | {
        "8": node("CheckpointLoaderSimple", ckpt_name="refiner.safetensors"),
        "5": node("KSamplerAdvanced", **half, model=["1", 0], latent_image=["4", 0], start_at_step=0, end_at_step=16),
        "9": node(
            "KSamplerAdvanced",
            **(half | {"add_noise": "disable", "sampler_name": sampler}),
            model=["8", 0],
            latent_image=["5", 0],
            start_at_step=16,
            end_at_step=99,
        ),
        "6": node("VAEDecode", samples=["9", 0], vae=["1", 2]),
    }
    reading = png(prompt=graph)
    assert (reading.fields["checkpoint"], reading.fields["steps"], reading.fields["seed"]) == ("tiny.safetensors", 20, 3)
    assert "hires" not in reading.fields
    if sampler == "euler":
        assert (reading.fields["refiner_checkpoint"], reading.fields["refiner_switch_at"]) == ("refiner.safetensors", 0.8)
        assert reading.unmapped == ()
    else:
        assert "refiner_checkpoint" not in reading.fields
        assert len(reading.unmapped) == 3 and "refiner.safetensors" in " ".join(reading.unmapped)


@pytest.mark.parametrize(
    ("latent", "mode"),
    [
        ({"10": node("VAEEncode", pixels=["12", 0], vae=["1", 2])}, "img2img"),
        ({"10": node("SetLatentNoiseMask", samples=["11", 0], mask=["12", 1]), "11": node("VAEEncode", pixels=["12", 0])}, "inpaint"),
    ],
)
def test_a_latent_made_from_a_picture(latent, mode):
    reading = read(latent | {"12": node("LoadImage", image="in.png")}, latent_image=["10", 0], denoise=0.6)
    assert (reading.mode, reading.fields["strength"], reading.unmapped) == (mode, 0.6, ())


def test_numbers_from_other_nodes_and_unknown_ones():
    more = {
        "20": node("PrimitiveInt", value=11),
        "21": node("Seed (rgthree)", seed=77),
        "22": node("MathExpression", a=3, expression="a*2"),
    }
    reading = read(more, steps=["20", 0], seed=["21", 0], cfg=["22", 0])
    assert (reading.fields["steps"], reading.fields["seed"], "guidance" in reading.fields) == (11, 77, False)
    assert reading.unmapped == ("CFG scale: comes from node MathExpression",)
    assert read(seed=2**64 - 59).fields["seed"] == 2**64 - 59


def test_several_saved_pictures_and_graphs_without_a_known_sampler_are_said():
    other = {"15": node("KSampler", **(BASE["5"]["inputs"] | {"seed": 4})), "16": node("VAEDecode", samples=["15", 0], vae=["1", 2])}
    assert (
        "2 pictures come out of this graph: that of node 5 is taken" in read(other | {"17": node("SaveImage", images=["16", 0])}).unmapped
    )
    reading = png(prompt={"1": node("SomebodysPipeline", image=["2", 0]), "2": node("SomebodysLoader")})
    assert reading.fields == {} and "SomebodysPipeline" in reading.unmapped[0]


def test_bare_nan_is_read():
    text = json.dumps(BASE | {"50": node("Note")}).replace('"batch_size": 1', '"batch_size": 1, "is_changed": NaN')
    assert png(prompt=text).fields["steps"] == 7


WORKFLOW = {
    "nodes": [
        {"id": 1, "type": "CheckpointLoaderSimple", "widgets_values": ["tiny.safetensors"]},
        {"id": 2, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "type": "CLIP", "link": 1}], "widgets_values": ["a red apple"]},
        {"id": 3, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "type": "CLIP", "link": 2}], "widgets_values": ["blurry"]},
        {"id": 4, "type": "EmptyLatentImage", "widgets_values": [128, 192, 1]},
        {
            "id": 5, "type": "KSampler", "widgets_values": [3, "randomize", 7, 5, "euler", "normal", 1],
            "inputs": [
                {"name": "model", "type": "MODEL", "link": 3}, {"name": "positive", "type": "CONDITIONING", "link": 4},
                {"name": "negative", "type": "CONDITIONING", "link": 5}, {"name": "latent_image", "type": "LATENT", "link": 6},
            ],
        },
        {"id": 6, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 7}, {"name": "vae", "link": 11}]},
        {"id": 7, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 8}], "widgets_values": ["x"]},
        {
            "id": 8, "type": "LoraLoader", "mode": 4, "widgets_values": ["off.safetensors", 1, 1],
            "inputs": [{"name": "model", "type": "MODEL", "link": 9}, {"name": "clip", "type": "CLIP", "link": 10}],
            "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}],
        },
    ],
    "links": [
        [1, 8, 1, 2, 0, "CLIP"], [2, 8, 1, 3, 0, "CLIP"], [3, 8, 0, 5, 0, "MODEL"], [4, 2, 0, 5, 1, "CONDITIONING"],
        [5, 3, 0, 5, 2, "CONDITIONING"], [6, 4, 0, 5, 3, "LATENT"], [7, 5, 0, 6, 0, "LATENT"], [8, 6, 0, 7, 0, "IMAGE"],
        [9, 1, 0, 8, 0, "MODEL"], [10, 1, 1, 8, 1, "CLIP"], [11, 1, 2, 6, 1, "VAE"],
    ],
}  # fmt: skip


def test_the_editors_workflow_is_read_where_it_is_all_there_is():
    """A bypassed LoRA (mode 4) hands on what it gets; a muted one (mode 2) leads nowhere."""
    reading = png(workflow=WORKFLOW)
    assert prompts(reading) == ("a red apple", "blurry") and reading.unmapped == ()
    assert {key: reading.fields[key] for key in ("steps", "seed", "width", "sampler", "checkpoint")} == {
        "steps": 7, "seed": 3, "width": 128, "sampler": "Euler", "checkpoint": "tiny.safetensors",
    }  # fmt: skip
    on = json.loads(json.dumps(WORKFLOW).replace('"mode": 4', '"mode": 0'))
    assert png(workflow=on).fields["prompt"] == "a red apple <lora:off:1:1>"
    muted = json.loads(json.dumps(WORKFLOW).replace('"mode": 4', '"mode": 2'))
    assert "checkpoint" not in png(workflow=muted).fields
    assert png(workflow={"nodes": [], "links": []}) is None


def test_loops_and_huge_graphs_end():
    reading = png(prompt=BASE | {"1": node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="a", strength_model=1, strength_clip=1)})
    assert reading.fields["steps"] == 7
    reading = png(prompt=BASE | {"2": node("Reroute", x=["2", 0])})
    assert "prompt" not in reading.fields and reading.unmapped
    chain = {str(100 + n): node("ConditioningCombine", conditioning_1=[str(99 + n), 0], conditioning_2=[str(99 + n), 0]) for n in range(60)}
    ring = BASE | chain | {"99": BASE["2"], "5": node("KSampler", **(BASE["5"]["inputs"] | {"positive": ["159", 0]}))}
    reading = png(prompt=ring)
    assert "too large" in reading.unmapped[0]
    doubled = {str(100 + n): node("StringConcatenate", string_a=[str(99 + n), 0], string_b=[str(99 + n), 0]) for n in range(70)}
    words = {"99": node("String", value="x" * 1000), "2": node("CLIPTextEncode", text=["169", 0], clip=["1", 1])}
    reading = png(prompt=BASE | doubled | words)
    assert "too large" in reading.unmapped[0]


@pytest.mark.parametrize(
    "joined",
    [
        node("ConditioningConcat", conditioning_to=["20", 0], conditioning_from=["2", 0]),
        node("ConditioningConcat", conditioning_to=["2", 0], conditioning_from=["21", 0]),
        node("ConditioningCombine", conditioning_1=["2", 0], conditioning_2=["20", 0]),
        node("ConditioningAverage", conditioning_to=["21", 0], conditioning_from=["2", 0], conditioning_to_strength=0.5),
        node("ConditioningSetTimestepRange", conditioning=["20", 0], start=0, end=1),
        node("ConditioningSetArea", conditioning=["20", 0]),
        node("ControlNetApplyAdvanced", positive=["20", 0], negative=["3", 0]),
        node("CLIPTextEncode", text=["22", 0], clip=["1", 1]),
    ],
    ids=lambda joined: joined["class_type"],
)
def test_a_conditioning_that_is_made_of_itself_is_said(joined):
    back = node("ConditioningConcat", conditioning_to=["20", 0], conditioning_from=["2", 0])
    text = node("StringConcatenate", string_a="a", string_b=["22", 0], delimiter="")
    reading = read({"20": joined, "21": back, "22": text}, positive=["20", 0])
    said = [line for line in reading.unmapped if line.startswith("Prompt")]
    assert "prompt" not in reading.fields and reading.fields["steps"] == 7
    assert len(said) == 1 and said[0].endswith(": its links go in a circle")


LORA = node("LoraLoaderModelOnly", lora_name="base.safetensors", strength_model=0.5, model=["10", 0])


@pytest.mark.parametrize(
    ("changes", "sampler", "lacks", "line"),
    [
        ({}, {"model": ["99", 0]}, "checkpoint", "Checkpoint: is not linked"),
        ({"10": node("Reroute")}, {"model": ["10", 0]}, "checkpoint", "Checkpoint: comes from node Reroute"),
        ({"10": LORA}, {"model": ["10", 0]}, "checkpoint", "Checkpoint: its links go in a circle"),
        ({"2": node("CLIPTextEncode", text="x", clip=["98", 1])}, {}, "", "Prompt: its text encoder is not linked"),
        ({"3": node("CLIPTextEncode", text="x", clip=["98", 1])}, {}, "", "Negative prompt: its text encoder is not linked"),
        (
            {"2": node("CLIPTextEncode", text="x", clip=["10", 1]), "10": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["10", 0])},
            {},
            "",
            "Text encoder: its links go in a circle",
        ),
        ({"6": node("VAEDecode", samples=["5", 0], vae=["97", 0])}, {}, "vae", "VAE: is not linked"),
        (
            {"6": node("VAEDecode", samples=["5", 0], vae=["10", 0]), "10": node("X", vae=["10", 0])},
            {},
            "vae",
            "VAE: its links go in a circle",
        ),
        ({}, {"latent_image": ["96", 0]}, "width", "Size: the first latent is not linked"),
        (
            {"10": node("RepeatLatentBatch", samples=["10", 0])},
            {"latent_image": ["10", 0]},
            "width",
            "Size: the first latent is not linked",
        ),
    ],
)
def test_a_link_that_leads_nowhere_is_said(changes, sampler, lacks, line):
    reading = read(changes, **sampler)
    assert line in reading.unmapped and lacks not in reading.fields


def test_a_muted_node_on_the_models_way_is_said():
    nodes = [
        {"id": 1, "type": "CheckpointLoaderSimple", "outputs": [{"type": "MODEL"}], "widgets_values": ["tiny.safetensors"]},
        {"id": 2, "type": "LoraLoader", "mode": 2, "inputs": [{"name": "model", "link": 1}], "outputs": [{"type": "MODEL"}]},
        {"id": 3, "type": "KSampler", "inputs": [{"name": "model", "link": 2}], "widgets_values": [3, "fixed", 7, 5, "euler", "normal", 1]},
    ]  # fmt: skip
    links = [[1, 1, 0, 2, 0, "MODEL"], [2, 2, 0, 3, 0, "MODEL"]]
    reading = png(workflow={"nodes": nodes, "links": links})
    assert "checkpoint" not in reading.fields and "Checkpoint: is not linked" in reading.unmapped


@pytest.mark.parametrize("control", [[], [True], [False], ["fixed"]])
def test_a_seeds_control_is_where_the_editor_of_that_year_put_it(control):
    workflow = json.loads(json.dumps(WORKFLOW))
    workflow["nodes"][4]["widgets_values"] = [5, *control, 7, 5.5, "euler", "normal", 1]
    fields = png(workflow=workflow).fields
    assert [fields[key] for key in ("seed", "steps", "guidance", "sampler")] == [5, 7, 5.5, "Euler"]
