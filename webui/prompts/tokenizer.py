"""CLIP's tokenizer made of data, on the `tokenizers` library: the shipped words of ViT-L or those that a checkpoint carries.

`ftfy` goes first, as in OpenAI's own code and transformers 4: without it curly quotes, ligatures and decomposed letters get other ids.
"""

import lzma
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Self

import ftfy
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


class ClipTokenizer:
    """Text to ids, without the start and end tokens. `vocab` maps words to ids, `merges` are "left right" pairs by rank."""

    def __init__(self, vocab: Mapping[str, int], merges: Sequence[str]) -> None:
        pairs = [(left, right) for left, right in (merge.split() for merge in merges)]
        model = models.BPE(vocab=dict(vocab), merges=pairs, unk_token=END, end_of_word_suffix=WORD_END, continuing_subword_prefix="")
        self._tokenizer = Tokenizer(model)
        self._tokenizer.normalizer = normalizers.Replace(Regex(r"\s+"), " ")
        words = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
        self._tokenizer.decoder = decoders.ByteLevel()
        self._tokenizer.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in (START, END)])
        self.start: int = vocab[START]
        self.end: int = vocab[END]
        self.comma: int = vocab["," + WORD_END]

    @classmethod
    def from_merges(cls, merges: Sequence[str]) -> Self:
        """CLIP's order of words: bytes, bytes that end a word, merges by rank, start, end."""
        letters = _byte_letters()
        words = [*letters, *(letter + WORD_END for letter in letters), *("".join(merge.split()) for merge in merges), START, END]
        return cls({word: number for number, word in enumerate(words)}, merges)

    @classmethod
    def from_texts(cls, vocab: Mapping[str, int], merges: str) -> Self:
        """Those of a checkpoint: ids by words, and merges.txt."""
        return cls(vocab, [line for line in merges.splitlines() if not line.startswith("#version")])

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without start and end. (Python's `lower` knows the final sigma; the library's does not.)"""
        ids: list[int] = self._tokenizer.encode(ftfy.fix_text(text).lower(), add_special_tokens=False).ids
        return ids

    def __len__(self) -> int:
        size: int = self._tokenizer.get_vocab_size()
        return size


def _byte_letters() -> list[str]:
    """The 256 bytes as printable letters in CLIP's order: those that print stand for themselves and come first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printable)
    return [chr(code) for code in (*printable, *range(256, 256 + others))]


@cache
def clip_l_tokenizer() -> ClipTokenizer:
    """The tokenizer of CLIP ViT-L (and of OpenCLIP): 49408 words."""
    data = files("webui.prompts").joinpath("data/clip_merges.txt.xz").read_bytes()
    return ClipTokenizer.from_merges(lzma.decompress(data).decode().splitlines())
