"""Strangers' model files, made at random from a seed: headers that lie, broken bytes, pickles of any instructions, pipes and links."""

import json
import os
import pickle
import random
import struct
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from webui.core.request import parse_request
from webui.errors import CheckpointError, RequestError
from webui.library import KINDS, Library
from webui.models.embeddings import Embeddings
from webui.models.weights import open_weights

WIDTH = 8
SLOW = 20.0
_NUMBERS: tuple[Any, ...] = (
    0,
    1,
    -1,
    2,
    64,
    2**31,
    2**53,
    2**63,
    2**64,
    10**30,
    1e308,
    0.5,
    True,
    None,
    "4",
    [],
    {},
    [1],
    float("inf"),
    float("nan"),
)
_TEXTS = ("", "a", "\ud800", "\u202e", "\0", "é" * 1000, "[" * 3000, '{"width": 1e999}', "NaN", "null", "9" * 5000)
_NAMES = (
    "a",
    "emb_params",
    "string_to_param.*",
    "clip_l",
    "cond_stage_model.transformer.x",
    "model.diffusion_model.input_blocks.0.0.weight",
    "lora_unet_x.lora_down.weight",
    "first_stage_model.decoder.conv_in.weight",
    "conditioner.embedders.1.x",
    "double_blocks.0.x",
)
_ENDINGS = (".safetensors", ".ckpt", ".pt", ".bin", ".pth")


def weights(rng: random.Random) -> None:
    """Scan a models folder with some bad files and a good one, use what is listed, and open every file."""
    with tempfile.TemporaryDirectory(prefix="darkroom-fuzz-") as folder:
        root = Path(folder)
        good = _put(root / "Stable-diffusion" / "good.safetensors", _safetensors({_NAMES[4]: (4, 4)}))
        for number in range(rng.randint(1, 4)):
            kind = rng.choice(tuple(KINDS))
            _make(rng, root / KINDS[kind][0] / f"bad{number}{rng.choice(_ENDINGS)}")
        _quickly(lambda: _use(Library([root], root / "cache.json")))
        _quickly(lambda: _use(Library([root], root / "cache.json")))
        assert good in [model.path for model in Library([root]).models("checkpoint") if not model.error], "the good file is lost"


def embeddings(rng: random.Random) -> None:
    """Read a folder of embeddings with some bad files and a good one: the good one is read, and nothing that does not fit."""
    with tempfile.TemporaryDirectory(prefix="darkroom-fuzz-") as folder:
        root = Path(folder)
        _put(root / "embeddings" / "good.safetensors", _safetensors({"emb_params": (2, WIDTH)}))
        for number in range(rng.randint(1, 4)):
            path = root / "embeddings" / f"bad{number}{rng.choice(_ENDINGS)}"
            if rng.random() < 0.5:
                _make(rng, path)
            else:
                _save_odd_tensors(rng, path)
        words = _quickly(lambda: Embeddings().fitting([("clip_l", WIDTH)], Library([root]).models("embedding")))
        assert "good" in words.vectors, "the good one is lost"
        for word, (vectors,) in words.vectors.items():
            assert vectors.dtype == torch.float32 and vectors.shape[1] == WIDTH and vectors.isfinite().all(), word
        for note in words.notes(" ".join(words.left_out)):
            _check_sentence(note)


def _use(library: Library) -> None:
    for kind in KINDS:
        for model in library.models(kind):
            json.dumps(model.model_dump(mode="json", exclude={"path"})).encode()
            _check_sentence(model.error)
            native = model.native
            parse_request({"width": native.width, "height": native.height, "steps": native.steps, "guidance": native.guidance})
            for act in (lambda: library.title(model), lambda: library.find(kind, model.name), lambda: open_weights(model.path)):  # noqa: B023
                try:
                    act()
                except (CheckpointError, RequestError) as error:
                    _check_sentence(str(error))


def _check_sentence(text: str) -> None:
    text.encode()
    assert len(text) < 2000 and "\n" not in text and "Traceback" not in text, text[:200]


def _quickly(act: Callable[[], Any]) -> Any:
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own about pickles of other versions
        result = act()
    assert time.monotonic() - began < SLOW, f"took {time.monotonic() - began:.0f} s"
    return result


def _make(rng: random.Random, path: Path) -> None:
    makers = (_lying_header, _lying_header, _broken_bytes, _broken_bytes, _noise, _opcodes, _opcodes, _special)
    path.parent.mkdir(parents=True, exist_ok=True)
    rng.choice(makers)(rng, path)


