"""Files that are replaced while a model is loaded: the new weights under the new hash, or a sentence; never a mixture."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from tests.whole_requests import resolved
from webui.core.job import Plan
from webui.errors import CheckpointError, FileChanged
from webui.generation.conditioning import EncodeInputs, encode, read_texts
from webui.library import View
from webui.models.adapters import LoraUse
from webui.models.embeddings import MOST_VECTORS
from webui.models.families import ldm
from webui.models.patcher import patched
from webui.plugins.adapters import LoraLoader, WeightChange

PLAN = Plan(channels_last=False)
LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"


def again(path, tensors, metadata=None):
    """Written anew in place at the same time as before, as a clock that stands still would have it."""
    save_file(tensors, path.with_name(".new"), metadata=metadata)
    path.with_name(".new").replace(path)


@pytest.fixture
def own(folder, model_cache):
    """A checkpoint that may be overwritten."""
    return tiny.write(folder / "Stable-diffusion" / "own.safetensors")


def test_an_overwritten_checkpoint_is_loaded_again_under_its_new_hash(own, model_cache):
    before = model_cache.get("own", None, PLAN)
    weights = before.unet.state_dict()["conv_out.weight"].clone()
    tiny.write(own, seed=5)
    after = model_cache.get("own", None, PLAN)
    assert after.hash != before.hash and model_cache.loaded == f"own [{after.hash[:10]}]"
    assert not torch.equal(after.unet.state_dict()["conv_out.weight"], weights)


def test_a_checkpoint_that_is_replaced_while_it_is_loaded_is_a_sentence(own, model_cache):
    def replace(done, of):
        os.utime(own, ns=(1, 1))

    with pytest.raises(FileChanged, match="own.safetensors was replaced"):
        model_cache.get("own", None, PLAN, replace)
    assert model_cache.loaded == ""
    assert model_cache.get("own", None, PLAN).name == "own"


def test_a_vae_beside_is_the_checkpoints_own_until_it_goes(folder, model_cache, library):
    state = {name.removeprefix(ldm.VAE): tensor for name, tensor in tiny.ldm_state(*tiny.parts(7)).items() if name.startswith(ldm.VAE)}
    beside, metadata = folder / "Stable-diffusion" / "tiny.vae.safetensors", {"darkroom.vae": json.dumps(tiny.VAE)}
    inside = model_cache.get("tiny", None, PLAN).vae.state_dict()
    save_file(state, beside, metadata=metadata)
    library.scan()
    names = {}
    for said in (None, "Automatic", "tiny.vae", "None"):
        model = model_cache.get("tiny", said, PLAN)
        names[said] = model.vae_name, torch.equal(model.vae.state_dict()["decoder.conv_in.weight"], inside["decoder.conv_in.weight"])
    own = ("tiny.vae.safetensors", False)
    assert names == {None: own, "Automatic": own, "tiny.vae": own, "None": ("", True)}
    other = {name: tensor + 1 for name, tensor in state.items()}
    save_file(other, beside, metadata=metadata)
    changed = model_cache.get("tiny", None, PLAN).vae.state_dict()["decoder.conv_in.weight"]
    assert torch.equal(changed, other["decoder.conv_in.weight"])
    beside.unlink()
    assert model_cache.get("tiny", None, PLAN).vae_name == ""


def test_a_replaced_vae_is_read_again(folder, model_cache):
    path = folder / "VAE" / "other.safetensors"
    metadata = {"darkroom.vae": json.dumps(tiny.VAE)}
    save_file(tiny.parts(seed=7)[1].state_dict(), path, metadata=metadata)
    ones = torch.ones(1, 4, 8, 8)
    first = model_cache.get("tiny", "other", PLAN).decode(ones)
    again(path, tiny.parts(seed=8)[1].state_dict(), metadata)
    assert not torch.equal(model_cache.get("tiny", "other", PLAN).decode(ones), first)


def loader():
    """Reads the number in the file."""

    def load(path):
        value = load_file(path)["mine"].item()
        return [WeightChange(f"unet.{LAYER}", lambda base: torch.full(base.shape, value))]

    return LoraLoader("mine", lambda names: "mine" in names, load)


def test_a_lora_trained_again_under_its_name_is_read_again(folder, library, model_cache):
    path = folder / "Lora" / "one.safetensors"
    save_file({"mine": torch.tensor(1.0)}, path)
    model = model_cache.get("tiny", None, PLAN)
    weight = model.unet.get_parameter(f"{LAYER}.weight")
    base, found = weight.data.clone(), []
    for value in (1.0, 2.0):
        again(path, {"mine": torch.tensor(value)})
        with patched(model, [LoraUse("one")], library, [loader()]):
            found.append((weight.data - base).mean().item())
    assert found == pytest.approx([1.0, 2.0], abs=1e-4)


def test_a_lora_replaced_while_its_job_runs_is_not_mixed_in(folder, library, model_cache):
    path = folder / "Lora" / "one.safetensors"
    save_file({"mine": torch.tensor(1.0)}, path)
    model, view = model_cache.get("tiny", None, PLAN), View(library)
    with patched(model, [LoraUse("one")], view, [loader()]) as notes:
        assert notes == ()
    again(path, {"mine": torch.tensor(2.0)})
    with pytest.raises(FileChanged, match="one.safetensors"), patched(model, [LoraUse("one", unet=0.5)], view, [loader()]):
        pass  # another set: the file would have to be read again


def test_a_lora_that_breaks_in_any_way_is_a_note(folder, library, model_cache):
    save_file({"mine": torch.tensor(1.0)}, folder / "Lora" / "one.safetensors")
    model = model_cache.get("tiny", None, PLAN)

    def fail(path):
        raise RecursionError

    with patched(model, [LoraUse("one")], library, [LoraLoader("mine", lambda names: True, fail)]) as notes:
        assert notes[0].startswith("LoRA 'one' was left out: one.safetensors is broken")


# Embeddings -----------------------------------------------------------------------------------------------------------------------


def test_an_embedding_written_anew_changes_the_conditioning(folder, library, model_cache):
    path, request = folder / "embeddings" / "fox.safetensors", resolved(prompt="a fox", clip_skip=1)
    texts, seen = read_texts("a fox", ""), []
    for seed in (1, 2, 1):
        again(path, {"emb_params": torch.randn(2, tiny.WIDTH, generator=torch.Generator().manual_seed(seed))})
        library.scan()
        model = model_cache.get("tiny", None, PLAN)
        seen.append(encode(EncodeInputs(texts, request, 1), model).positive[0].schedule[0].cond.clone())
    assert not torch.equal(seen[0], seen[1]) and torch.equal(seen[0], seen[2])


def test_a_job_keeps_the_embeddings_that_it_began_with(folder, library, model_cache):
    path = folder / "embeddings" / "fox.safetensors"
    save_file({"emb_params": torch.ones(1, tiny.WIDTH)}, path)
    first = model_cache.get("tiny", None, PLAN)
    again(path, {"emb_params": torch.zeros(1, tiny.WIDTH)})
    library.scan()
    second = model_cache.get("tiny", None, PLAN)
    assert first.embeddings["fox"][0].sum() == tiny.WIDTH and second.embeddings["fox"][0].sum() == 0
    assert first.unet is second.unet and model_cache.get("tiny", None, PLAN) is second


def odd_tensors():
    return {
        "empty": torch.zeros(0),
        "flat": torch.zeros(3, 0),
        "nan": torch.full((2, tiny.WIDTH), float("nan")),
        "terabytes": torch.zeros(1).expand(10**10, tiny.WIDTH),
        "many": torch.zeros(MOST_VECTORS * 600, tiny.WIDTH),
        "meta": torch.zeros(2, tiny.WIDTH, device="meta"),
        "integers": torch.zeros(2, tiny.WIDTH, dtype=torch.int8),
        "wide": torch.zeros(2, tiny.WIDTH + 1),
        "cube": torch.zeros(2, 2, tiny.WIDTH),
    }


@pytest.mark.parametrize("name", [*odd_tensors(), "pipe", "stop", "bomb", "text"])
def test_a_bad_embedding_disturbs_nobody_and_is_said_to_who_names_it(folder, library, model_cache, name):
    path = folder / "embeddings" / f"{name}.pt"
    if name in odd_tensors():
        torch.save({"string_to_param": {"*": odd_tensors()[name]}}, path)
    elif name == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes({"stop": b".", "bomb": b"\x80\x02" + b"]" * 3_000_000 + b".", "text": b"root:x:0:0\n" * 20}[name])
    save_file({"emb_params": torch.ones(1, tiny.WIDTH)}, folder / "embeddings" / "good.safetensors")
    words = model_cache.get("tiny", None, PLAN).words
    assert list(words.vectors) == ["good"]
    assert words.notes("a good picture") == ()
    (note,) = words.notes(f"a {name.upper()}, please")
    assert note.startswith(f"Embedding {name!r} was left out: ") and note.endswith(".")


# Files beside models, and models that are not what their header says ---------------------------------------------------------------


def test_a_pipe_beside_a_checkpoint_is_not_read(folder, own, model_cache):
    os.mkfifo(own.with_suffix(".yaml"))
    assert model_cache.get("own", None, PLAN).prediction.name == "eps"


def test_a_long_file_beside_a_checkpoint_takes_no_time(own, model_cache):
    own.with_suffix(".yaml").write_text("\n" * 900_000 + " " * 100_000)
    assert model_cache.get("own", None, PLAN).prediction.name == "eps"


@pytest.mark.parametrize(
    "key", ["darkroom.text_encoder", "darkroom.unet", "darkroom.vae", "darkroom.tokenizer.vocab", "darkroom.latent_rgb"]
)
@pytest.mark.parametrize("text", ["[" * 200_000, '{"x": [1]}', '{"sample_size": "x", "vocab_size": -1, "vocab": 5, "norm_num_groups": 7}'])
def test_a_checkpoint_whose_own_description_lies_is_a_sentence(folder, own, model_cache, key, text):
    again(own, load_file(own), {**tiny.metadata(), key: text})
    with pytest.raises(CheckpointError, match="own.safetensors"):
        model_cache.get("own", None, PLAN)
    assert model_cache.get("tiny", None, PLAN).name == "tiny"


def test_a_checkpoint_that_stands_for_terabytes_is_refused(folder, model_cache):
    name = "cond_stage_model.transformer.x"
    torch.save({"state_dict": {name: torch.zeros(1).expand(10**6, 10**6)}}, folder / "Stable-diffusion" / "big.ckpt")
    with pytest.raises(CheckpointError, match="says that it holds more than it does"):
        model_cache.get("big", None, PLAN)
