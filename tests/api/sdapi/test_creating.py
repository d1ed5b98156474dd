"""An embedding to begin with: the words of a checkpoint's text encoder, as A1111 takes them."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.library.test_scan import SD1
from webui.api.sdapi.creating import CreateEmbedding, create
from webui.errors import RequestError
from webui.library import ModelFile
from webui.prompts.tokenizer import clip_l_tokenizer

WORDS, SECOND = "transformer.text_model.embeddings.token_embedding.weight", "conditioner.embedders.1.model.token_embedding.weight"
TABLE = np.arange(49408, dtype=np.float32)[:, None].repeat(4, 1)


def checkpoint(tmp_path, **tables) -> ModelFile:
    path = tmp_path / "words.safetensors"
    save_file(tables, path)
    return ModelFile(name="words", path=path, kind="checkpoint", size=path.stat().st_size)


def test_vectors_are_those_of_the_texts_words_spread_over_it(tmp_path):
    model = checkpoint(tmp_path, **{f"cond_stage_model.{WORDS}": TABLE})
    made = create(CreateEmbedding(name="../a/fox: one", num_vectors_per_token=3, init_text="a red fox"), model, (tmp_path,))
    assert made == tmp_path / "embeddings" / "afox one.safetensors"
    (vectors,) = load_file(made).values()
    assert vectors[:, 0].tolist() == clip_l_tokenizer().encode("a red fox") and vectors.shape == (3, 4)
    again = CreateEmbedding(name="../a/fox: one", num_vectors_per_token=2, init_text="")
    assert create(again, model, (tmp_path,)) is None
    assert create(again.model_copy(update={"overwrite_old": True}), model, (tmp_path,)) == made
    assert not load_file(made)["emb_params"].any() and load_file(made)["emb_params"].shape == (2, 4)


def test_two_text_encoders_have_vectors_each(tmp_path):
    tables = {f"conditioner.embedders.0.{WORDS}": TABLE.astype(np.float16), SECOND: TABLE[:, :2].copy()}
    made = create(CreateEmbedding(name="both", init_text="fox"), checkpoint(tmp_path, **tables), (tmp_path,))
    assert {name: each.shape for name, each in load_file(made).items()} == {"clip_l": (1, 4), "clip_g": (1, 2)}


def test_a_checkpoint_without_words_is_refused(tmp_path):
    for model in (None, checkpoint(tmp_path, other=np.zeros((2, 2), np.float32))):
        with pytest.raises(RequestError):
            create(CreateEmbedding(name="x"), model, (tmp_path,))


def test_over_the_api(server):
    path = server.settings.data_dir / "models" / "Stable-diffusion" / "with-words.safetensors"
    zeros = {name: np.zeros(shape, np.float32) for name, shape in SD1.items()}
    save_file(zeros | {f"cond_stage_model.{WORDS}": TABLE[:, :1].copy()}, path)
    body = {"name": "begun", "num_vectors_per_token": 2, "overwrite_old": True, "init_text": "*"}
    try:
        with server.client() as client, server.client(owner="a guest") as guest:
            client.post("/sdapi/v1/refresh-checkpoints")
            client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "with-words"})
            answer = client.post("/sdapi/v1/create/embedding", json=body)
            assert (answer.status_code, answer.json()) == (200, {"info": "create embedding filename: embeddings/begun.safetensors"})
            assert "begun" in str(client.get("/sdapi/v1/embeddings").json())
            kept = client.post("/sdapi/v1/create/embedding", json=body | {"overwrite_old": False})
            assert kept.status_code == 200 and kept.json()["info"] == "create embedding error: file begun already exists"
            assert guest.post("/sdapi/v1/create/embedding", json=body).status_code == 403
            refused = client.post("/sdapi/v1/create/hypernetwork", json={"name": "x"})
            assert refused.status_code == 422 and "trains none" in refused.json()["detail"]
            client.post("/sdapi/v1/options", json={"sd_model_checkpoint": ""})
    finally:
        path.unlink()
        (server.settings.data_dir / "models" / "embeddings" / "begun.safetensors").unlink(missing_ok=True)
        server.services.library.scan()