def _put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _safetensors(shapes: dict[str, tuple[int, ...]]) -> bytes:
    header, end = dict[str, Any](), 0
    for name, shape in shapes.items():
        size = 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return _framed(json.dumps(header).encode(), bytes(end))


def _framed(header: bytes, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def _lying_header(rng: random.Random, path: Path) -> None:
    entry = {"dtype": rng.choice(("F32", "F16", "BOOL", "NOPE", 5)), "shape": [4, 4], "data_offsets": [0, 64]}
    header: dict[str, Any] = {rng.choice(_NAMES): dict(entry) for _ in range(rng.randint(1, 3))}
    for _ in range(rng.randint(1, 3)):
        held = header[rng.choice(tuple(header))]
        if isinstance(held, dict) and "shape" in held:
            key = rng.choice(tuple(held))
            held[key] = rng.choice((rng.choice(_NUMBERS), [rng.choice(_NUMBERS) for _ in range(rng.randint(0, 3))]))
        if rng.random() < 0.4:
            metadata = {"darkroom.native": _native(rng), rng.choice(_TEXTS): rng.choice(_TEXTS), "x": rng.choice(_NUMBERS)}
            header["__metadata__"] = rng.choice((metadata, rng.choice(_NUMBERS)))
    length = rng.choice((None, None, None, 0, 7, 2**40, 2**63, 2**64 - 1))
    path.write_bytes(_framed(json.dumps(header).encode(errors="replace"), bytes(rng.choice((0, 63, 64, 65))), length))


def _native(rng: random.Random) -> str:
    names = ("width", "height", "steps", "sampler", "schedule", "guidance", "prompt")
    return rng.choice((rng.choice(_TEXTS), json.dumps({name: rng.choice((*_NUMBERS, *_TEXTS)) for name in names})))


def _broken_bytes(rng: random.Random, path: Path) -> None:
    if path.suffix == ".safetensors":
        data = bytearray(_safetensors({name: (rng.randint(0, 4), WIDTH) for name in rng.sample(_NAMES, 3)}))
    else:
        torch.save({"state_dict": {rng.choice(_NAMES): torch.zeros(2, WIDTH)}}, path, _use_new_zipfile_serialization=rng.random() < 0.5)
        data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data[: rng.choice((len(data), len(data), rng.randrange(len(data))))])


def _noise(rng: random.Random, path: Path) -> None:
    start = rng.choice((b"", b"\x80\x02", b"PK\3\4", b"PK\5\6", b"<!DOCTYPE html>", b"GGUF", b"7z\xbc\xaf", b"version https://git-lfs"))
    path.write_bytes(start + rng.randbytes(rng.randint(0, 200)))


def _opcodes(rng: random.Random, path: Path) -> None:
    """A pickle of random instructions."""
    codes = [getattr(pickle, name) for name in pickle.__all__ if name.isupper() and isinstance(getattr(pickle, name), bytes)]
    codes = [code for code in codes if len(code) == 1]
    body = b"".join(rng.choice(codes) + rng.choice((b"", b"", rng.randbytes(4), b"9" * 50 + b"\n")) for _ in range(rng.randint(1, 40)))
    path.write_bytes(b"\x80\x02" + body + b".")


def _special(rng: random.Random, path: Path) -> None:
    target = rng.choice(("/dev/zero", "/nonexistent", path.name, ".", "..", "../..", "/etc/passwd"))
    if os.name == "posix" and rng.random() < 0.4:
        os.mkfifo(path)
    elif os.name == "posix":
        path.symlink_to(target)
    else:
        path.mkdir()


def _save_odd_tensors(rng: random.Random, path: Path) -> None:
    """An embedding whose tensor is of an odd kind, size or value."""
    odd = (
        torch.zeros(0),
        torch.zeros(3, 0),
        torch.zeros(0, WIDTH),
        torch.full((2, WIDTH), float("nan")),
        torch.zeros(1).expand(10 ** rng.randint(3, 11), WIDTH),
        torch.zeros(2, WIDTH, device="meta"),
        torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.long), torch.ones(1), (2,), check_invariants=True),
        torch.zeros(2, WIDTH, dtype=rng.choice((torch.float8_e4m3fn, torch.int8, torch.complex64, torch.bool, torch.bfloat16))),
        torch.zeros(2, 2, WIDTH),
        torch.zeros(2, WIDTH + 1),
        torch.tensor(1.0),
        torch.zeros(2, WIDTH),
    )
    tensor = rng.choice(odd)
    content = rng.choice(({"string_to_param": {"*": tensor}}, {"<x>": tensor}, {"emb_params": tensor, "y": 5}, [tensor], tensor, {}))
    torch.save(content, path, _use_new_zipfile_serialization=rng.random() < 0.7)
