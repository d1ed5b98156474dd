"""`bench parity`: make the pictures recorded from Forge again from their metadata, and say how far ours are from them.

Each picture is replayed as `generate --from PICTURE` does it. What its text leaves out is taken from the request recorded beside it.
Results are kept after every picture, so that a run can be stopped and gone on with; `--again` makes all of them anew.
"""

import argparse
import fnmatch
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from webui.cli.compare import compare
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.request import ResolvedRequest
from webui.devices.machine import choose
from webui.engine.bootstrap import build_context
from webui.generation.context import EngineContext
from webui.generation.run import run_job as run_task
from webui.images.dialects.infotext import read_infotext
from webui.images.replay import replay_request
from webui.library import read_header
from webui.library.families import detect
from webui.resolve import ResolveContext, resolve
from webui.settings import load_settings

GOAL = 45.0
SAME = 200.0
"""Written for pictures that are equal, whose PSNR is infinite."""
LEFT_OUT = {"img2img_fix_steps": "exact_steps", "img2img_color_correction": "color_correction"}
SIZE_OPTIONS = {"sdxl_crop_top": "crop_top", "sdxl_crop_left": "crop_left"}
LEFT_OUT_OPTIONS = {
    "uni_pc_variant": "unipc_variant",
    "uni_pc_order": "unipc_order",
    "s_churn": "churn",
    "s_noise": "noise_scale",
    "s_tmin": "churn_min",
    "s_tmax": "churn_max",
}
"""Forge's names of what the text leaves out, and ours."""


def run(words: Sequence[str]) -> int:
    """Replay, print the table, write the JSON; 0 when every picture reaches the goal."""
    options = _parser().parse_args(list(words))
    torch.set_num_threads(options.threads)
    studio = Replayer(options)
    results: dict[str, Any] = {} if options.again or not options.out.exists() else json.loads(options.out.read_text())["pictures"]
    for name in _names(options, results):
        results[name] = studio.measure(name)
        print(_row(name, results[name]), flush=True)
        _write(options.out, results)
    low = [name for name, result in results.items() if result.get("psnr", 0) < GOAL]
    print(f"{len(results) - len(low)} of {len(results)} pictures reach {GOAL:g} dB." + (f" Below: {', '.join(sorted(low))}" if low else ""))
    return 1 if low else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui bench parity", description=__doc__.splitlines()[0] if __doc__ else "")
    made.add_argument("--reference", type=Path, default=Path("../shared/reference/forge"), help="folder of the recorded pictures")
    made.add_argument("--checkpoint", type=Path, required=True, help="the file that make_sd15_checkpoint.py or one of its kin wrote")
    made.add_argument("--second", type=Path, action="append", default=[], help="a further checkpoint that pictures name, such as a refiner")
    made.add_argument("--loras", type=Path, help="folder with the LoRAs and embeddings that make_extra.py wrote")
    made.add_argument("--work", type=Path, default=Path("/tmp/darkroom-parity"), help="folder for what we make")
    made.add_argument("--out", type=Path, default=Path("docs/bench/parity.json"))
    made.add_argument("--only", default="*", metavar="GLOB", help="names of pictures, without .png")
    made.add_argument("--again", action="store_true", help="forget the results there are")
    made.add_argument("--retry", action="store_true", help="make those below the goal again")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--device", default="cpu", help="cpu, as Forge's pictures were made, or cuda")
    return made


def _names(options: argparse.Namespace, results: Mapping[str, Any]) -> Iterator[str]:
    for path in sorted(options.reference.glob("*.json")):
        for image in json.loads(path.read_text())["images"]:
            name = Path(image).stem
            known = results.get(name)
            wanted = known is None or (options.retry and known.get("psnr", 0) < GOAL)
            if wanted and any(fnmatch.fnmatch(name, part) for part in options.only.split(",")):
                yield name


