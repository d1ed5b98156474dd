"""LoRAs by block and by step: what a tag says is what the UNet's calls are answered with."""

import pytest
import torch
from safetensors.torch import save_file

from tests.engine.test_together import SharedEngine
from webui.cli.compare import compare
from webui.generation.conditioning import read_texts
from webui.models.adapters import ALWAYS, LoraUse, StepRange
from webui.models.block_weights import LISTS, read_blocks

LAYER = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
TEXT_LAYER = "encoder.layers.1.mlp.fc1"


@pytest.fixture
def loras(checkpoints, engine):
    """`mid` changes one layer of the UNet, `words` one of the text encoder, `both` both, `strong` a layer that the picture depends on."""
    (checkpoints / "Lora").mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(4)
    unet, text = f"lora_unet_{LAYER}".replace(".", "_"), f"lora_te_text_model_{TEXT_LAYER}".replace(".", "_")
    conv = "lora_unet_up_blocks_2_resnets_1_conv2"
    sides = {unet: (32, 32), text: (32, 16), conv: (16, 144)}
    for name, layers in (("mid", [unet]), ("words", [text]), ("both", [unet, text]), ("strong", [conv, text])):
        tensors = {}
        for layer in layers:
            rows, columns = sides[layer]
            tensors[f"{layer}.lora_up.weight"] = torch.randn(rows, 4, generator=generator)
            tensors[f"{layer}.lora_down.weight"] = torch.randn(4, columns, generator=generator)
        save_file(tensors, checkpoints / "Lora" / f"{name}.safetensors")
    engine.context.library.scan()


@pytest.fixture
def model(engine):
    return engine.context.models.get("tiny", None, engine.plan)


@pytest.fixture
def strengths(model):
    """How much of the change is on at each call of the layer: the weight's distance from its own, in units of the first distance seen."""
    layer, seen = model.unet.get_submodule(LAYER), []
    base = layer.weight.detach().clone()
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(float((module.weight - base).norm())))
    yield seen
    hook.remove()


def on(seen):
    return "".join("+" if value > 1e-3 else "-" for value in seen)


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("", "++++++"),
        (":start=1", "++++++"),
        (":start=3", "--++++"),
        (":stop=3", "++----"),
        (":stop=1", "------"),
        (":start=7", "------"),
        (":step=3-5", "--++--"),
        (":step=0-4", "+++---"),
        (":start=0.5", "--++++"),
        (":stop=0.5", "++----"),
        (":step=0.2-0.7", "+++---"),
        (":step=0.0-1.0", "++++++"),
        (":lbw=ALL:stop=4", "+++---"),
        (":lbw=OUTALL", "------"),
        (":lbw=MIDD:step=2-3", "-+----"),
    ],
)
def test_a_lora_is_on_at_its_steps(engine, loras, strengths, tag, wanted):
    engine.make(prompt=f"fox <lora:mid:1{tag}>", steps=6)
    assert on(strengths) == wanted and engine.notes == ()


def test_several_come_and_go_by_themselves(engine, loras, strengths):
    engine.make(prompt="fox <lora:mid:1:stop=3><lora:both:1:step=2-5>", steps=6)
    first, both, second, last = strengths[0], strengths[1], strengths[2], strengths[4]
    assert on(strengths) == "++++--"
    assert len({round(value, 3) for value in (first, both, second)}) == 3 and last == 0


def test_a_sampler_that_asks_twice_a_step_keeps_to_its_steps(engine, loras, strengths):
    engine.make(prompt="fox <lora:mid:1:start=3>", steps=4, sampler="Heun")
    assert on(strengths)[:3] == "---" and on(strengths)[-3:] == "+++"


def test_both_passes_count_their_own_steps(engine, loras, strengths):
    engine.make(prompt="fox <lora:mid:1:stop=0.5>", steps=4, hires={"scale": 1.5, "steps": 3, "strength": 1.0, "upscaler": "Latent"})
    assert on(strengths) == "+---" + "+--"


def test_the_text_encoder_has_it_whatever_the_steps(engine, loras):
    whole, never = (engine.make(prompt=f"fox <lora:words:1{tag}>", steps=3)[0] for tag in ("", ":stop=1"))
    plain = engine.make(prompt="fox", steps=3)[0]
    assert compare(whole, never).psnr >= 60 and compare(whole, plain).psnr < 50


