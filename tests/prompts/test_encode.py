"""Conditioning: what the encoder is given, what emphasis does to it, and which text holds when."""

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel

from webui.errors import JobCancelled, RequestError
from webui.prompts import ClipTokenizer
from webui.prompts.encode import (
    EncodeOptions,
    TextEncoder,
    Way,
    emphasise,
    encode_empty,
    encode_negative,
    encode_prompt,
    encode_texts,
    pad_pair,
    pad_pair_v0,
    stack,
)

WIDTH = 16
TOKENIZER = ClipTokenizer.from_merges([])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    config = CLIPTextConfig(
        vocab_size=len(TOKENIZER),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        bos_token_id=TOKENIZER.start,
        eos_token_id=TOKENIZER.end,
    )
    return CLIPTextModel(config).eval()


@pytest.fixture
def encoder(model):
    return TextEncoder(model, TOKENIZER)


def run(model, words, **kwargs):
    """The model's own answer for one chunk of words."""
    tokens = [TOKENIZER.start, *TOKENIZER.encode(words)]
    tokens += [TOKENIZER.end] * (77 - len(tokens))
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens]), **kwargs)


def test_plain_words_are_the_models_own(encoder, model):
    (part,) = encode_prompt("a fox", 20, encoder)
    assert part.weight == 1.0 and part.schedule[0].until == 20
    assert torch.equal(part.schedule[0].cond, run(model, "a fox").last_hidden_state[0])


def test_chunks_are_joined(encoder, model):
    cond = encode_texts(["a BREAK b"], encoder)[0][0]
    parts = [run(model, words).last_hidden_state[0] for words in ("a", "b")]
    assert torch.allclose(cond, torch.cat(parts), atol=1e-6)


def test_clip_skip_takes_an_earlier_layer_through_the_final_norm(model):
    cond = encode_texts(["a fox"], TextEncoder(model, TOKENIZER, skip=2))[0][0]
    hidden = run(model, "a fox", output_hidden_states=True).hidden_states[-2]
    norm = getattr(model, "text_model", model).final_layer_norm
    assert torch.equal(cond, norm(hidden)[0])
    bare = encode_texts(["a fox"], TextEncoder(model, TOKENIZER, skip=2, final_norm=False))[0][0]
    assert torch.equal(bare, hidden[0])


def test_clip_skip_beyond_the_first_layer_stops_there(model):
    assert encode_texts(["a"], TextEncoder(model, TOKENIZER, skip=12))[0].shape == (1, 77, WIDTH)


def test_emphasis_modes(encoder, model):
    plain = run(model, "a fox").last_hidden_state[0]
    weights = torch.ones(77, 1)
    weights[2:5] = 1.5
    by_mode = {
        mode: encode_texts(["a (fox:1.5)"], encoder, EncodeOptions(emphasis=mode))[0][0] for mode in ("Ignore", "No norm", "Original")
    }
    assert torch.allclose(by_mode["Ignore"], plain, atol=1e-6)
    assert torch.allclose(by_mode["No norm"], plain * weights, atol=1e-6)
    assert torch.allclose(by_mode["Original"].mean(), plain.mean(), atol=1e-6)
    literal = encode_texts(["a (fox:1.5)"], encoder, EncodeOptions(emphasis="None"))[0][0]
    assert torch.allclose(literal, run(model, "a (fox:1.5)").last_hidden_state[0], atol=1e-6)


def test_a_mean_of_zero_restores_nothing():
    cond = torch.tensor([[[1.0], [-1.0]]])
    assert torch.equal(emphasise(cond, torch.full((1, 2, 1), 2.0), "Original"), cond * 2)


def test_texts_of_one_schedule_share_the_restored_mean(encoder):
    together = encode_texts(["(a:1.5)", "b"], encoder)[0]
    alone = encode_texts(["(a:1.5)"], encoder)[0]
    assert torch.allclose(together.mean(), encode_texts(["a", "b"], encoder)[0].mean(), atol=1e-6)
    assert not torch.allclose(together[0], alone[0], atol=1e-6)


def test_inversion_vectors_reach_the_encoder_and_leave_no_trace(model):
    table = model.get_input_embeddings().weight.detach()
    vectors = table[TOKENIZER.encode("fox")]
    encoder = TextEncoder(model, TOKENIZER, embeddings={"zq": vectors})
    assert torch.equal(encode_texts(["a zq"], encoder)[0][0], run(model, "a fox").last_hidden_state[0])
    assert not model.get_input_embeddings()._forward_hooks


def test_pad_follows_the_first_end(model):
    padded = encode_texts(["a"], TextEncoder(model, TOKENIZER, pad=0))[0][0]
    tokens = torch.tensor([[TOKENIZER.start, *TOKENIZER.encode("a"), TOKENIZER.end, *[0] * 74]])
    with torch.no_grad():
        assert torch.equal(padded, model(input_ids=tokens).last_hidden_state[0])


