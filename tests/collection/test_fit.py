"""Whether a checkpoint fits is told by the ways in which a job would be computed."""

import pytest

from webui.collection.fit import Room, fit
from webui.core.family import ModelDefaults, ModelFacts

GB = 10**9
SDXL = ModelFacts(unet=2_567_463_684, text=817_720_320, in_half=True)
SIZE = ModelDefaults(width=1024, height=1024)


@pytest.mark.parametrize(
    ("facts", "room", "outcome", "said"),
    [
        (SDXL, Room(device="cpu", memory=32 * GB), "fits", "; there are 32.0 GB."),
        (SDXL, Room(device="cpu", memory=16 * GB), "fits", "so its weights are kept as in the file (about 1"),
        (SDXL, Room(device="cpu", memory=11 * GB), "fits", "so its weights are kept as in the file and it is computed in smaller parts"),
        (SDXL, Room(device="cpu", memory=6 * GB), "too large", "there are only 6.0 GB"),
        (SDXL.model_copy(update={"in_half": False}), Room(device="cpu", memory=11 * GB), "fits", "computed in bfloat16, which changes"),
        (SDXL, Room(device="cuda:0", dtype="float16", memory=8 * GB), "offload", "so its parts take turns"),
        (SDXL, Room(device="cuda:0", dtype="float16"), "unknown", "for a picture of 1024×1024."),
    ],
)
def test_what_is_told_is_how_it_would_be_computed(facts, room, outcome, said):
    found = fit(facts, SIZE, room)
    assert (found.outcome, found.fits) == (outcome, outcome != "too large")
    assert said in found.sentence and found.sentence.startswith("It needs about ")
