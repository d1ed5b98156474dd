"""How much a prompt may ask for. Time and memory grow with its texts times their chunks, which a few letters can make enormous.

`check_prompt` refuses when a job is submitted, without torch, by the checkpoint's own tokenizer where a prompt is long enough to matter;
`Budget` adds up here and in the engine, which counts in the same chunks and knows textual inversions besides.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from webui.core.pictures import distinct
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.prompts.chunks import BACKTRACK, LENGTH, make_chunks
from webui.prompts.editing import Schedule
from webui.prompts.grammar import BREAK, read_and, read_attention, strip_comments, strip_tags
from webui.prompts.tokenizer import ClipTokenizer, clip_l_tokenizer

MOST_PARTS = 100
"""Prompts joined by AND: each is asked at every step."""
MOST_LORAS = 100
MOST_CHUNKS = 400
"""Of one text: 30,000 tokens."""
MOST_ROWS = 2000
"""Texts times chunks, of all parts: half a gigabyte in SD 1.5."""
MOST_LETTERS = 2_000_000
"""Of all texts that editing and alternation make of a prompt."""
_TOKENS_A_LETTER = 4


class Budget:
    """Adds up what the parts of one prompt take. Each method raises `RequestError` on the prompt's field when it is too much."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._letters = self._rows = 0

    def parts(self, count: int) -> None:
        """So many prompts are joined by AND."""
        if count > MOST_PARTS:
            self._refuse(f"{count} prompts are joined by AND. {MOST_PARTS} can be.")

    def loras(self, count: int) -> None:
        """So many LoRAs are named, one at several strengths several times."""
        if count > MOST_LORAS:
            self._refuse(f"{count} LoRAs are named. {MOST_LORAS} can be.")

    def texts(self, count: int, letters: int) -> None:
        """Editing and alternation make so many texts of a part that has so many letters."""
        self._letters += count * letters if count > 1 else 0
        if self._letters > MOST_LETTERS:
            self._refuse(
                f"Editing and alternation make {count} texts of up to {letters} letters of it. Together they may have {MOST_LETTERS:,}."
                " Shorten it, or take fewer alternatives or steps."
            )

    def chunks(self, texts: int, longest: int) -> None:
        """A part has so many texts, of which the longest has so many chunks of 75 tokens."""
        self._rows += texts * longest
        self.fits(texts, longest)
        if self._rows > MOST_ROWS:
            self._refuse(f"Its parts make {self._rows:,} chunks of {LENGTH} tokens. {MOST_ROWS:,} are possible. Shorten it.")

    def fits(self, texts: int, longest: int) -> None:
        """So many texts, of which one has so many chunks."""
        if longest > MOST_CHUNKS:
            self._refuse(f"It takes {longest} chunks of {LENGTH} tokens. {MOST_CHUNKS} are possible. Shorten it, or take out some BREAKs.")
        if texts * longest > MOST_ROWS:
            self._refuse(
                f"It makes {texts} texts of {longest} chunks of {LENGTH} tokens. Texts times chunks may be {MOST_ROWS:,}."
                " Shorten it, or take fewer alternatives or steps."
            )

    def _refuse(self, text: str) -> None:
        raise RequestError(self._field, f"This prompt is too large. {text}")


@dataclass(frozen=True)
class Counting:
    """How the engine will make chunks of a text. `vocabulary` gives the checkpoint's own words and merges; None: CLIP's."""

    vocabulary: Callable[[], tuple[Mapping[str, int], str] | None] = lambda: None
    emphasis: bool = True
    backtrack: int = BACKTRACK

    def chunks(self, texts: Iterable[str], count: int) -> int:
        """The most chunks that one of so many texts has; 1 where all are so short that no number of theirs could be too large."""
        longest = max(texts, key=len)
        breaks = longest.count("BREAK") if self.emphasis else 0
        most = len(longest) * _TOKENS_A_LETTER // LENGTH + breaks + 1
        if most <= MOST_CHUNKS and most * count <= MOST_ROWS:
            return 1
        if breaks > MOST_CHUNKS and (counted := sum(span == BREAK for span in read_attention(longest))) > MOST_CHUNKS:
            return counted + 1
        return len(make_chunks(longest, self._tokenizer(), emphasis=self.emphasis, backtrack=self.backtrack)[0])

    def _tokenizer(self) -> ClipTokenizer:
        own = self.vocabulary()
        try:
            return clip_l_tokenizer() if own is None else ClipTokenizer.from_texts(*own)
        except Exception:  # the library takes a stranger's words or not, by exceptions of any kind; the engine says what is wrong with them
            return clip_l_tokenizer()


CLIP = Counting()


def check_prompts(request: GenerationRequest, calls: int, again: int | None, counting: Counting = CLIP) -> None:
    """All prompts of a request's pictures, with the model calls of the first pass, and of the second where there is one."""
    for each in distinct(request):
        check_prompt("prompt", each.prompt, calls, counting=counting)
        check_prompt("negative_prompt", each.negative_prompt, calls, negative=True, counting=counting)
        for field, further in _beside(each):
            check_prompt(field, further, calls, counting=counting)
        if each.hires is None or again is None:
            continue
        for field, own, first in (
            ("prompt", each.hires.prompt, each.prompt),
            ("negative_prompt", each.hires.negative_prompt, each.negative_prompt),
        ):
            check_prompt(f"hires.{field}" if own else field, own or first, calls, again, negative=field != "prompt", counting=counting)


def _beside(request: GenerationRequest) -> Iterator[tuple[str, str]]:
    """The prompts that stand beside the request's own: of a blend, and of its areas."""
    if request.blend is not None:
        yield "blend.prompt", request.blend.prompt
    for area in request.regions.areas if request.regions is not None else ():
        yield "regions.areas", area.prompt


def check_prompt(
    field: str, text: str, calls: int, second_calls: int | None = None, *, negative: bool = False, counting: Counting = CLIP
) -> None:
    """Raises `RequestError` on `field` for a prompt that is too large for `calls` model calls (`second_calls`: of the second pass)."""
    budget, clean = Budget(field), strip_comments(text)
    if not negative:
        clean, tags = strip_tags(clean)
        budget.loras(len({(tag.args, *tag.named.items()) for tag in tags if tag.kind in ("lora", "lyco", "hypernet")}))
    parts = [clean] if negative else [part for part, _ in read_and(clean)]
    budget.parts(len(parts))
    for part in parts:
        schedule = Schedule.read(part, calls, second_calls)
        budget.texts(schedule.count, len(part))
        budget.chunks(schedule.count, counting.chunks(schedule.texts(), schedule.count))
