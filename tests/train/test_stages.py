"""The stages on four shapes with tiny networks: they learn, they stop and go on bit for bit, and they end in one readable file."""

import json

import pytest
import torch
from safetensors import safe_open

from webui.train.default_model import diffusion, vae
from webui.train.default_model.compose import COLOURS, generator
from webui.train.default_model.export import Native, metadata, read, write
from webui.train.default_model.latents import encode, preview
from webui.train.default_model.networks import SCALE, TINY, build_text, build_unet, build_vae
from webui.train.default_model.sample import Painter
from webui.train.default_model.vocabulary import tokenizer
from webui.train.default_model.workers import Budget, WorkerGroup

ALONE = WorkerGroup(0, 1)


def quiet(state, progress):
    """A report that says nothing."""


@pytest.fixture(scope="module")
def shape(lesson):
    return TINY.model_copy(update={"vocabulary": len(lesson.vocabulary.ids)})


def new_vae(shape):
    torch.manual_seed(0)
    return vae.stage(build_vae(shape), 2e-3, ALONE)


def new_diffusion(shape):
    torch.manual_seed(1)
    return diffusion.stage(build_unet(shape), build_text(shape), 1e-3, ALONE)


def teach_vae(state, lesson, steps):
    vae.train(state, vae.drawing(lesson.listed(), [], 2), ALONE, Budget(steps=steps), quiet, seed=3, lr=2e-3)


def teach_diffusion(state, lesson, latents, steps):
    diffusion.train(state, batches(lesson, latents), ALONE, Budget(steps=steps), quiet, seed=3, lr=1e-3)


def batches(lesson, latents):
    return diffusion.feed(lesson.concepts, latents, tokenizer(lesson.vocabulary), 4)


@pytest.fixture(scope="module")
def coder(lesson, shape):
    state = new_vae(shape)
    teach_vae(state, lesson, 6)
    return state.modules["vae"]


@pytest.fixture(scope="module")
def latents(lesson, coder):
    return encode(coder, lesson.listed(), SCALE, seed=3, count=2)


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in one)


def test_autoencoder_gets_better(lesson, shape):
    state = new_vae(shape)
    teach_vae(state, lesson, 25)
    first, last = (sum(entry["loss"] for entry in part) for part in (state.log[:5], state.log[-5:]))
    assert last < 0.9 * first


def test_interrupted_autoencoder_goes_on_bit_for_bit(lesson, shape, tmp_path):
    whole, half, rest = new_vae(shape), new_vae(shape), new_vae(shape)
    budget, draw = Budget(steps=4), vae.drawing(lesson.listed(), [], 2)

    def stop(state, progress):
        if state.step == 2:
            state.save(tmp_path / "vae.state")
            raise KeyboardInterrupt

    vae.train(whole, draw, ALONE, budget, quiet, seed=3, lr=2e-3)
    with pytest.raises(KeyboardInterrupt):
        vae.train(half, draw, ALONE, budget, stop, seed=3, lr=2e-3)
    assert rest.load(tmp_path / "vae.state")
    vae.train(rest, draw, ALONE, budget, quiet, seed=3, lr=2e-3)
    assert rest.step == 4
    assert same(whole.modules["vae"].state_dict(), rest.modules["vae"].state_dict())
    assert same(whole.averages["vae"], rest.averages["vae"])


def test_interrupted_diffusion_goes_on_bit_for_bit(lesson, shape, latents, tmp_path):
    whole, half, rest = new_diffusion(shape), new_diffusion(shape), new_diffusion(shape)

    def stop(state, progress):
        if state.step == 1:
            state.save(tmp_path / "diffusion.state")
            raise KeyboardInterrupt

    teach_diffusion(whole, lesson, latents, 3)
    with pytest.raises(KeyboardInterrupt):
        diffusion.train(half, batches(lesson, latents), ALONE, Budget(steps=3), stop, seed=3, lr=1e-3)
    rest.load(tmp_path / "diffusion.state")
    teach_diffusion(rest, lesson, latents, 3)
    for name in ("unet", "text"):
        assert same(whole.modules[name].state_dict(), rest.modules[name].state_dict())


def test_finished_stage_is_not_begun_again(lesson, shape):
    state = new_vae(shape)
    teach_vae(state, lesson, 2)
    before = {key: value.clone() for key, value in state.modules["vae"].state_dict().items()}
    teach_vae(state, lesson, 2)
    assert state.step == 2
    assert same(before, state.modules["vae"].state_dict())