def test_the_model_is_its_own_again(engine, loras, model):
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    engine.make(prompt="fox <lora:mid:1:start=2>", steps=3)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.unet.state_dict().items())
    assert model.weights.jobs == 0


def test_sets_used_before_are_not_computed_again(engine, loras, model):
    layer, seen = model.unet.get_submodule(LAYER), []
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(module.weight.data_ptr()))
    for seed in (1, 2):
        engine.make(prompt="fox <lora:mid:1:step=2-3>", steps=4, seed=seed)
    hook.remove()
    assert seen[:4] == seen[4:] and seen[1] != seen[0]


def test_jobs_side_by_side_are_at_their_own_steps(engine, loras, model, tmp_path):
    """Different numbers of steps under one tag: the jobs share passes wherever they have the same weights."""
    studio = SharedEngine(engine, tmp_path)
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    requests = [{"prompt": f"{word} <lora:strong:1:stop=0.5>", "steps": steps} for word, steps in (("fox", 4), ("owl", 8), ("cat", 6))]
    together = studio.make(*requests)
    assert studio.errors == {} and max(info.get("batched_with", 0) for name in "012" for info in studio.facts(name)) >= 1
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60
        assert compare(pictures[0], studio.make(fields | {"prompt": fields["prompt"].replace(":stop=0.5", "")})[0][0]).psnr < 55
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.unet.state_dict().items())


@pytest.mark.parametrize("method", ["latent", "attention"])
def test_an_area_has_loras_of_its_own_and_the_prompt_s_weight_is_changed_there(engine, loras, model, method):
    def of_all(prompt, area):
        return engine.make(prompt=prompt, steps=2, regions={"method": method, "base": 0, "areas": [{"prompt": area}]})[0]

    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    for prompt, area, same in (
        ("fox", "fox <lora:strong:1>", "fox <lora:strong:1>"),
        ("fox <lora:strong:1>", "fox <lora:strong:0.4>", "fox <lora:strong:0.4>"),
        ("fox <lora:strong:1>", "fox <lora:both:1>", "fox <lora:strong:1> <lora:both:1>"),
        ("fox <lora:strong:1>", "fox", "fox <lora:strong:1>"),
    ):
        assert compare(of_all(prompt, area), engine.make(prompt=same, steps=2)[0]).psnr >= 60
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.unet.state_dict().items()) and model.weights.jobs == 0


