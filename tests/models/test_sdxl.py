"""SDXL and SD 2.x: their files load, and compute what diffusers' and transformers' own modules compute."""

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from tests.models import tiny_xl
from tests.whole_requests import resolved
from webui.core.job import Plan
from webui.core.request import SizeConditioning
from webui.errors import CheckpointError
from webui.generation.conditioning import EncodeInputs, encode, read_texts
from webui.models.adapters import LoraUse
from webui.models.conditioning import Conditioning
from webui.models.families import ldm
from webui.models.families.sdxl import SDXL, SDXLRefiner, unet_depths
from webui.models.model import zero_terminal_snr
from webui.models.patcher import patched
from webui.plugins.adapters import LoraLoader, WeightChange

PLAN = Plan(channels_last=False)
TOKENS = torch.tensor([[512, 65, 66, 513] + [513] * 73]), torch.tensor([[512, 65, 66, 513] + [0] * 73])


@pytest.fixture
def xl(folder, model_cache):
    tiny_xl.write_sdxl(folder / "Stable-diffusion" / "xl.safetensors")
    return model_cache.get("xl", None, PLAN)


def test_the_unet_sees_prompt_pooled_text_and_sizes(xl):
    unet = tiny_xl.sdxl_parts()[0]
    x, steps, context = torch.randn(2, 4, 8, 8), torch.tensor([3.5, 900.0]), torch.randn(2, 77, tiny_xl.L + tiny_xl.G)
    pooled, sizes = torch.randn(2, tiny_xl.POOLED), torch.tensor([[64.0, 48, 8, 0, 64, 48]]).expand(2, -1)
    made = xl.predict(x, steps, Conditioning(context, {"pooled": pooled, "time_ids": sizes}))
    with torch.no_grad():
        assert torch.equal(made, unet(x, steps, context, added_cond_kwargs={"text_embeds": pooled, "time_ids": sizes}).sample)
    other = xl.predict(x, steps, Conditioning(context, {"pooled": pooled, "time_ids": sizes + 8}))
    assert not torch.equal(made, other)


def test_both_encoders_give_their_last_layer_but_one_and_the_second_the_pooled_vector(xl):
    encoded = encode(EncodeInputs(read_texts("AB", "x"), resolved(prompt="AB"), 4, size=(64, 48)), xl)
    _, _, text_l, text_g = tiny_xl.sdxl_parts()
    ids = xl.tokenizer.encode("AB")
    rows = [[512, *ids, 513, *[pad] * (75 - len(ids))] for pad in (513, 0)]
    with torch.no_grad():
        first = text_l(torch.tensor(rows[:1]), output_hidden_states=True).hidden_states[-2]
        second = text_g(torch.tensor(rows[1:]), output_hidden_states=True)
    entry = encoded.positive[0].at(0)
    assert torch.allclose(entry.cond, torch.cat([first, second.hidden_states[-2]], dim=-1)[0], atol=1e-5)
    assert torch.allclose(entry.pooled, second.text_embeds[0], atol=1e-5)
    assert encoded.vectors["time_ids"].tolist() == [[48, 64, 0, 0, 48, 64]]


@pytest.mark.parametrize(("skip", "layer"), [(1, -2), (2, -2), (3, -3)])
def test_clip_skip_counts_from_the_last_layer_but_one(xl, skip, layer):
    request = resolved(prompt="a", clip_skip=skip)
    cond = encode(EncodeInputs(read_texts("a", "b"), request, 4), xl).positive[0].at(0).cond
    ids = xl.tokenizer.encode("a")
    with torch.no_grad():
        states = tiny_xl.sdxl_parts()[2](
            torch.tensor([[512, *ids, 513, *[513] * (75 - len(ids))]]), output_hidden_states=True
        ).hidden_states
    assert torch.allclose(cond[:, : tiny_xl.L], states[layer][0], atol=1e-5)


@pytest.mark.parametrize("profile", ["a1111", "diffusers"])
def test_an_empty_negative_prompt_is_zeros_and_an_empty_prompt_is_not(xl, profile):
    encoded = encode(EncodeInputs(read_texts("", ""), resolved(profile=profile), 4), xl)
    empty, entry = encoded.negative.at(0), encoded.positive[0].at(0)
    assert not empty.cond.any() and not empty.pooled.any() and empty.cond.shape == (77, tiny_xl.L + tiny_xl.G)
    assert entry.cond.any() and entry.pooled.any()
    said = encode(EncodeInputs(read_texts("", "x"), resolved(profile=profile), 4), xl).negative.at(0)
    assert said.cond.any() and said.pooled.any()


