"""An input of a graph that cannot be meant is refused at its node, before anything runs with another value."""

import pytest

from tests.api.comfy.test_graphs import usual
from webui.api.comfy.graphs import GraphError, understood
from webui.prompts.grammar import read_and, read_attention, strip_tags


def sampler(**changes):
    graph = usual()
    return graph | {"3": {"class_type": "KSampler", "inputs": graph["3"]["inputs"] | changes}}


WRONG = [
    *({"seed": value} for value in ("x", True, 1e30, 10**30, 1.5, None, float("nan"), [1])),
    *({"cfg": value} for value in ("x", 1e308, float("inf"), None, True)),
    *({"steps": value} for value in (0, -1, 10**9, [], "many")),
    *({"denoise": value} for value in (2, -1, "x")),
    *({"model": value} for value in (["4", 9], ["4", -1], ["4", 1], "4", None)),
    *({"positive": value} for value in (["4", 0], ["5", 0], [["6"], 0])),
    {"latent_image": ["6", 0]},
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_a_samplers_input_that_cannot_be_meant_is_refused_at_its_node(changes):
    with pytest.raises(GraphError) as raised:
        understood(sampler(**changes))
    (name,) = changes
    errors = raised.value.body["node_errors"]["3"]
    assert errors["class_type"] == "KSampler" and errors["errors"][0]["extra_info"] == {"input_name": name}
    assert raised.value.body["error"]["details"].startswith(f"Node #3, {name}: ")


@pytest.mark.parametrize("width", [10**30, 1e30, "x", None, True])
def test_a_size_that_cannot_be_meant_is_refused(width):
    with pytest.raises(GraphError) as raised:
        understood(usual(**{"5": {"class_type": "EmptyLatentImage", "inputs": {"width": width, "height": 64, "batch_size": 1}}}))
    assert list(raised.value.body["node_errors"]) == ["5"]


def test_a_text_that_is_none_is_refused():
    with pytest.raises(GraphError):
        understood(usual(**{"6": {"class_type": "CLIPTextEncode", "inputs": {"text": None, "clip": ["4", 1]}}}))


def test_a_batch_is_repeated_whole_and_texts_are_no_templates():
    graph = usual(**{"10": {"class_type": "RepeatLatentBatch", "inputs": {"samples": ["5", 0], "amount": 3}}})
    graph["3"]["inputs"]["latent_image"] = ["10", 0]
    (meant,) = understood(graph)
    assert (meant.fields["batch_size"], meant.request({}).dynamic_prompts) == (6, False)


def test_a_text_is_words_as_comfyui_takes_it():
    text = "a fox <lora:ink:1> [big:small:0.5] AND (old:1.2) BREAK"
    (meant,) = understood(usual(**{"6": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["4", 1]}}}))
    prompt = meant.fields["prompt"]
    assert strip_tags(prompt) == (prompt, ()) and len(read_and(prompt)) == 1
    assert read_attention(prompt) == [("a fox < lora:ink:1> [big:small:0.5] and ", 1.0), ("old", 1.2), (" break", 1.0)]


@pytest.mark.parametrize("changes", [{"seed": "7"}, {"steps": 7.0}, {"cfg": "5.5"}, {"seed": 2**64 - 1}, {"denoise": 1.0}], ids=str)
def test_numbers_as_text_are_taken_as_before(changes):
    assert understood(sampler(**changes))[0].fields["steps"]