class Replayer:
    """Tools over a models folder with the reference checkpoint, and the folder of recorded pictures."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._reference: Path = options.reference
        models = options.work / "models"
        for checkpoint in (options.checkpoint, *options.second):
            _link(checkpoint, models / "Stable-diffusion" / checkpoint.name)
        for path in options.loras.glob("*.safetensors") if options.loras else ():
            kind = "embeddings" if detect(read_header(path)).kind == "embedding" else "Lora"
            _link(path, models / kind / path.name)
        self._tools: EngineContext = build_context(load_settings({"data_dir": options.work, "models_dirs": (models,)}))
        self._plan = Plan(device=choose(options.device), threads=options.threads, channels_last=False)

    def measure(self, name: str) -> dict[str, Any]:
        """Make one recorded picture again and compare."""
        began, source = time.perf_counter(), self._reference / f"{name}.png"
        made, told = self.make(name)
        with Image.open(source) as recorded:
            wanted = np.asarray(recorded.convert("RGB"))
            differing = differing_keys(told, str(recorded.info.get("parameters", "")))
        if made.shape != wanted.shape:
            return {"error": f"size {made.shape[1]}x{made.shape[0]} is not {wanted.shape[1]}x{wanted.shape[0]}"}
        found = compare(made, wanted)
        seconds = round(time.perf_counter() - began, 1)
        result = {"psnr": min(round(found.psnr, 2), SAME), "mean": round(found.mean, 4), "largest": found.largest, "seconds": seconds}
        return result | ({"text": differing} if differing else {})

    def make(self, name: str) -> tuple[np.ndarray, str]:
        """The picture that `generate --from` makes of a recorded one, and its parameters text."""
        request = self.request(name)
        saved: list[Path] = []

        def emit(event: Any) -> None:
            if event.type == "image":
                saved.append(self._tools.images.path(event.record))
            elif event.type == "done":
                print("".join(f"  {note}\n" for note in event.notes), end="", file=sys.stderr)

        run_task(RunJob(job_id=f"parity-{name}", owner="bench", attempt=1, request=request, plan=self._plan), self._tools, emit)
        with Image.open(saved[0]) as image:
            return np.asarray(image.convert("RGB")), str(image.info.get("parameters", ""))

    def request(self, name: str) -> ResolvedRequest:
        """What the picture's text says, with what it leaves out."""
        record = json.loads(_recorded(self._reference, name).read_text())
        request = replay_request(self._reference / f"{name}.png", self._overrides(record["request"]))
        context = ResolveContext(self._tools.library, self._tools.images.upload_path, _no_capabilities, dict)
        return resolve(request, context)

    def _overrides(self, recorded: Mapping[str, Any]) -> dict[str, Any]:
        settings = {**recorded, **recorded.get("override_settings", {})}
        found: dict[str, Any] = {ours: settings[theirs] for theirs, ours in LEFT_OUT.items() if theirs in settings}
        chosen = {ours: settings[theirs] for theirs, ours in LEFT_OUT_OPTIONS.items() if theirs in settings}
        if chosen:
            found["sampler_options"] = chosen
        sizes = {ours: settings[theirs] for theirs, ours in SIZE_OPTIONS.items() if theirs in settings}
        if sizes:
            found["size_conditioning"] = sizes
        if recorded.get("init_images"):
            found |= {"init": self._keep(recorded["init_images"][0]), "resize_mode": recorded.get("resize_mode", 0)}
        if recorded.get("mask"):
            found |= {"mask": self._keep(recorded["mask"]), "mask_blur": recorded.get("mask_blur", 4)}
            found["mask_round"] = recorded.get("mask_round", True)
        return found

    def _keep(self, name: str) -> str:
        data = (self._reference / name).read_bytes()
        with Image.open(self._reference / name) as image:
            return self._tools.images.add_upload(data, image.size, ".png", "bench").id


def differing_keys(ours: str, theirs: str) -> list[str]:
    """Where two parameters texts differ: "prompt", "negative prompt", and keys of what one has not or has otherwise; 7 is 7.0."""
    first, second = read_infotext(ours), read_infotext(theirs)
    found = [
        name for name, a, b in (("prompt", first.prompt, second.prompt), ("negative prompt", first.negative, second.negative)) if a != b
    ]
    a, b = ({key: _plain(value) for key, value in text.pairs if key != "Version"} for text in (first, second))
    return found + sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))


def _plain(value: str) -> str | float:
    try:
        return float(value)
    except ValueError:
        return value


def _no_capabilities() -> Any:
    from webui.core.protocol import Capabilities

    return Capabilities()


def _recorded(reference: Path, name: str) -> Path:
    """The request beside a picture; a batch's pictures share one."""
    path = reference / f"{name}.json"
    return path if path.exists() else reference / f"{name.rpartition('-')[0]}.json"


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(source.resolve())


def _row(name: str, result: Mapping[str, Any]) -> str:
    if "error" in result:
        return f"{name:<34}{result['error']}"
    return f"{name:<34}{result['psnr']:>8.2f} dB{result['mean']:>10.4f}{result['largest']:>6}{result['seconds']:>8.1f} s"


def _write(path: Path, results: Mapping[str, Any]) -> None:
    import diffusers
    import transformers

    import webui

    versions = {
        "darkroom": webui.__version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }
    content = {"goal_db": GOAL, "versions": versions, "pictures": dict(sorted(results.items()))}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(path)
