"""A picture from an object and a background.

Random choices come from a generator seeded by (seed, step, rank), so any step can be made again.
"""

import torch

SIZE = 128
COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "black": (16, 16, 18),
    "gray": (140, 142, 146),
    "red": (196, 26, 44),
    "orange": (242, 134, 28),
    "yellow": (250, 208, 56),
    "green": (44, 142, 66),
    "blue": (30, 92, 204),
    "purple": (124, 58, 172),
    "pink": (246, 150, 190),
    "brown": (116, 72, 44),
    "light blue": (150, 208, 244),
}
_JITTER = 8


def generator(*numbers: int) -> torch.Generator:
    """A generator of its own for a tuple of numbers (seed, step, rank, …)."""
    mixed = 0x9E3779B97F4A7C15
    for number in numbers:
        mixed = ((mixed ^ (number + 0x7F4A7C15)) * 0xBF58476D1CE4E5B9) & (2**63 - 1)
        mixed ^= mixed >> 29
    return torch.Generator().manual_seed(mixed)


def pick(count: int, source: torch.Generator) -> int:
    return int(torch.randint(count, (1,), generator=source))


def chance(source: torch.Generator) -> float:
    return float(torch.rand(1, generator=source))


def normal(shape: torch.Size, source: torch.Generator, device: torch.device) -> torch.Tensor:
    """Noise drawn where it is needed: on a GPU by a generator of its own, seeded by this one."""
    if device.type == "cpu":
        return torch.randn(shape, generator=source)
    own = torch.Generator(device).manual_seed(int(torch.randint(2**62, (1,), generator=source)))
    return torch.randn(shape, generator=own, device=device)


def background(colour: str, source: torch.Generator | None = None) -> torch.Tensor:
    """A plain picture [3, SIZE, SIZE] in 0..255; with a generator the colour is moved a little."""
    value = torch.tensor(COLOURS[colour], dtype=torch.float32)
    if source is not None:
        value = (value + torch.randint(-_JITTER, _JITTER + 1, (3,), generator=source)).clamp(0, 255)
    return value[:, None, None].expand(3, SIZE, SIZE).clone()


def paste(picture: torch.Tensor, art: torch.Tensor, x: int, y: int) -> torch.Tensor:
    """The art over the picture, its corner at (x, y)."""
    side = art.shape[-1]
    alpha = art[3:].float() / 255
    place = picture[:, y : y + side, x : x + side]
    picture[:, y : y + side, x : x + side] = place * (1 - alpha) + art[:3].float() * alpha
    return picture


def centred(art: torch.Tensor, colour: str) -> torch.Tensor:
    """The plain layout: the object in the middle."""
    at = (SIZE - art.shape[-1]) // 2
    return paste(background(colour), art, at, at)


def scattered(sizes: list[torch.Tensor], colour: str, source: torch.Generator) -> torch.Tensor:
    """A layout of any size, place and direction."""
    art = sizes[pick(len(sizes), source)]
    room = SIZE - art.shape[-1] + 1
    mirrored = art.flip(-1) if chance(source) < 0.5 else art
    return paste(background(colour, source), mirrored, pick(room, source), pick(room, source))


def shifted(sizes: list[torch.Tensor], colour: str, source: torch.Generator) -> torch.Tensor:
    """The plain layout moved by a few pixels, at the two larger sizes."""
    art = sizes[1 + pick(len(sizes) - 1, source)]
    at = (SIZE - art.shape[-1]) // 2
    reach = min(at, 6)
    return paste(background(colour, source), art, at - reach + pick(2 * reach + 1, source), at - reach + pick(2 * reach + 1, source))


def to_pixels(pictures: list[torch.Tensor]) -> torch.Tensor:
    """A batch in -1..1, as the autoencoder takes it."""
    return torch.stack(pictures) / 127.5 - 1
