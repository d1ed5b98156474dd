"""The GPU's recipe on four shapes and a processor: in parts, interrupted, and ending in one file that loaders take."""

import argparse
import itertools
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open

from webui.core.job import Plan
from webui.library import Library
from webui.models.cache import ModelCache
from webui.models.prediction import VPrediction
from webui.train.default_model import pack, report, staged, workers
from webui.train.default_model.command import chosen_recipe, parser
from webui.train.default_model.compose import generator
from webui.train.default_model.export import read
from webui.train.default_model.feeds import store, teaching
from webui.train.default_model.networks import TINY, build_vae
from webui.train.default_model.optimiser import grouped, orthogonal
from webui.train.default_model.recipe import LARGE, SHORT, STYLES, gpu, short
from webui.train.default_model.report import Paused
from webui.train.default_model.scenes import ARRANGED, KINDS

SHAPE = TINY.model_copy(update={"size": 64})


def options(folder: Path, **changes) -> argparse.Namespace:
    found = parser().parse_args(["--recipe", "gpu", "--steps", "3", "--folder", str(folder), "--out", str(folder / "out.safetensors")])
    for name, value in {"art": folder / "art.zip", **changes}.items():
        setattr(found, name, value)
    return found


def tiny_recipe(styles=STYLES):
    """The preset with two pictures a step: 32 pixels first, then 64 and 32 in turn."""
    made = gpu(64, styles, SHAPE)
    small = [part.model_copy(update={"batch": 2, "scenes": part.scenes and 4}) for part in made.parts]
    first, second = (small[0], small[-2])
    parts = [
        first.model_copy(update={"name": "vae-32", "sizes": (32,)}),
        first,
        second.model_copy(update={"name": "diffusion-32", "sizes": (32,)}),
        small[-1].model_copy(update={"sizes": (64, 64, 32)}),
    ]
    return made.model_copy(update={"device": "cpu", "readers": 0, "parts": tuple(parts)})


@pytest.fixture(scope="module")
def folder(lesson, tmp_path_factory):
    """A pack of the four shapes in three styles."""
    from webui.train.default_model.sheet import to_image

    made = tmp_path_factory.mktemp("art")
    codes = {concept.code for concept in lesson.concepts}

    def draw(code):
        art = lesson.pictures[code][-1]
        picture = to_image(art[:3].float() / 255).convert("RGBA")
        picture.putalpha(to_image(art[3:].expand(3, -1, -1).float() / 255).convert("L"))
        return picture.resize((pack.SIDE, pack.SIDE))

    pack.save(made / "art.zip", lesson.concepts, lesson.vocabulary.merges, {style: (codes, draw) for style in STYLES}, lambda line: None)
    return made


def weights(path):
    return torch.load(path, weights_only=True)["modules"]


@pytest.fixture(scope="module")
def trained(folder):
    assert staged.run(tiny_recipe(), options(folder)) == 0
    return folder


def test_the_preset_is_the_studys():
    made = chosen_recipe(parser().parse_args(["--recipe", "gpu"]))
    assert made.list == "nouns"
    assert made.styles == ("flat icon", "cartoon", "3d render")
    assert (made.shape.size, made.device) == (256, "cuda")
    assert sum(part.share for part in made.parts) == pytest.approx(1)
    assert [part.sizes for part in made.parts] == [(128,), (256,), (128,), (256, 256, 128)]
    assert min(part.batch for part in made.parts if part.kind == "diffusion") >= 256


@pytest.mark.parametrize("shape", [LARGE, SHORT], ids=["gpu", "gpu-short"])
def test_the_presets_files_fit_into_40_megabytes(shape):
    from webui.train.default_model.networks import build_text, build_unet

    with torch.device("meta"):
        count = sum(weight.numel() for build in (build_unet, build_vae, build_text) for weight in build(shape).parameters())
    assert 17e6 < count < 19.8e6


def test_flags_change_the_preset():
    words = ["--recipe", "gpu", "--size", "128", "--styles", "flat icon,3d render", "--batch", "8", "--device", "cpu", "--list", "first"]
    made = chosen_recipe(parser().parse_args(words))
    assert (made.shape.size, made.styles, made.list, made.device) == (128, ("flat icon", "3d render"), "first", "cpu")
    assert [part.batch for part in made.parts if part.kind == "diffusion"] == [8, 8]


