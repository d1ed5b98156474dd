"""Changing a picture with the default model: another background by img2img and by inpainting, another object by inpainting.

Made by the app's own engine, with the requests a user would send; scored like the pictures from nothing, and shown on a second sheet.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from webui.core.events import Event, Failed
from webui.core.request import FrozenModel, GenerationRequest, parse_request
from webui.local import LocalRunner
from webui.settings import load_settings
from webui.train.default_model import judge
from webui.train.default_model.captions import UNSEEN, fill
from webui.train.default_model.compose import COLOURS, generator, pick

_ROOM = 4
"""Pixels that a mask leaves to the object, or takes around it."""
IMG2IMG_STRENGTH = 0.85


class EditScores(FrozenModel):
    """Shares 0..1 where the wish and what should have stayed are both right.

    `img2img` and `background` change the background and keep the thing, `object` the other way round.
    """

    edits: int
    img2img: float
    background: float
    object: float


class Editor:
    """The app's engine with one checkpoint, and a folder for what goes in."""

    def __init__(self, model: Path, folder: Path, threads: int) -> None:
        settings = load_settings({"threads": threads, "models_dirs": (model.resolve().parent,), "data_dir": folder / "data"})
        self._alone, self._model, self._folder = LocalRunner(settings), model.stem, folder

    def make(self, **values: object) -> Image.Image:
        request: GenerationRequest = parse_request({"checkpoint": self._model, **values})
        failed: list[Failed] = []

        def take(event: Event) -> None:
            if isinstance(event, Failed):
                failed.append(event)

        saved = self._alone.run(self._alone.resolve(request), take)
        if failed:
            raise SystemExit(f"An edit failed: {failed[0].error.message}")
        with Image.open(saved[0]) as picture:
            return picture.convert("RGB")

    def keep(self, picture: Image.Image, name: str) -> str:
        path = self._folder / f"{name}.png"
        picture.save(path)
        return self._alone.keep(path)

    def close(self) -> None:
        self._alone.close()


def tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


def ground_mask(picture: Image.Image) -> Image.Image:
    """White where the picture has the colour of its frame, some pixels away from everything else."""
    pixels = tensor(picture)
    frame = torch.cat([pixels[:, :4].flatten(1), pixels[:, -4:].flatten(1)], 1).median(1).values[:, None, None]
    other = ((pixels - frame).square().sum(0).sqrt() > 0.18).float()[None, None]
    near = torch.nn.functional.max_pool2d(other, 2 * _ROOM + 1, 1, _ROOM)[0, 0]
    return Image.fromarray(((1 - near) * 255).byte().numpy())


def edits(
    model: Path, labels: Sequence[str], critic: nn.Module, count: int, seed: int, threads: int
) -> tuple[EditScores, torch.Tensor, list[str]]:
    """`count` pictures of random things, each changed in three ways; scores, and pictures and captions for a sheet of four columns."""
    source, colours = generator(seed, 15), list(COLOURS)
    pictures, told, right = [], list[str](), {"img2img": 0, "background": 0, "object": 0}
    with tempfile.TemporaryDirectory(prefix="darkroom-edits-") as folder:
        editor = Editor(model, Path(folder), threads)
        for number in range(count):
            first, second = pick(len(labels), source), pick(len(labels) - 1, source)
            second += second >= first
            before, after = pick(len(colours), source), pick(len(colours) - 1, source)
            after += after >= before
            wishes = {
                "start": fill(UNSEEN[0], labels[first], colours[before]),
                "img2img": fill(UNSEEN[0], labels[first], colours[after]),
                "background": fill(UNSEEN[0], labels[first], colours[after]),
                "object": fill(UNSEEN[0], labels[second], colours[before]),
            }
            made = changed(editor, wishes, seed * 1000 + number)
            pictures += made
            told += [f"{kind}: {text}" if kind != "start" else text for kind, text in wishes.items()]
            goals = {"img2img": (first, after), "background": (first, after), "object": (second, before)}
            seen, grounds = judge.verdicts(critic, torch.stack(made)).tolist(), judge.background_names(torch.stack(made))
            for place, (kind, (thing, ground)) in enumerate(goals.items(), 1):
                right[kind] += seen[place] == thing and grounds[place] == colours[ground]
        editor.close()
    return EditScores(edits=count, **{kind: found / count for kind, found in right.items()}), torch.stack(pictures), told


def changed(editor: Editor, wishes: dict[str, str], seed: int) -> list[torch.Tensor]:
    """The start, then the three changes of it."""
    start = editor.make(prompt=wishes["start"], seed=seed)
    init, ground = editor.keep(start, f"{seed}"), ground_mask(start)
    mask = editor.keep(ground, f"{seed}-mask")
    inpaint = {"mode": "inpaint", "init": init, "mask": mask, "fill": "latent noise", "strength": 1.0, "mask_blur": 0, "seed": seed}
    others = [
        editor.make(mode="img2img", init=init, prompt=wishes["img2img"], strength=IMG2IMG_STRENGTH, seed=seed),
        editor.make(**{**inpaint, "prompt": wishes["background"]}),
        editor.make(**{**inpaint, "prompt": wishes["object"], "invert_mask": True}),
    ]
    return [tensor(picture) for picture in (start, *others)]
