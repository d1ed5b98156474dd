"""The diffusers profile against diffusers itself: the same file, prompt, seed and steps give the same picture."""

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)

from tests import tiny
from webui.cli.compare import compare
from webui.prompts import ClipTokenizer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers with numpy 2

BASE = PNDMScheduler(
    num_train_timesteps=1000,
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    skip_prk_steps=True,
    set_alpha_to_one=False,
    steps_offset=1,
)
"""What Stable Diffusion 1.5's own configuration says; other schedulers are made from it."""


@pytest.fixture(scope="module")
def pipeline():
    """diffusers' pipeline around the tiny checkpoint's parts."""
    unet, vae, text = tiny.parts()
    others = {"tokenizer": None, "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    made = StableDiffusionPipeline(vae=vae, text_encoder=text, unet=unet, scheduler=BASE, **others)
    made.set_progress_bar_config(disable=True)
    return made


def embedded(pipeline, text):
    """77 tokens through the text encoder: what the pipeline itself does with a prompt."""
    words = ClipTokenizer(tiny.vocabulary(), [])
    row = [words.start, *words.encode(text)[:75], words.end]
    with torch.no_grad():
        return pipeline.text_encoder(torch.tensor([row + [words.end] * (77 - len(row))]))[0]


@pytest.mark.parametrize("steps", [4, 7, 20])
@pytest.mark.parametrize(
    ("sampler", "schedule", "kind", "options"),
    [
        ("Euler", "Automatic", EulerDiscreteScheduler, {}),
        ("Euler a", "Automatic", EulerAncestralDiscreteScheduler, {}),
        ("Euler", "Karras", EulerDiscreteScheduler, {"use_karras_sigmas": True}),
        ("DPM++ 2M", "Automatic", DPMSolverMultistepScheduler, {}),
        ("DPM++ 2M", "Karras", DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
        ("DDIM", "Automatic", DDIMScheduler, {"clip_sample": False}),
    ],
)
def test_the_same_picture_as_diffusers(engine, pipeline, sampler, schedule, kind, options, steps):
    pipeline.scheduler = kind.from_config(BASE.config, **options)
    prompt, negative = "a (red) fox:1.3 [in|the] snow", "blurry"
    theirs = pipeline(
        prompt_embeds=embedded(pipeline, prompt),
        negative_prompt_embeds=embedded(pipeline, negative),
        height=64,
        width=64,
        num_inference_steps=steps,
        guidance_scale=4.0,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    ours = engine.make(prompt=prompt, negative_prompt=negative, profile="diffusers", sampler=sampler, schedule=schedule, steps=steps)[0]
    assert compare(ours, np.rint(theirs * 255).astype(np.uint8)).psnr >= 60


SAMPLERS = [
    ("Euler", "Automatic", EulerDiscreteScheduler, {}),
    ("Euler a", "Automatic", EulerAncestralDiscreteScheduler, {}),
    ("DPM++ 2M", "Karras", DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    ("DDIM", "Automatic", DDIMScheduler, {"clip_sample": False}),
]
PROMPTS = {"prompt": "a fox", "negative_prompt": "blurry"}


def by_diffusers(kind, pipeline, seeds, **inputs):
    """The pictures of a pipeline of another kind around the same parts; each seed has its generator."""
    others = {"tokenizer": None, "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    parts = {"vae": pipeline.vae, "text_encoder": pipeline.text_encoder, "unet": pipeline.unet, "scheduler": pipeline.scheduler}
    made = kind(**parts, **others)
    made.set_progress_bar_config(disable=True)
    images = made(
        prompt_embeds=embedded(pipeline, PROMPTS["prompt"]),
        negative_prompt_embeds=embedded(pipeline, PROMPTS["negative_prompt"]),
        num_images_per_prompt=len(seeds),
        guidance_scale=4.0,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        output_type="np",
        **inputs,
    ).images
    return [np.rint(image * 255).astype(np.uint8) for image in images]


@pytest.mark.parametrize("strength", [0.4, 1.0])
@pytest.mark.parametrize(("sampler", "schedule", "kind", "options"), SAMPLERS)
def test_the_same_picture_from_a_picture(engine, pipeline, start, sampler, schedule, kind, options, strength):
    pipeline.scheduler = kind.from_config(BASE.config, **options)
    theirs = by_diffusers(StableDiffusionImg2ImgPipeline, pipeline, [1, 2], image=start, strength=strength, num_inference_steps=10)
    fields = {"profile": "diffusers", "sampler": sampler, "schedule": schedule, "steps": 10, "strength": strength, "batch_size": 2}
    ours = engine.make(mode="img2img", init=engine.keep(start), **PROMPTS, **fields)
    assert [compare(one, other).psnr >= 60 for one, other in zip(ours, theirs, strict=True)] == [True, True]


@pytest.mark.parametrize("strength", [0.6, 1.0])
@pytest.mark.parametrize(("sampler", "schedule", "kind", "options"), SAMPLERS)
def test_the_same_picture_under_a_mask(engine, pipeline, start, mask, sampler, schedule, kind, options, strength):
    pipeline.scheduler = kind.from_config(BASE.config, **options)
    inputs = {"image": start, "mask_image": mask, "strength": strength, "num_inference_steps": 10, "height": 64, "width": 64}
    theirs = by_diffusers(StableDiffusionInpaintPipeline, pipeline, [1], **inputs)[0]
    fields = {"profile": "diffusers", "sampler": sampler, "schedule": schedule, "steps": 10, "strength": strength}
    ours = engine.make(mode="inpaint", init=engine.keep(start), mask=engine.keep(mask), **PROMPTS, **fields)[0]
    assert compare(ours, theirs).psnr >= 60


def test_the_profiles_differ(engine):
    assert compare(engine.make(prompt="(fox)", profile="diffusers")[0], engine.make(prompt="(fox)")[0]).psnr < 40