def test_flags_change_the_short_preset():
    made = chosen_recipe(parser().parse_args(["--recipe", "gpu-short"]))
    assert (made.at_once, made.styles, made.readers) == (True, ("flat icon",), 12)
    assert [part.sizes for part in made.parts] == [(256, 256, 128), (128,), (256, 256, 128)]
    words = ["--recipe", "gpu-short", "--styles", "cartoon", "--scenes", "64", "--shares", "0.1,0.4,0.5", "--readers", "0"]
    made = chosen_recipe(parser().parse_args(words))
    assert (made.styles, made.readers) == (("cartoon",), 0)
    assert [(part.share, part.scenes) for part in made.parts] == [(0.1, 0), (0.4, 64), (0.5, 64)]


@pytest.mark.parametrize("shares", ["0.5,0.5", "a,b,c", "0.5,0.5,0"])
def test_shares_that_do_not_fit_are_refused(shares):
    with pytest.raises(SystemExit, match="one for each of vae-256, diffusion-128, arranged-256"):
        chosen_recipe(parser().parse_args(["--recipe", "gpu-short", "--shares", shares]))


def tiny_short():
    made = short(64, STYLES[:1])
    parts = [part.model_copy(update={"batch": 2, "scenes": part.scenes and 4}) for part in made.parts]
    return made.model_copy(update={"device": "cpu", "readers": 0, "shape": SHAPE, "parts": tuple(parts)})


def test_a_short_run_ends_all_parts_within_its_minutes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(staged, "_LAST_SECONDS", 0.0)
    ticks = itertools.count(100.0, 0.02)
    for module in (staged, report, workers):  # a clock that counts how often it is asked: the machine's speed plays no part
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks), strftime=time.strftime))
    assert staged.run(tiny_short(), options(tmp_path, art=folder / "art.zip", steps=0, minutes=0.1)) == 0
    states = {path.stem: torch.load(path, weights_only=True) for path in (tmp_path / "nouns-64").glob("*.state")}
    assert sorted(states) == ["arranged-64", "diffusion-64", "vae-64"]
    assert states["vae-64"]["worked"] == pytest.approx(6 * 0.22, rel=0.5)
    assert read(tmp_path / "out.safetensors").shape.size == 64


def test_a_short_run_shares_out_what_is_left():
    running = staged.Run.__new__(staged.Run)
    running.recipe, running.options = tiny_short(), argparse.Namespace(steps=0, hours=9.0)
    running.until = staged.time.monotonic() + 100 + staged._LAST_SECONDS
    first, *_, last = running.recipe.parts
    assert running.budget(first).seconds == pytest.approx(22, abs=1)
    assert running.budget(last, worked=5.0).seconds == pytest.approx(105, abs=1)
    running.until = 0.0
    assert running.budget(last).seconds == 1.0


def test_a_short_run_needs_its_minutes(folder, tmp_path):
    with pytest.raises(SystemExit, match="--minutes"):
        staged.run(tiny_short(), options(tmp_path, art=folder / "art.zip", steps=0))


def test_an_autoencoder_of_a_file_is_the_start(trained, folder, tmp_path):
    file = folder / "out.safetensors"
    running = staged.Run(tiny_short(), options(tmp_path, art=folder / "art.zip", start=file))
    first, second, _ = running.recipe.parts
    assert running.before(second) == {}
    wanted = read(file).vae
    found = running.before(first)["vae"]
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    other = running.shape.model_copy(update={"vae": (8, 8, 8, 8)})
    running.shape = other
    with pytest.raises(SystemExit, match="Leave --from out"):
        running.before(first)


def test_an_unknown_style_is_named():
    with pytest.raises(SystemExit, match="pixel art"):
        chosen_recipe(parser().parse_args(["--recipe", "gpu", "--styles", "pixel art"]))


def test_all_parts_end_in_one_file_that_says_what_it_was_taught(trained):
    with safe_open(trained / "out.safetensors", "pt") as file:
        about = file.metadata()
    assert json.loads(about["darkroom.styles"]) == list(STYLES)
    assert json.loads(about["darkroom.scenes"]) == list(KINDS)
    assert json.loads(about["darkroom.native"])["width"] == 64
    assert read(trained / "out.safetensors").shape.size == 64


