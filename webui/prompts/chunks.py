"""Words to chunks of 75 tokens, joined as A1111 joins them: comma backtracking, BREAK, textual-inversion words, the token count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from webui.prompts.editing import Schedule
from webui.prompts.grammar import BREAK, Span, read_and, read_attention, strip_comments, strip_tags

LENGTH = 75
BACKTRACK = 20
COUNTED = 200_000
"""Letters that `count_tokens` looks at beyond the first text: editing can make a text for each step."""


class Tokenizer(Protocol):
    """What chunks need of a tokenizer."""

    start: int
    end: int
    comma: int

    def encode(self, text: str) -> list[int]: ...


@dataclass
class Chunk:
    """77 tokens with their weights. `words` are textual inversions: (place among the 77, name)."""

    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)


class TokenCount(NamedTuple):
    """Tokens of a prompt, and how many its chunks hold."""

    tokens: int
    limit: int


class Words:
    """Textual-inversion words by the tokens of their names; the longest name wins."""

    def __init__(self, tokenizer: Tokenizer, lengths: Mapping[str, int]) -> None:
        self.lengths = dict(lengths)
        self._by_first: dict[int, list[tuple[list[int], str]]] = {}
        for name in lengths:
            if ids := tokenizer.encode(name):
                self._by_first.setdefault(ids[0], []).append((ids, name))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def at(self, tokens: Sequence[int], position: int) -> tuple[str, int] | None:
        """The word that starts at `position` and how many tokens its name takes."""
        for ids, name in self._by_first.get(tokens[position], ()):
            if list(tokens[position : position + len(ids)]) == ids:
                return name, len(ids)
        return None


class _Filler:
    """Fills chunk after chunk."""

    def __init__(self, tokenizer: Tokenizer, backtrack: int) -> None:
        self.tokenizer = tokenizer
        self.backtrack = backtrack
        self.chunk = Chunk()
        self.chunks: list[Chunk] = []
        self.count = 0
        self.last_comma = -1

    def finish(self, last: bool = False) -> None:
        used = len(self.chunk.tokens)
        self.count += used if last else LENGTH
        padding = LENGTH - used
        self.chunk.tokens = [self.tokenizer.start, *self.chunk.tokens, *[self.tokenizer.end] * padding, self.tokenizer.end]
        self.chunk.weights = [1.0, *self.chunk.weights, *[1.0] * padding, 1.0]
        self.chunk.words = [(place + 1, name) for place, name in self.chunk.words]
        self.chunks.append(self.chunk)
        self.chunk, self.last_comma = Chunk(), -1

    def before(self, token: int) -> None:
        """Make room for `token`: a chunk that would break shortly after a comma breaks at the comma."""
        used = len(self.chunk.tokens)
        if token == self.tokenizer.comma:
            self.last_comma = used
        elif used == LENGTH and self.last_comma != -1 and used - self.last_comma <= self.backtrack:
            self._wrap(self.last_comma + 1)
        if len(self.chunk.tokens) == LENGTH:
            self.finish()

    def _wrap(self, place: int) -> None:
        rest = Chunk(self.chunk.tokens[place:], self.chunk.weights[place:])
        rest.words = [(at - place, name) for at, name in self.chunk.words if at >= place]
        kept = [(at, name) for at, name in self.chunk.words if at < place]
        self.chunk = Chunk(self.chunk.tokens[:place], self.chunk.weights[:place], kept)
        self.finish()
        self.chunk = rest

    def add(self, token: int, weight: float) -> None:
        self.chunk.tokens.append(token)
        self.chunk.weights.append(weight)

    def add_word(self, name: str, length: int, weight: float) -> None:
        """Textual inversions longer than a chunk are cut: they could never fit."""
        length = min(length, LENGTH)
        if len(self.chunk.tokens) + length > LENGTH:
            self.finish()
        self.chunk.words.append((len(self.chunk.tokens), name))
        self.chunk.tokens += [0] * length
        self.chunk.weights += [weight] * length


def make_chunks(
    text: str, tokenizer: Tokenizer, words: Words | None = None, *, emphasis: bool = True, backtrack: int = BACKTRACK
) -> tuple[list[Chunk], int]:
    """Chunks of one prompt (at least one) and its number of tokens. Without `emphasis` brackets and BREAK are plain text."""
    spans: list[Span] = read_attention(text) if emphasis else [(text, 1.0)]
    filler = _Filler(tokenizer, backtrack)
    for span in spans:
        if span == BREAK:
            filler.finish()
        else:
            _fill(filler, tokenizer.encode(span[0]), span[1], words)
    if filler.chunk.tokens or not filler.chunks:
        filler.finish(last=True)
    return filler.chunks, filler.count


def _fill(filler: _Filler, tokens: list[int], weight: float, words: Words | None) -> None:
    position = 0
    while position < len(tokens):
        filler.before(tokens[position])
        word = words.at(tokens, position) if words else None
        if words is None or word is None:
            filler.add(tokens[position], weight)
            position += 1
        else:
            name, taken = word
            filler.add_word(name, words.lengths[name], weight)
            position += taken


def empty_chunk(tokenizer: Tokenizer) -> Chunk:
    """The chunk of an empty prompt."""
    return make_chunks("", tokenizer)[0][0]


def count_tokens(text: str, tokenizer: Tokenizer, words: Words | None = None) -> TokenCount:
    """How long a prompt is, as shown beside it: the longest of its AND parts and of what editing makes of them (of the first ones, if these
    are very many)."""
    clean, _ = strip_tags(strip_comments(text))
    count = letters = 0
    for entry in (entry for part, _ in read_and(clean) for entry in Schedule.read(part, 20).texts()):
        count = max(count, make_chunks(entry, tokenizer, words)[1])
        letters += len(entry) + 100
        if letters > COUNTED:
            break
    return TokenCount(count, -(-max(count, 1) // LENGTH) * LENGTH)
