"""What was downloaded appears whole where it belongs, also where that is another drive."""

import errno
import os

import pytest

from webui.downloads.staging import appear


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_kinds_folder_may_be_a_link_to_another_drive(tmp_path, monkeypatch, is_folder):
    def between_drives(act):
        def refusing(source, target, **more):
            if ("staged" in str(source)) != ("staged" in str(target)):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            act(source, target, **more)

        return refusing

    for name in ("rename", "replace", "link"):
        monkeypatch.setattr(os, name, between_drives(getattr(os, name)))
    staged = tmp_path / "staged" / "model"
    inside = staged / "unet" / "part" if is_folder else staged
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"weights")
    for number in (1, 2):
        target = appear(staged, tmp_path / "Lora", "model")
        assert (target / "unet" / "part" if is_folder else target).read_bytes() == b"weights", number
    assert sorted(path.name for path in (tmp_path / "Lora").iterdir()) == ["model", "model (2)"]