def test_the_pooled_vector_is_the_first_chunks_and_emphasis_leaves_it(xl):
    request = resolved()
    long = encode(EncodeInputs(read_texts("fox " * 100, ""), request, 4), xl).positive[0].at(0)
    cut = encode(EncodeInputs(read_texts("fox " * 25, ""), request, 4), xl).positive[0].at(0)
    assert long.cond.shape[0] > 77 and long.pooled.shape == (tiny_xl.POOLED,)
    strong, plain = (encode(EncodeInputs(read_texts(text, ""), request, 4), xl).positive[0].at(0) for text in ("(fox:1.4)", "fox"))
    assert torch.allclose(strong.pooled, plain.pooled, atol=1e-6) and not torch.allclose(strong.cond, plain.cond, atol=1e-3)
    assert cut.pooled.shape == long.pooled.shape


def test_sizes_are_the_requests_or_the_pictures_own():
    size = SizeConditioning(original_width=2048, crop_top=16, target_height=512)
    assert SDXL().vectors(size, 832, 1216, negative=False)["time_ids"].tolist() == [[1216, 2048, 16, 0, 512, 832]]
    refiner = SDXLRefiner()
    assert refiner.vectors(SizeConditioning(), 832, 1216, negative=False)["time_ids"].tolist() == [[1216, 832, 0, 0, 6.0]]
    assert refiner.vectors(SizeConditioning(), 832, 1216, negative=True)["time_ids"].tolist() == [[1216, 832, 0, 0, 2.5]]


def test_embeddings_have_vectors_for_both_encoders(folder, model_cache):
    tiny_xl.write_sdxl(folder / "Stable-diffusion" / "xl.safetensors")
    vectors = {"clip_l": torch.randn(2, tiny_xl.L), "clip_g": torch.randn(2, tiny_xl.G)}
    save_file(vectors, folder / "embeddings" / "fox.safetensors")
    save_file({"emb_params": torch.randn(2, tiny_xl.L)}, folder / "embeddings" / "sd1fox.safetensors")
    save_file({"clip_l": torch.randn(1, tiny_xl.L), "clip_g": torch.randn(2, tiny_xl.G)}, folder / "embeddings" / "uneven.safetensors")
    model = model_cache.get("xl", None, PLAN)
    assert [torch.equal(mine, vectors[name]) for mine, name in zip(model.embeddings["fox"], ("clip_l", "clip_g"), strict=True)] == [
        True,
        True,
    ]
    assert set(model.embeddings) == {"fox"} and set(model.words.left_out) == {"sd1fox", "uneven"}
    request = resolved()
    with_word, without = (encode(EncodeInputs(read_texts(text, ""), request, 4), model).positive[0].at(0) for text in ("a fox", "a foy"))
    assert not torch.allclose(with_word.cond[:, : tiny_xl.L], without.cond[:, : tiny_xl.L])
    assert not torch.allclose(with_word.pooled, without.pooled)
    plain = model_cache.get("tiny", None, PLAN)
    assert torch.equal(plain.embeddings["fox"][0], vectors["clip_l"])  # its part for CLIP-L serves SD 1.x


def test_adapters_reach_each_encoder(folder, library, xl):
    save_file({"x": torch.zeros(1)}, folder / "Lora" / "te.safetensors")
    layers = ("text_encoder.text_model.encoder.layers.0.mlp.fc1", "text_encoder_2_text_model_encoder_layers_0_mlp_fc1")
    changes = [WeightChange(name, torch.ones_like) for name in layers]
    loader = LoraLoader("test", lambda names: True, lambda path: changes)
    weights = [
        part.module.get_submodule("text_model" if place else "").get_parameter("encoder.layers.0.mlp.fc1.weight")
        for place, part in enumerate(xl.texts)
    ]
    before = [weight.clone() for weight in weights]
    with patched(xl, [LoraUse("te", text=0.5)], library, [loader]) as notes:
        assert notes == () and all(torch.allclose(now, was + 0.5) for now, was in zip(weights, before, strict=True))
    assert all(torch.equal(now, was) for now, was in zip(weights, before, strict=True))


