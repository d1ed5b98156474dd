"""The upscaler's recipe in miniature, the file it writes read as any other network is, and how it is measured."""

import torch
from PIL import Image, ImageDraw

from webui.library import Library
from webui.models.upscalers import load_upscaler
from webui.train.default_model.compose import generator
from webui.train.upscaler.course import Course, train
from webui.train.upscaler.network import SCALE, Compact, read, write
from webui.train.upscaler.pictures import PATCH, Gallery, batch, smaller
from webui.train.upscaler.score import enlarged, psnr
from webui.train.upscaler.shapes import disc, drawn_shapes

CPU = torch.device("cpu")


def shape(side, colour):
    """A disc with a bar across on nothing, its edges smooth."""
    large = Image.new("RGBA", (4 * side, 4 * side))
    drawing = ImageDraw.Draw(large)
    drawing.ellipse((side // 2, side // 2, side * 7 // 2, side * 7 // 2), (*colour, 255))
    drawing.polygon([(side, side * 2), (side * 3, side), (side * 3, side * 3 // 2), (side, side * 5 // 2)], (255 - colour[0], 240, 40, 255))
    return large.resize((side, side), Image.Resampling.BOX)


def gallery():
    art = tuple(shape(side, (40, 90, 200)) for side in (160, 200))
    whole = Image.new("RGB", (256, 256), "white")
    return Gallery(art=art, by_model=((whole, whole.resize((64, 64))),))


def test_pairs_are_patches_and_their_quarter_and_drawn_by_seed():
    small, large = batch(gallery(), 6, generator(1, 2))
    assert small.shape == (6, 1, PATCH // SCALE, PATCH // SCALE) and large.shape == (6, 1, PATCH, PATCH)
    assert torch.equal(large, batch(gallery(), 6, generator(1, 2))[1])


def test_training_lowers_the_error_and_its_file_is_an_upscaler_of_any_program(tmp_path):
    torch.manual_seed(0)
    network, said = Compact(8, 2), []
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    weights, steps = train(network, gallery(), Course(steps=3, pairs=2), said.append)
    assert steps == 3 and any(not torch.equal(weights[name], before[name]) for name in weights)
    path = tmp_path / "ESRGAN" / "mine.safetensors"
    write(path, weights, {"title": "Mine"})
    loaded = load_upscaler(Library((tmp_path,)).find("upscaler", "mine"), CPU)
    assert (loaded.scale, loaded.descriptor.architecture.id) == (4, "Compact")
    pixels = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        alone = torch.cat([read(path)(pixels[:, colour : colour + 1]) for colour in range(3)], dim=1)
        assert torch.allclose(loaded(pixels).clamp(0, 1), alone.clamp(0, 1), atol=1e-4)


def test_it_starts_as_smooth_as_bilinear_interpolation_also_at_a_large_edge():
    torch.manual_seed(0)
    large = disc(256, (250, 250, 240), (20, 60, 160))
    small = smaller(large)
    with torch.no_grad():
        made = enlarged(Compact(8, 2).eval(), small)
    bilinear, nearest = (small.resize(large.size, way) for way in (Image.Resampling.BILINEAR, Image.Resampling.NEAREST))
    inner = (8, 8, 248, 248)
    assert psnr(made.crop(inner), bilinear.crop(inner)) > 50 > psnr(nearest, bilinear)


def test_shapes_are_drawn_by_seed():
    one, other = (drawn_shapes(2, 64, generator(seed, 1)) for seed in (1, 2))
    assert [each.tobytes() for each in one] == [each.tobytes() for each in drawn_shapes(2, 64, generator(1, 1))]
    assert one[0].mode == "RGBA" and one[0].tobytes() != other[0].tobytes() and one[0].getchannel("A").getextrema()[1] == 255


def test_psnr_is_measured_in_decibels_and_an_enlarged_picture_is_four_times_as_large():
    black, grey = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), (16, 16, 16))
    assert round(psnr(black, grey), 2) == 24.05
    with torch.no_grad():
        assert enlarged(Compact(8, 1).eval(), black).size == (32, 32)
