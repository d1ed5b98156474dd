"""The tokenizer: the first merges of CLIP's vocabulary, which are a valid BPE in which every shared token keeps CLIP's id.

A full vocabulary would spend more of a 40-MB file on rows of the embedding that no caption ever trains than on the UNet.
"""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from webui.core.request import FrozenModel

SIZE = 8192
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
_SPECIAL = 2
_BYTES = 256
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class Vocabulary(FrozenModel):
    """`ids` by token and the merges in order: the contents of a CLIPTokenizer's vocab.json and merges.txt."""

    ids: dict[str, int]
    merges: tuple[str, ...]

    @property
    def vocab_json(self) -> str:
        return json.dumps(self.ids, ensure_ascii=False, separators=(",", ":"))

    @property
    def merges_txt(self) -> str:
        return "#version: 0.2\n" + "\n".join(self.merges) + "\n"


def truncate(merges: Sequence[str], size: int = SIZE) -> Vocabulary:
    """The vocabulary of `size` entries made of the first merges (size - 512 single bytes - 2 special tokens)."""
    kept = tuple(merges[: size - 2 * _BYTES - _SPECIAL])
    single = _byte_letters()
    tokens = [*single, *(letter + "</w>" for letter in single), *("".join(merge.split()) for merge in kept), BOS, EOS]
    return Vocabulary(ids={token: index for index, token in enumerate(tokens)}, merges=kept)


def read_merges(package: Path) -> list[str]:
    """CLIP's merges from the unpacked open_clip wheel: its first line is a version, its tail was never part of CLIP's vocabulary."""
    text = gzip.decompress((package / "open_clip" / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode("utf-8")
    return text.split("\n")[1 : 49152 - _BYTES - _SPECIAL + 1]


def _byte_letters() -> list[str]:
    """The 256 printable stand-ins for bytes, in CLIP's order: printable Latin-1 first, then the others from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(_BYTES) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(_BYTES + index) for index in range(len(others))]


def tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """CLIP's pipeline around the vocabulary: lower case, words, bytes, merges."""
    pairs = [(left, right) for left, right in (merge.split() for merge in vocabulary.merges)]
    made = Tokenizer(models.BPE(vocab=vocabulary.ids, merges=pairs, end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=EOS))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    return made


def encode(made: Tokenizer, captions: Sequence[str], length: int) -> list[list[int]]:
    """BOS, the caption's tokens cut to fit, EOS, and EOS as padding: what Stable Diffusion 1 feeds its text encoder."""
    ids = made.get_vocab()
    first, last = int(ids[BOS]), int(ids[EOS])
    rows = [[first, *encoding.ids[: length - 2], last] for encoding in made.encode_batch(list(captions), add_special_tokens=False)]
    return [row + [last] * (length - len(row)) for row in rows]
