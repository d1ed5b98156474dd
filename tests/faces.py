"""Drawn faces of nobody: ellipses and lines that a detector of faces takes for faces."""

from PIL import Image, ImageDraw, ImageFilter

BACKGROUND = (150, 170, 190)
SKINS = ((224, 182, 150), (141, 95, 65), (240, 200, 170), (190, 140, 105))
HAIR = ((60, 40, 25), (25, 20, 20), (150, 110, 50), (40, 35, 35))
PLACES = ((20, 20), (280, 30), (30, 280), (290, 270))
"""Where the faces of `four_faces` begin."""
SIDE = 200


def four_faces() -> Image.Image:
    """A picture of 512² with a face in each quarter."""
    picture = Image.new("RGB", (512, 512), BACKGROUND)
    for place, skin, hair in zip(PLACES, SKINS, HAIR, strict=True):
        picture.paste(face(SIDE, skin, hair), place)
    return picture


def face(size: int, skin: tuple[int, int, int], hair: tuple[int, int, int]) -> Image.Image:
    """One face, seen from the front, `size` pixels a side."""
    side = size * 4
    image = Image.new("RGB", (side, side), BACKGROUND)
    draw = ImageDraw.Draw(image)
    dark, shade = (tuple(int(value * share) for value in skin) for share in (0.55, 0.8))

    def oval(left: float, top: float, right: float, bottom: float, color: tuple[int, ...]) -> None:
        draw.ellipse((left * side, top * side, right * side, bottom * side), fill=color)

    draw.rectangle((0.38 * side, 0.75 * side, 0.62 * side, side), fill=shade)
    oval(0.18, 0.04, 0.82, 0.8, hair)
    oval(0.23, 0.12, 0.77, 0.92, skin)
    oval(0.2, 0.02, 0.8, 0.3, hair)
    for x in (0.385, 0.615):
        oval(x - 0.085, 0.40, x + 0.085, 0.50, dark)
        oval(x - 0.07, 0.415, x + 0.07, 0.485, (235, 235, 230))
        oval(x - 0.035, 0.415, x + 0.035, 0.485, (50, 35, 30))
        draw.line(((x - 0.095) * side, 0.375 * side, (x + 0.095) * side, 0.365 * side), fill=hair, width=int(0.03 * side))
    draw.polygon([(0.5 * side, 0.47 * side), (0.45 * side, 0.63 * side), (0.55 * side, 0.63 * side)], fill=shade)
    oval(0.455, 0.61, 0.48, 0.635, dark)
    oval(0.52, 0.61, 0.545, 0.635, dark)
    oval(0.40, 0.71, 0.60, 0.78, (160, 70, 70))
    draw.line((0.41 * side, 0.745 * side, 0.59 * side, 0.745 * side), fill=(90, 40, 40), width=int(0.012 * side))
    return image.filter(ImageFilter.GaussianBlur(side / 120)).resize((size, size), Image.Resampling.LANCZOS)