def test_folding_whitens_latents_and_keeps_the_picture(lesson, shape):
    state = new_vae(shape)
    teach_vae(state, lesson, 6)
    coder = state.modules["vae"].eval()
    pixels = vae.pictures(lesson.listed(), [], 16, generator(5))
    before = vae.reconstruct(coder, pixels)
    vae.fold(coder, pixels, SCALE)
    with torch.no_grad():
        scaled = coder.encode(pixels).latent_dist.mean * SCALE
    assert torch.allclose(scaled.mean((0, 2, 3)), torch.zeros(4), atol=1e-3)
    assert torch.allclose(scaled.std((0, 2, 3)), torch.ones(4), atol=1e-3)
    # The 3x3 convolution behind post_quant_conv pads with zeros, so only the frame may differ a little.
    assert (vae.reconstruct(coder, pixels) - before)[..., 32:-32, 32:-32].abs().max() < 0.05


def test_sharpening_changes_the_decoder_and_never_the_encoder(lesson, shape, latents):
    state = new_vae(shape)
    before = {key: value.clone() for key, value in state.modules["vae"].state_dict().items()}
    vae.train_decoder(state, (latents, lesson.listed()), ALONE, Budget(steps=2), quiet, vae.Course(3, 2, 1e-3))
    after = state.modules["vae"].state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    assert not [key for key in changed if key.startswith(("encoder.", "quant_conv."))]


def test_stored_latents_meet_the_pictures_they_came_from(lesson, coder, latents):
    inputs, pixels = vae.stored(latents, lesson.listed(), 3, 12, generator(8))
    with torch.no_grad():
        again = coder.encode(pixels).latent_dist.mean * SCALE
    apart = (inputs - again).square().mean()
    shuffled = (inputs - again.roll(1, 0)).square().mean()
    assert apart < shuffled


def test_preview_factors_give_the_rough_colours_of_a_picture(lesson, latents):
    rows = torch.tensor(preview(latents, lesson.listed(), 3))
    assert rows.shape == (5, 3)
    white, black = (list(COLOURS).index(name) for name in ("white", "black"))
    corner = [latents.mean[0, colour, 0, :, 0, 0].float() @ rows[:4] + rows[4] for colour in (white, black)]
    assert corner[0].mean() > corner[1].mean()


def exported(lesson, shape, coder, path):
    state = new_diffusion(shape)
    unet, text = state.modules["unet"].state_dict(), state.modules["text"].state_dict()
    write(path, shape, unet, coder.state_dict(), text, metadata(shape, lesson.vocabulary, Native(width=32, height=32), {"title": "Test"}))
    return state


def test_exported_file_reads_back(lesson, shape, coder, tmp_path):
    path = tmp_path / "model.safetensors"
    state = exported(lesson, shape, coder, path)
    found = read(path)
    for mine, theirs in ((state.modules["unet"], found.unet), (coder, found.vae), (state.modules["text"], found.text)):
        for key, value in mine.state_dict().items():
            assert torch.allclose(theirs[key], value, atol=2e-3, rtol=2e-3), key


def test_exported_file_has_stable_diffusion_names_and_all_configs(lesson, shape, coder, tmp_path):
    path = tmp_path / "model.safetensors"
    exported(lesson, shape, coder, path)
    with safe_open(path, "pt") as file:
        names, about = set(file.keys()), file.metadata()
    assert {
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.out.2.bias",
        "model.diffusion_model.time_embed.0.weight",
    } <= names
    assert {"first_stage_model.encoder.down.0.block.0.norm1.weight", "first_stage_model.decoder.mid.attn_1.q.weight"} <= names
    assert "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight" in names
    assert {name.split(".")[0] for name in names} == {"model", "first_stage_model", "cond_stage_model"}
    assert json.loads(about["darkroom.native"])["width"] == 32
    assert json.loads(about["darkroom.unet"])["norm_num_groups"] == 8
    assert len(json.loads(about["darkroom.tokenizer.vocab"])) == shape.vocabulary


def test_painter_gives_the_same_picture_for_the_same_seed(lesson, shape, coder):
    state = new_diffusion(shape)
    painter = Painter(state.modules["unet"], coder, state.modules["text"], tokenizer(lesson.vocabulary), 32)
    made = painter.paint(["a red square", "a red square", "a red square"], [4, 4, 5], steps=3)
    assert made.shape == (3, 3, 32, 32)
    assert torch.allclose(made[0], made[1], atol=1e-4)
    assert not torch.allclose(made[0], made[2], atol=1e-2)