def test_zero_terminal_snr_and_v_prediction_are_told_by_empty_tensors(folder, model_cache):
    tiny_xl.write_sdxl(folder / "Stable-diffusion" / "v.safetensors", {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)})
    model = model_cache.get("v", None, PLAN)
    assert model.prediction.name == "v"
    assert model.prediction.sigma_max == pytest.approx(4518.76, abs=0.1)
    alphas, plain = (torch.from_numpy(1 / (1 + one.prediction.table.sigmas**2)) for one in (model, model_cache.get("tiny", None, PLAN)))
    assert torch.allclose(zero_terminal_snr(plain)[:-1], alphas[:-1])
    assert float(alphas[0]) == pytest.approx(float(plain[0]))


PRUNED = {
    "transformer_layers_per_block": [1, [1], [2]],
    "reverse_transformer_layers_per_block": [[1, 3], [2, 1], 1],
    "mid_block_type": "UNetMidBlock2D",
}


@pytest.mark.parametrize("shape", [PRUNED, {"transformer_layers_per_block": [1, 2, 1], "mid_block_type": None}, {}])
def test_a_pruned_unet_is_known_by_its_names(shape):
    """SSD-1B and Segmind Vega (no attention in the middle, uneven depths), KOALA (no middle): the names tell all."""
    config = tiny_xl.UNET | shape
    parts = tiny_xl.sdxl_parts(config)
    state = tiny_xl.sdxl_state(*parts, config)
    found = tiny_xl.UNET | unet_depths(state, 3)
    unet = UNet2DConditionModel(**found).eval().requires_grad_(False)
    unet.load_state_dict(ldm.rename(state, ldm.unet_rows(found), ldm.UNET), strict=True)
    added = {"text_embeds": torch.randn(1, tiny_xl.POOLED), "time_ids": torch.ones(1, 6)}
    x, steps, context = torch.randn(1, 4, 8, 8), torch.tensor([10.0]), torch.randn(1, 77, tiny_xl.L + tiny_xl.G)
    with torch.no_grad():
        made, wanted = (part(x, steps, context, added_cond_kwargs=added).sample for part in (unet, parts[0]))
    assert torch.equal(made, wanted)


def test_sd2_uses_all_layers_but_the_last_and_the_final_norm(folder, model_cache):
    tiny_xl.write_sd2(folder / "Stable-diffusion" / "two.safetensors")
    model = model_cache.get("two", None, PLAN)
    assert (model.family, model.prediction.name, model.scale_factor, model.latent_space) == ("sd2", "eps", 0.18215, "two.safetensors")
    ids = model.tokenizer.encode("a")
    text = tiny_xl.sd2_text()
    with torch.no_grad():
        states = text(torch.tensor([[512, *ids, 513, *[0] * (75 - len(ids))]]), output_hidden_states=True).hidden_states
        for skip, layer in ((1, -2), (2, -3)):
            cond = encode(EncodeInputs(read_texts("a", ""), resolved(clip_skip=skip), 4), model)
            assert torch.allclose(cond.positive[0].at(0).cond, text.final_layer_norm(states[layer])[0], atol=1e-5)
    assert cond.negative.at(0).cond.any() and not cond.vectors  # an empty negative prompt is encoded as usual


def test_sd2_tells_v_prediction_by_the_spread_of_one_bias(folder, model_cache):
    tiny_xl.write_sd2(folder / "Stable-diffusion" / "v.safetensors", bias_spread=0.5)
    assert model_cache.get("v", None, PLAN).prediction.name == "v"


def test_a_file_that_lacks_the_second_encoder_says_so(folder, model_cache):
    state = tiny_xl.sdxl_state(*tiny_xl.sdxl_parts())
    kept = {name: tensor for name, tensor in state.items() if "embedders.1" not in name or "ln_final" in name}
    save_file(kept, folder / "Stable-diffusion" / "half.safetensors", metadata=tiny_xl.metadata())
    with pytest.raises(CheckpointError, match="half.safetensors lacks"):
        model_cache.get("half", None, PLAN)