def test_interrupted_run_goes_on_bit_for_bit(trained, folder, tmp_path, monkeypatch):
    broken = options(tmp_path, art=folder / "art.zip")
    real, stopped = staged.Reporter.__call__, list[str]()

    def stop(self, state, progress):
        real(self, state, progress)
        if state.step == 2 and self.path.stem not in stopped:
            stopped.append(self.path.stem)
            state.save(self.path)
            raise Paused("")

    monkeypatch.setattr(staged.Reporter, "__call__", stop)
    for _ in range(5):
        staged.run(tiny_recipe(), broken)
    assert len(stopped) == 4
    for path in sorted(trained.glob("nouns-64/*.state")):
        one, other = weights(path), weights(tmp_path / "nouns-64" / path.name)
        for name in one:
            assert all(torch.equal(one[name][key], other[name][key]) for key in one[name]), path.name
    one, other = read(trained / "out.safetensors"), read(tmp_path / "out.safetensors")
    assert one.metadata == other.metadata
    assert all(torch.equal(one.unet[key], other.unet[key]) for key in one.unet)


def test_a_run_of_no_time_saves_and_stops(folder, tmp_path, capsys):
    assert staged.run(tiny_recipe(), options(tmp_path, art=folder / "art.zip", minutes=1e-6)) == 0
    assert torch.load(tmp_path / "nouns-64" / "vae-32.state", weights_only=True)["step"] == 1
    assert "goes on" in capsys.readouterr().out


def test_a_later_part_starts_from_the_one_before(trained):
    running = staged.Run(tiny_recipe(), options(trained))
    first, second = (part for part in running.recipe.parts if part.kind == "diffusion")
    assert running.before(first) == {}
    earlier = torch.load(running.state(first), weights_only=True)["averages"]
    found = running.before(second)
    assert all(torch.equal(found["unet"][key], earlier["unet"][key]) for key in earlier["unet"])


def test_readers_ahead_change_nothing(small_bank):
    torch.manual_seed(0)
    coder = build_vae(SHAPE).eval()
    kept = [store(coder, small_bank, 6, size, ARRANGED, 3) for size in (32, 64)]
    assert kept[1].mean.shape == (6, 4, 8, 8)
    made = []
    for readers in (0, 2):
        feed = teaching(small_bank, kept, 4, 3, first=5, last=8, readers=readers)
        made.append([feed(step, generator(3, step)) for step in range(5, 8)])
    for (latents, tokens), (others, same) in zip(*made, strict=True):
        assert torch.equal(latents, others)
        assert torch.equal(tokens, same)
    assert [tuple(latents.shape[-2:]) for latents, _ in made[0]] == [(8, 8), (4, 4), (8, 8)]


def test_matrices_of_one_shape_are_made_orthogonal_together():
    source = generator(2)
    matrices = [torch.randn(shape, generator=source) for shape in ((8, 5), (4, 9), (8, 5), (3, 3), (4, 9))]
    for one, other in zip(grouped(matrices), matrices, strict=True):
        assert torch.allclose(one, orthogonal(other), atol=1e-5)


def test_the_file_loads_like_any_checkpoint(trained, tmp_path):
    (tmp_path / "Stable-diffusion").mkdir()
    (tmp_path / "Stable-diffusion" / "out.safetensors").symlink_to(trained / "out.safetensors")
    model = ModelCache(Library([tmp_path])).get("out", None, Plan(channels_last=False))
    assert model.native.width == 64 and isinstance(model.prediction, VPrediction)
    wanted = read(trained / "out.safetensors").unet
    assert all(torch.allclose(value, wanted[key]) for key, value in model.unet.state_dict().items())


def configs(about, folder: Path) -> Path:
    """The folder of configs that diffusers asks for, from the file's metadata."""
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
    }
    texts = {
        "model_index.json": json.dumps(index),
        **{f"{part}/config.json": about[f"darkroom.{part}"] for part in ("unet", "vae", "text_encoder")},
        "scheduler/scheduler_config.json": about["darkroom.scheduler"],
        "tokenizer/vocab.json": about["darkroom.tokenizer.vocab"],
        "tokenizer/merges.txt": about["darkroom.tokenizer.merges"],
        "tokenizer/tokenizer_config.json": json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77}),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_diffusers_own_loader_takes_the_file(trained, tmp_path):
    with safe_open(trained / "out.safetensors", "pt") as file:
        folder = configs(file.metadata(), tmp_path / "configs")
    pipeline = StableDiffusionPipeline.from_single_file(
        str(trained / "out.safetensors"), config=str(folder), local_files_only=True, safety_checker=None
    )
    wanted = read(trained / "out.safetensors")
    for module, weights in ((pipeline.unet, wanted.unet), (pipeline.vae, wanted.vae), (pipeline.text_encoder, wanted.text)):
        state = module.state_dict()
        assert not [key for key in weights if not torch.allclose(state[key].float(), weights[key], atol=1e-6)]