def test_and_parts_have_weights_and_negatives_have_none(encoder):
    assert [part.weight for part in encode_prompt("a AND b:0.5 AND c:-1", 20, encoder)] == [1.0, 0.5, -1.0]
    assert len(encode_negative("a AND b", 20, encoder)) == 1


def test_editing_holds_through_the_call_it_names(encoder):
    (part,) = encode_prompt("[a:b:5]", 20, encoder)
    first, second = part.schedule
    held = [part.at(step).until for step in range(21)]
    assert held == [5] * 6 + [20] * 15
    assert torch.allclose(first.cond, encode_texts(["a"], encoder)[0][0], atol=1e-6)
    assert torch.allclose(second.cond, encode_texts(["b"], encoder)[0][0], atol=1e-6)


def test_unequal_lengths(encoder):
    long, short = encode_texts(["a BREAK b"], encoder)[0][0], encode_texts(["a"], encoder)[0][0]
    empty = encode_empty(encoder)
    cond, uncond = pad_pair(long, short, empty)
    assert len(cond) == len(uncond) == 154 and torch.equal(uncond[77:], empty)
    assert torch.equal(pad_pair_v0(long, short)[1][77:], short[-1].expand(77, -1))
    assert torch.equal(pad_pair_v0(short, long)[1], long[:77])
    assert torch.equal(stack([long, short])[1, 77:], short[-1].expand(77, -1))


class Counting:
    """A way that remembers how many chunks each batch had, and stops after so many."""

    def __init__(self, model, stop_after=10**6):
        self.batches = []
        self.stop_after = stop_after
        model.register_forward_pre_hook(lambda module, args, kwargs: self.batches.append(len(kwargs["input_ids"])), with_kwargs=True)
        self.way = Way(run=self.run, check=lambda: None)

    def run(self, work):
        if len(self.batches) >= self.stop_after:
            raise JobCancelled("stopped")
        return work()


@pytest.fixture
def counting(model):
    made = []

    def make(**more):
        made.append(Counting(model, **more))
        return made[-1], TextEncoder(model, TOKENIZER, way=made[-1].way)

    yield make
    model._forward_pre_hooks.clear()
    model._forward_pre_hooks_with_kwargs.clear()


def test_twenty_thousand_alternations_are_two_texts(counting):
    """They took 400 seconds and 6 GB: a text for each of the thousand steps."""
    count, encoder = counting()
    (part,) = encode_prompt("[a|b]" * 100, 1000, encoder)
    assert count.batches == [2] * (len(part.at(1).cond) // 77)
    assert torch.equal(part.at(1).cond, part.at(999).cond) and not torch.equal(part.at(1).cond, part.at(2).cond)
    assert part.at(1).cond.untyped_storage().data_ptr() == part.at(999).cond.untyped_storage().data_ptr()


def test_many_texts_are_encoded_in_batches_that_others_get_in_between(counting, model):
    count, encoder = counting()
    options = "|".join(f"{number} (x:1.3)" for number in range(100))
    (part,) = encode_prompt(f"[{options}]", 100, encoder, EncodeOptions("No norm"))
    assert count.batches == [32, 32, 32, 4]
    texts = [f"{number} (x:1.3)" for number in range(100)]
    together = encode_texts(texts[:1], TextEncoder(model, TOKENIZER), EncodeOptions("No norm"))[0]
    assert torch.allclose(part.at(1).cond, together[0], atol=1e-5)


def test_a_text_counts_in_the_mean_as_often_as_it_holds(encoder):
    """A1111 encodes a text for each step; the mean that emphasis restores is that of all of them."""
    (part,) = encode_prompt("[(a:1.5)|b]", 5, encoder)  # three times the one, twice the other
    plain = encode_texts(["a", "b"], encoder)[0].mean(dim=(1, 2))
    shown = torch.stack([part.at(1).cond, part.at(2).cond]).mean(dim=(1, 2))
    assert float(3 * shown[0] + 2 * shown[1]) == pytest.approx(float(3 * plain[0] + 2 * plain[1]), abs=1e-5)


def test_a_stop_ends_encoding_between_two_batches(counting):
    count, encoder = counting(stop_after=2)
    with pytest.raises(JobCancelled):
        encode_prompt("[" + "|".join(map(str, range(200))) + "]", 200, encoder)
    assert count.batches == [32, 32]


@pytest.mark.parametrize("prompt", ["BREAK " * 500, "a AND " * 200, "[" + "|".join("abcdefghijk") + "] [l|m|n|o|p|q|r]" + "x " * 3000])
def test_too_large_a_prompt_is_refused_before_anything_is_encoded(counting, prompt):
    count, encoder = counting()
    with pytest.raises(RequestError, match="This prompt is too large"):
        encode_prompt(prompt, 1000, encoder)
    assert count.batches == []
