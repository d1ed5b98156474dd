"""What files beside a model say of it: A1111's weight to begin with, descriptions with their lines."""

import json

import pytest

from tests.library.test_scan import LORA, write
from webui.collection.cards import entry
from webui.collection.notes import Notes
from webui.library import Library
from webui.library.beside import Surroundings, read_beside
from webui.library.hashes import Hashes
from webui.library.plain_text import plain_text


def beside(path):
    return read_beside(path, Surroundings().of(path))


@pytest.mark.parametrize(
    ("said", "weight"), [(0.7, 0.7), ("0.7", 0.7), (0, None), ("", None), ("much", None), (True, None), (1e9, None), ([1], None)]
)
def test_a1111_s_preferred_weight_is_the_one_to_begin_with_unless_another_is_kept(tmp_path, said, weight):
    path = write(tmp_path / "Lora" / "fox.safetensors", LORA)
    path.with_suffix(".json").write_text(json.dumps({"activation text": "fxx", "preferred weight": said, "notes": "mine"}))
    found = beside(path)
    assert (found.weight, found.triggers, found.notes) == (weight, ("fxx",), "mine")
    library = Library([tmp_path])
    model = library.models("lora")[0]
    assert entry(library, model, found, Notes(), Hashes()).card.kept.weight == weight
    assert entry(library, model, found, Notes(weight=0.2), Hashes()).card.kept.weight == 0.2


def test_a_description_keeps_its_lines(tmp_path):
    path = write(tmp_path / "Lora" / "fox.safetensors", LORA)
    path.with_suffix(".md").write_text("# Fox\r\n\r\nA fox\x07 of the forest.\n")
    assert beside(path).description == "# Fox\n\nA fox%07 of the forest."


def test_a_checkpoint_that_no_engine_loads_says_so_and_not_that_it_fits(tmp_path):
    write(tmp_path / "Stable-diffusion" / "odd.safetensors", {"double_blocks.0.img_attn.qkv.weight": (1,), "model.diffusion_model.x": (1,)})
    library = Library([tmp_path])
    model = library.models("checkpoint")[0]
    card = entry(library, model, beside(model.path), Notes(), Hashes()).card
    assert not card.supported and "this version" in (card.note or card.error)


def test_a_description_in_html_is_plain_text_with_its_links(tmp_path):
    path = write(tmp_path / "Lora" / "fox.safetensors", LORA)
    page = (
        '<p>A fox &amp; <strong>snow</strong>. See <a href="https://x.org/a?b=1&amp;c">my page</a>.</p><ul><li><p>one</p></li>'
        "<li>&lt;lora:fox:1&gt;</li></ul><script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>odd</a>"
    )
    path.with_suffix(".civitai.info").write_text(json.dumps({"id": 1, "model": {"name": "Fox", "description": page}}))
    assert beside(path).description == "A fox & snow. See my page (https://x.org/a?b=1&c).\n- one\n- <lora:fox:1>\nodd"


@pytest.mark.parametrize("text", ["write <lora:fox:0.8>, a < b\nand c > d", "5 &lt; 6", ""])
def test_a_description_without_html_stays_as_it_is(text):
    assert plain_text(text) == text
