"""The recipes for a GPU: in as many runs as it takes, or in one short run. What a run does is one of these, changed by flags."""

from typing import Literal

from webui.core.request import FrozenModel
from webui.train.default_model.networks import Shape
from webui.train.default_model.scenes import ARRANGED, OBJECTS, Mix

STYLES = ("flat icon", "cartoon", "3d render")
SMALL_SIZE = 128


class Part(FrozenModel):
    """A stage with a state of its own; a later part of a kind starts from the one before. `sizes` in pixels are taken in turn.

    `share` is its part of the time, `scenes` how many are encoded ahead for each size.
    """

    name: str
    kind: Literal["vae", "diffusion"]
    sizes: tuple[int, ...]
    share: float
    batch: int
    rate: float
    mix: Mix
    scenes: int = 0


class Recipe(FrozenModel):
    """What is taught, to what, and how."""

    list: str
    styles: tuple[str, ...]
    shape: Shape
    parts: tuple[Part, ...]
    device: str = "cuda"
    readers: int = 8
    at_once: bool = False
    """One run ends all parts: each gets its share of the minutes that are left, so loading and encoding may take what they take."""


SHORT = Shape(unet=(32, 96, 192, 192), size=256)
"""17 M weights, 35 MB; what it has more than the shipped shape it has at 64 and fewer latent pixels, where a CPU has time for it."""

LARGE = Shape(unet=(32, 64, 128, 128), unet_layers=2, vae=(32, 64, 128, 128), vae_layers=2, text_layers=6, size=256)
"""18 M weights, 37 MB."""


def gpu(size: int = 256, styles: tuple[str, ...] = STYLES, shape: Shape = LARGE) -> Recipe:
    """Small pictures first, since four of them cost what a large one costs; then large ones, with two objects and places more often.

    Batches and learning rates by the feasibility study, for 25 minutes of one H100; never run on one so far.
    """
    small = min(SMALL_SIZE, size)
    parts = [
        Part(name=f"vae-{small}", kind="vae", sizes=(small,), share=0.27, batch=128, rate=2e-3, mix=OBJECTS),
        Part(name=f"diffusion-{small}", kind="diffusion", sizes=(small,), share=0.4, batch=512, rate=1.5e-3, mix=OBJECTS, scenes=1 << 18),
    ]
    if size > small:
        parts.insert(1, Part(name=f"vae-{size}", kind="vae", sizes=(size,), share=0.08, batch=48, rate=5e-4, mix=ARRANGED))
    turns = (size, size, small) if size > small else (size,)
    parts.append(
        Part(name=f"arranged-{size}", kind="diffusion", sizes=turns, share=0.25, batch=256, rate=4e-4, mix=ARRANGED, scenes=1 << 16)
    )
    return Recipe(list="nouns", styles=styles, shape=shape.model_copy(update={"size": size}), parts=tuple(parts))


FEW_PAIRS = Mix(moved=0.1, size=0.06, place=0.1, count=0.06, pair=0.15, hue=0.08)
"""Nearly half of the pictures are still one thing in the middle: a short run has no time to relearn it at another size."""


def short(size: int = 256, styles: tuple[str, ...] = STYLES[:1]) -> Recipe:
    """For a few minutes: one style, a shape that two CPU cores are quick with, one part for the autoencoder.

    A step of these small networks takes as long as its launches; the batches are about as large as fits into that time.
    """
    small = min(SMALL_SIZE, size)
    turns = (size, size, small) if size > small else (size,)
    parts = (
        Part(name=f"vae-{size}", kind="vae", sizes=turns, share=0.22, batch=64, rate=1e-3, mix=FEW_PAIRS),
        Part(name=f"diffusion-{small}", kind="diffusion", sizes=(small,), share=0.4, batch=1024, rate=1.5e-3, mix=OBJECTS, scenes=1 << 17),
        Part(name=f"arranged-{size}", kind="diffusion", sizes=turns, share=0.38, batch=256, rate=8e-4, mix=FEW_PAIRS, scenes=1 << 15),
    )
    return Recipe(list="nouns", styles=styles, shape=SHORT.model_copy(update={"size": size}), parts=parts, readers=12, at_once=True)
