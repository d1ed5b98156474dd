"""Nothing that lies in outputs keeps our own pictures from being found."""

import os

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.gallery.test_scan import save
from webui.gallery.scan import find_images
from webui.images.store import ImageStore


def test_no_file_in_outputs_keeps_the_others_from_being_found(tmp_path, capsys):
    record = save(ImageStore(tmp_path), 0)
    outputs = tmp_path / "outputs"
    if os.name == "posix":
        os.mkfifo(outputs / "pipe.png")
        (outputs / "zero.png").symlink_to("/dev/zero")
        (outputs / "gone.png").symlink_to("/nonexistent")
        (outputs / "up").symlink_to(tmp_path)
    for number, own in enumerate(
        (
            '{"request":{},"index":0,"facts":{"job_id":"x","notes":5}}',
            '{"request":{},"index":-1,"facts":{"job_id":"x"}}',
            '{"request":{},"index":1e999,"facts":{"job_id":"x"}}',
            '{"request":{},"index":99999999999999999999,"facts":{"job_id":"x"}}',
            '{"request":{},"index":0,"facts":{"job_id":"%s"}}' % ("x" * 10_000),
            '{"request":{},"index":0,"facts":{"job_id":"\\ud800"}}',
            "[" * 100_000,
        )
    ):
        info = PngInfo()
        info.add_itxt("darkroom", own)
        Image.new("RGB", (8, 8)).save(outputs / f"lie{number}.png", pnginfo=info)
    found = {each.path: each for each in find_images(tmp_path, ())}
    assert found.keys() == {record.path, *(f"outputs/lie{number}.png" for number in range(7))}
    assert found[record.path].job_id and all(each.notes and each.job_id is None for path, each in found.items() if path != record.path)
    assert capsys.readouterr().err == ""
