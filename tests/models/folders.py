"""Model folders as diffusers saves them, of the tiny models of `tests.tiny` and `tiny_xl`: real `save_pretrained`, seeded weights."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from tests import tiny


def write_folder(folder: Path, pipeline: str, parts: dict[str, nn.Module], scheduler: dict[str, Any] | None = None, **saving: Any) -> Path:
    """Save the parts with their configurations; gives the folder."""
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": "0.30.0", "scheduler": ["diffusers", "DDIMScheduler"]}
    for name, part in parts.items():
        library = "transformers" if name.startswith(("text", "depth")) else "diffusers"
        index[name] = [library, type(part).__name__]
        part.save_pretrained(folder / name, **saving)
    index |= {"tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": [None, None]}
    (folder / "scheduler").mkdir(parents=True)
    levels = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": "epsilon", **(scheduler or {})}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(levels))
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(tiny.vocabulary()))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_sd1(folder: Path, scheduler: dict[str, Any] | None = None, **saving: Any) -> Path:
    """The same model as `tiny.write`."""
    unet, vae, text = tiny.parts()
    return write_folder(folder, "StableDiffusionPipeline", {"unet": unet, "vae": vae, "text_encoder": text}, scheduler, **saving)
