"""Tensors of LoRA files that nobody reads are counted by what they are."""

import pytest

from webui.library.lora_keys import left_out

PLAIN = ["lora_unet_x.lora_down.weight", "lora_unet_x.lora_up.weight", "lora_unet_x.alpha"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], ""),
        (["lora_unet_x.dora_scale"], "Read in part: 1 of its 4 tensors are left out (1 of DoRA scales)."),
        (["y.hada_w1_a", "y.hada_w1_b", "y.alpha"], "Read in part: 3 of its 6 tensors are left out (2 of LoHa, 1 of alphas of these)."),
        (["y.diff", "y.diff_b", "z.w_norm"], "(1 of whole differences, 1 of biases, 1 of norm layers)"),
        (["lora_te3_x.lora_down.weight", "lora_te3_x.lora_up.weight"], "2 of its 5 tensors are left out (2 of a third text encoder)"),
        (["y.lora_down.weight"], "1 of its 4 tensors are left out (1 of plain LoRA)"),
    ],
)
def test_what_is_left_out_is_named(more, said):
    assert said in left_out([*PLAIN, *more]) and bool(left_out([*PLAIN, *more])) == bool(said)


def test_a_file_of_which_nothing_is_read_says_so():
    assert left_out(["x.lora_A.weight", "x.lora_B.weight"]) == "Nothing in it is read yet: 2 of diffusers' LoRA."
