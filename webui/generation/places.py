"""Which LoRAs count where: those of the prompt, and in an area of the picture its own in the place of those of the same name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webui.core.canvas import RegionOptions
from webui.generation.conditioning import Texts, read_texts
from webui.models.adapters import LoraUse

PLAIN_AREAS = "Hypernetworks of an area have no effect. Name them in the prompt."


@dataclass(frozen=True)
class Places:
    """The sets of LoRAs of one pass. `sets[0]` is the prompt's; `of_area[n]` says which of them area n is made with."""

    sets: tuple[tuple[LoraUse, ...], ...]
    of_area: tuple[int, ...] = ()

    @property
    def uses(self) -> tuple[LoraUse, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(use for each in self.sets for use in each))

    @property
    def differ(self) -> bool:
        """Whether not all of the picture is made with the prompt's."""
        return len(self.sets) > 1


def places_of(texts: Texts, regions: RegionOptions | None, tell: Callable[[str], None] = lambda note: None) -> Places:
    """The sets of a pass with these prompts and regions; `tell` hears what is left out of the areas' prompts."""
    sets, of_area = [texts.loras], list[int]()
    for area in regions.areas if regions is not None else ():
        own = read_texts(area.prompt, "")
        for note in (*own.notes, *((PLAIN_AREAS,) if own.hypernetworks else ())):
            tell(note)
        wanted = _over(texts.loras, own.loras)
        if wanted not in sets:
            sets.append(wanted)
        of_area.append(sets.index(wanted))
    return Places(tuple(sets), tuple(of_area))


def _over(loras: Sequence[LoraUse], own: Sequence[LoraUse]) -> tuple[LoraUse, ...]:
    names = {use.name.lower() for use in own}
    return (*(use for use in loras if use.name.lower() not in names), *own)
