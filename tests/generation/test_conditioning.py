"""Prompts of a request: tags out, encoded once, diffusers' plain way."""

import torch

from tests.whole_requests import resolved
from webui.generation.conditioning import REMEMBERED, EncodeInputs, encode, read_texts
from webui.models.adapters import LoraUse


def test_tags_and_comments_are_taken_out():
    texts = read_texts("a fox <lora:style:0.8> <lyric:x:1> # not this", "blurry # and this")
    assert texts.prompt.strip() == "a fox"
    assert texts.negative.strip() == "blurry"
    assert texts.loras == (LoraUse("style", 0.8, 0.8),)
    assert texts.notes == ("<lyric:…> is not known here and was left out.",)


def test_a_tag_in_the_negative_prompt_is_words_like_any_other():
    """A1111 looks for tags in the prompt alone: taking these out would change the picture."""
    texts = read_texts("a fox", "blurry <lora:other:1>")
    assert (texts.negative, texts.loras, texts.notes) == ("blurry <lora:other:1>", (), ())


def test_the_same_prompts_are_encoded_once(engine):
    model = engine.context.models.get("tiny", None, engine.plan)
    texts, request = read_texts("a fox", ""), resolved()
    first = encode(EncodeInputs(texts, request, 8), model)
    assert encode(EncodeInputs(texts, request, 8), model).positive is first.positive
    assert encode(EncodeInputs(texts, resolved(clip_skip=2), 8), model).positive is not first.positive
    assert encode(EncodeInputs(texts, request, 9), model).positive is not first.positive


def test_a_new_prompt_leaves_the_negative_one_encoded(engine):
    model = engine.context.models.get("tiny", None, engine.plan)
    one, other = (encode(EncodeInputs(read_texts(text, "blurry"), resolved(), 8), model) for text in ("a fox", "an owl"))
    assert one.negative is other.negative and one.empty is other.empty
    assert not torch.equal(one.positive[0].at(0).cond, other.positive[0].at(0).cond)


def test_memory_of_prompts_stays_small(engine):
    model = engine.context.models.get("tiny", None, engine.plan)
    for number in range(100):
        encode(EncodeInputs(read_texts(f"fox {number}", ""), resolved(), 8), model)
    assert len(model.state.conditioning) == REMEMBERED


def test_an_unknown_lora_is_a_note_and_the_picture_is_made(engine):
    engine.make(prompt="fox <lora:nowhere:1>")
    assert len(engine.notes) == 1 and "nowhere" in engine.notes[0]
    assert [event.type for event in engine.events][-2:] == ["image", "done"]


def test_diffusers_prompts_are_plain_text_of_77_tokens(engine):
    model = engine.context.models.get("tiny", None, engine.plan)
    plain = resolved(profile="diffusers")
    brackets, words = (encode(EncodeInputs(read_texts(text, ""), plain, 8), model).positive[0].at(0).cond for text in ("(fox:1.3)", "fox"))
    assert brackets.shape == (77, model.text_width)
    assert not torch.equal(brackets, words)
    assert encode(EncodeInputs(read_texts("x" * 500, ""), plain, 8), model).positive[0].at(0).cond.shape == (77, model.text_width)
