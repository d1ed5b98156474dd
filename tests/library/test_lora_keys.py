"""Tensors of LoRA files that nobody reads are counted by what they are."""

import pytest

from webui.library.lora_keys import left_out, lora_layers

PLAIN = ["lora_unet_x.lora_down.weight", "lora_unet_x.lora_up.weight", "lora_unet_x.alpha"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], ""),
        (["lora_unet_x.dora_scale"], ""),
        (["x.lora_A.weight", "x.lora_B.weight"], ""),
        (["x.lora_A.default.weight", "x.lora_B.default.weight"], ""),
        (["y.diff", "y.diff_b", "z.w_norm", "z.b_norm", "a.diff_b"], ""),
        (["y.dora_scale"], "Read in part: 1 of its 4 tensors are left out (1 of DoRA scales)."),
        (["y.hada_w1_a", "y.hada_w1_b", "y.alpha"], "Read in part: 3 of its 6 tensors are left out (2 of LoHa, 1 of alphas of these)."),
        (["y.diff", "y.lora_down.weight", "y.lora_up.weight"], "2 of its 6 tensors are left out (2 of plain LoRA)"),
        (["y.diff", "y.dora_scale"], "1 of its 5 tensors are left out (1 of DoRA scales)"),
        (["y.lora_down.weight", "y.lora_up.weight", "y.lora_mid.weight", "y.hada_t1"], "1 of its 7 tensors are left out (1 of LoHa)"),
        (["y.weight"], "1 of its 4 tensors are left out (1 of unknown names)"),
        (["y.weight", "y.on_input"], ""),
        (["y.oft_R.weight"], ""),
        (["y.oft_R.default.weight"], ""),
        (["y.oft_R.weight", "y.oft_R.scaled_oft"], ""),
        (["y.oft_r"], "(1 of PEFT's first OFT)"),
        (["bundle_emb.fox.string_to_param.*", "bundle_emb.owl.clip_l"], ""),
        (["bundle_emb.fox.odd"], "1 of its 4 tensors are left out (1 of embeddings)"),
        (["lora_te3_x.lora_down.weight", "lora_te3_x.lora_up.weight"], "2 of its 5 tensors are left out (2 of a third text encoder)"),
        (["y.lora_down.weight"], "1 of its 4 tensors are left out (1 of plain LoRA)"),
    ],
)
def test_what_is_left_out_is_named(more, said):
    assert said in left_out([*PLAIN, *more]) and bool(left_out([*PLAIN, *more])) == bool(said)


def test_a_file_of_which_nothing_is_read_says_so():
    assert left_out(["x.lora_A.weight", "x.hada_w1_a"]) == "Nothing in it is read yet: 1 of plain LoRA, 1 of LoHa."


def test_tensors_are_grouped_by_layer_and_part():
    names = ["a.lora_A.weight", "a.lora_B.default.weight", "a.alpha", "b.x_lora.up.weight", "c.hada_w1_a", "odd", "bundle_emb.x.alpha"]
    assert lora_layers(names) == {
        "a": {"down": "a.lora_A.weight", "up": "a.lora_B.default.weight", "alpha": "a.alpha"},
        "b.x": {"up": "b.x_lora.up.weight"},
        "c": {"hada_w1_a": "c.hada_w1_a"},
    }
