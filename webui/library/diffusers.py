"""A model as diffusers saves it: a folder with `model_index.json` and a folder for each part. Read without running anything. No torch.

Weights of a part are one safetensors file, several with an index (shards), or pickles; each also as a variant (`.fp16`).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.core.family import Header
from webui.core.foreign import INDEX, named_path, read_whole, shown
from webui.errors import CheckpointError

MOST_CONFIG, MOST_INDEX = 2**20, 16 * 2**20
PARTS = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3", "depth_estimator")
_BASES = ("diffusion_pytorch_model", "model", "pytorch_model")
_VARIANTS = ("", ".fp16", ".bf16")
_KINDS = (".safetensors", ".bin")
_NEEDS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"StableDiffusionXL(Inpaint|InstructPix2Pix)?Pipeline$"), ("unet", "vae", "text_encoder", "text_encoder_2")),
    (re.compile(r"StableDiffusionXL"), ("unet", "vae", "text_encoder_2")),
    (re.compile(r"StableDiffusionDepth2ImgPipeline$"), ("unet", "vae", "text_encoder", "depth_estimator")),
    (re.compile(r"StableDiffusion(?:\w*Inpaint|InstructPix2Pix|Img2Img)?Pipeline$"), ("unet", "vae", "text_encoder")),
)
"""What pipelines cannot do without, by their names. The refiner is an Img2Img pipeline with the second text encoder alone."""


@dataclass(frozen=True)
class DiffusersFiles:
    """What a folder consists of: the files of each part's weights, and the configurations ("" is `model_index.json`'s own)."""

    folder: Path
    weights: dict[str, tuple[Path, ...]]
    configs: dict[str, dict[str, Any]]

    @property
    def class_name(self) -> str:
        """The pipeline that saved it."""
        return str(self.configs[""].get("_class_name", ""))[:100]


def read_files(index: Path) -> DiffusersFiles:
    """Find a folder's files from its `model_index.json`. Raises `CheckpointError` that names what is missing or broken."""
    folder = index.parent
    content = read_config(index)
    named = [part for part in PARTS if _is_named(content.get(part))]
    configs = {"": content}
    for part in (*named, "scheduler"):
        file = folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        if file.is_file():
            configs[part] = read_config(file)
    _check_named(index, str(content.get("_class_name", "")), named)
    weights = {part: _weights_of(folder, part) for part in named}
    if not weights:
        raise CheckpointError(f"{shown(named_path(index))} holds no part of a model: its {INDEX} names none.")
    return DiffusersFiles(folder, weights, configs)


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object. Raises `CheckpointError`."""
    try:
        content = json.loads(read_whole(path, MOST_CONFIG))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CheckpointError(f"{shown(path.parent)}/{shown(path)} is not a JSON object. Download the folder again.")
    return content


def folder_header(files: DiffusersFiles, headers: dict[Path, Header]) -> Header:
    """One header over all parts: tensors as `part.name`."""
    shapes = {
        f"{part}.{name}": shape for part, paths in files.weights.items() for path in paths for name, shape in headers[path].shapes.items()
    }
    return Header(shapes=shapes, configs=files.configs)


def _check_named(index: Path, class_name: str, named: list[str]) -> None:
    """Raise for an index that does not name a part that its pipeline cannot do without."""
    needs = next((parts for fits, parts in _NEEDS if fits.match(class_name)), ())
    missing = [part for part in needs if part not in named]
    if missing:
        said = f"{shown(named_path(index))} is {class_name[:60]}, and its {INDEX} names no {' and no '.join(missing)}"
        raise CheckpointError(f"{said}. Download the whole folder.")


def _is_named(entry: Any) -> bool:
    """Whether `model_index.json` has a part: a library and a class."""
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(word, str) for word in entry)


def _weights_of(folder: Path, part: str) -> tuple[Path, ...]:
    """The first there is of: safetensors whole or in shards, then pickles; full precision before a variant."""
    for kind in _KINDS:
        for variant in _VARIANTS:
            for base in _BASES:
                whole = folder / part / f"{base}{variant}{kind}"
                if whole.is_file():
                    return (whole,)
                for index in (f"{base}{kind}.index{variant}.json", f"{base}{variant}{kind}.index.json"):
                    if (folder / part / index).is_file():
                        return _shards(folder / part / index)
    raise CheckpointError(f"{shown(folder)} lacks the weights of its {part}. Download the whole folder.")


def _shards(index: Path) -> tuple[Path, ...]:
    """The files that an index names, which lie beside it."""
    try:
        table = json.loads(read_whole(index, MOST_INDEX)).get("weight_map")
        names = sorted(set(table.values()))
    except (ValueError, RecursionError, AttributeError, TypeError):
        names = []
    if not names or not all(isinstance(name, str) and name and Path(name).name == name and "\\" not in name for name in names):
        raise CheckpointError(f"{shown(index)} does not name the files of its weights. Download the whole folder.")
    missing = next((name for name in names if not (index.parent / name).is_file()), None)
    if missing is not None:
        raise CheckpointError(f"{shown(index.parent.parent)} lacks {index.parent.name}/{missing[:100]}. Download the whole folder.")
    return tuple(index.parent / name for name in names)