@pytest.mark.parametrize("method", ["latent", "attention"])
def test_a_lora_of_half_the_picture_leaves_the_other_half_alone(engine, loras, strengths, method):
    def halves(tag):
        areas = [{"prompt": f"fox{tag}", "width": 0.5}, {"prompt": "fox", "x": 0.5, "width": 0.5}]
        return engine.make(prompt="fox", steps=1, width=128, regions={"method": method, "base": 0, "areas": areas})[0].astype(int)

    plain = halves("")
    change = abs(halves(" <lora:strong:1>") - plain)
    least = 8 if method == "latent" else 1.3  # in one prediction neighbours look at each other
    assert change[:, :48].mean() > max(1, least * change[:, 80:].mean())
    strengths.clear()
    halves(" <lora:mid:1>")
    assert set(on(strengths)) == {"+", "-"}, "a pass with the LoRA, and one without"
    engine.make(prompt="fox", regions={"areas": [{"prompt": "fox <lora:nobody:1>"}]})
    assert any("'nobody' was left out" in note for note in engine.notes)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        (":lbw=1,2,3", "the block weights '1,2,3' were left out"),
        (":lbw=FOO", "the block weights 'FOO' were left out"),
        (":1:FOO", "the block weights 'FOO' were left out"),
        (":start=x", "its steps 'x' to '' were left out"),
        (":step=-3-2", "were left out"),
        (":stop=nan", "were left out"),
        (":0,8", "the weight '0,8' is no number, so 1 was used. Write 0.8."),
        (":0.1@0,0@1", "the weight '0.1@0,0@1' is no number"),
        (":nan", "the weight 'nan' is no number"),
        (":inf", "the weight 'inf' is no number"),
        (":1:te=x", "the weight 'x' is no number"),
        (":1:foo=1", "'foo=1' is not known here and was left out"),
        (":lbw=" + "nan," * 16 + "1", "the block weights"),
    ],
)
def test_what_cannot_be_read_of_a_tag_is_a_note(engine, loras, strengths, tag, said):
    weight = "" if tag[1:].startswith(("0", "nan", "inf")) else ":1"
    engine.make(prompt=f"fox <lora:mid{weight}{tag}>", steps=2)
    assert len(engine.notes) == 1 and said in engine.notes[0] and on(strengths) == "++"


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("<lora:a>", LoraUse("a")),
        ("<lora:a:0.5>", LoraUse("a", 0.5, 0.5)),
        ("<lora:a:0.5:1.5>", LoraUse("a", 0.5, 1.5)),
        ("<lora:a:0.5:1.5:8>", LoraUse("a", 0.5, 1.5)),
        ("<lora:a:te=0.5:unet=1.5>", LoraUse("a", 0.5, 1.5)),
        ("<lora:a:0.2:unet=1.5>", LoraUse("a", 0.2, 1.5)),
        ("<lora:a:unet=1.5>", LoraUse("a", 1.0, 1.5)),
        ("<lora:a:-0.5:dyn=3>", LoraUse("a", -0.5, -0.5)),
        ("<lora:a:1:lbw=OUTD>", LoraUse("a", blocks="OUTD")),
        ("<lora:a:0.5:OUTD>", LoraUse("a", 0.5, 0.5, "OUTD")),
        ("<lora:a:0.5:0.7:OUTD>", LoraUse("a", 0.5, 0.7, "OUTD")),
        ("<lora:a:1:step=5-10>", LoraUse("a", steps=StepRange(5, 10))),
        ("<lora:a:1:start=0.25>", LoraUse("a", steps=StepRange(start=0.25))),
        ("<lora:a:1:stop=10:lbw=ALL>", LoraUse("a", blocks="ALL", steps=StepRange(stop=10))),
        ("<lyco:a:1>", LoraUse("a")),
    ],
)
def test_tags(text, use):
    texts = read_texts(f"fox {text}", "")
    assert texts.loras == (use,) and texts.notes == ()


def test_numbers_of_blocks():
    """Those of sd-webui-lora-block-weight: 17 and 26 for SD 1.x, 12 and 20 for SDXL; blocks that a list leaves out are off."""
    assert sorted(LISTS) == [12, 17, 20, 26]
    for count, names in LISTS.items():
        weights = read_blocks(",".join(str(number) for number in range(1, count + 1)), "sd1")
        assert [weights[name] for name in names] == list(range(1, count + 1))
        assert all(value == 0 for name, value in weights.items() if name not in names)
    plain = read_blocks("0.5,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "sd1")
    assert [plain[name] for name in ("BASE", "IN01", "IN08", "M00", "OUT03", "OUT11", "IN00")] == [0.5, 1, 6, 7, 8, 16, 0]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("INS", "1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0"),
        ("IND", "1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0"),
        ("INALL", "1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0"),
        ("MIDD", "1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0"),
        ("OUTD", "1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0"),
        ("OUTS", "1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1"),
        ("OUTALL", "1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1"),
    ],
)
def test_presets_are_those_of_the_extension(name, numbers):
    assert read_blocks(name, "sd1") == read_blocks(numbers, "sd1")
    assert set(read_blocks(name, "sdxl").values()) == {0.0, 1.0}


def test_even_presets_hold_for_every_block():
    assert set(read_blocks("ALL", "sdxl").values()) == {1.0} and set(read_blocks("NONE", "sd1").values()) == {0.0}
    assert set(read_blocks("ALL0.5", "sd1").values()) == {0.5}


def test_parts_of_the_steps_are_rounded():
    half = StepRange(stop=0.5)
    assert [half.includes(step, 5) for step in (1, 2)] == [True, False] and ALWAYS.includes(1, 1)
    assert [StepRange(start=0.01).includes(step, 10) for step in (1, 2)] == [True, True]
