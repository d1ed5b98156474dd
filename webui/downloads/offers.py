"""What is asked for, what a site offers, and what becomes of it."""

import re
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from webui.core.request import FrozenModel
from webui.errors import RequestError

Site = Literal["hf", "civitai", "address"]
HF, CIVITAI = "https://huggingface.co", "https://civitai.com"
HOW = "Write hf:owner/repository, hf:owner/repository:file, civitai:VERSION, or the address as the browser shows it."
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin")


class Source(FrozenModel):
    """What was asked for: `model` is a repository, a version's number (Civitai) or an address; `file` one file of it, "" the best one.

    `of_model` says that the number is Civitai's model's, whose newest version is meant.
    """

    site: Site
    model: str
    file: str = ""
    revision: str = "main"
    of_model: bool = False


class OfferedFile(FrozenModel):
    """A file as the site lists it: `path` is its name there; `size` 0 and `sha256` "" are unknown."""

    path: str
    url: str
    size: int = 0
    sha256: str = ""


class Offer(FrozenModel):
    """What a site has for a source: a card to decide by, and the files that would be fetched.

    `kind` is "" where only the content will tell. `folder` names the folder that several files of one model go into. `others` are more
    files to choose from. `card` is the site's own description, kept beside the file.
    """

    source: Source
    title: str
    kind: str = ""
    base: str = ""
    licence: str = ""
    page: str = ""
    preview: str = ""
    triggers: tuple[str, ...] = ()
    files: tuple[OfferedFile, ...] = ()
    folder: str = ""
    others: tuple[str, ...] = ()
    needs: str = ""
    card: dict[str, Any] = {}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def parse_source(text: str, hf: str = HF, civitai: str = CIVITAI) -> Source:
    """Read what was written or copied from the browser; `hf` and `civitai` are the sites' addresses. Raises `RequestError`."""
    text = text.strip()
    if len(text) > 2000 or not text.isprintable():
        raise RequestError("source", f"This is no address of a model. {HOW}")
    head, _, rest = text.partition(":")
    if head.lower() == "hf":
        return _repository(rest)
    if head.lower() == "civitai":
        number = rest.strip().lstrip("/")
        if not (number.isdigit() and len(number) < 16):
            raise RequestError("source", f"{rest[:60]!r} is no number of a version at Civitai. {HOW}")
        return Source(site="civitai", model=number)
    if head.lower() in ("http", "https"):
        return _address(text, hf, civitai)
    if _REPO.fullmatch(text):
        return Source(site="hf", model=text)
    raise RequestError("source", f"{text[:60]!r} is no address of a model. {HOW}")


def _repository(rest: str) -> Source:
    repo, _, file = rest.strip().partition(":")
    repo, _, revision = repo.partition("@")
    if not _REPO.fullmatch(repo):
        raise RequestError("source", f"{repo[:60]!r} is no repository at Hugging Face. {HOW}")
    return Source(site="hf", model=repo, file=_inner(file), revision=revision or "main")


def _inner(path: str) -> str:
    """A path inside a repository. Raises `RequestError` for one that leads out of it."""
    if path and (path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in path.split("/"))):
        raise RequestError("source", f"{path[:60]!r} is no file of a repository. {HOW}")
    return path


def _address(text: str, hf: str, civitai: str) -> Source:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise RequestError("source", f"This address cannot be read. {HOW}") from None
    words = [unquote(word) for word in parts.path.split("/") if word]
    if host in _hosts(hf, "huggingface.co", "hf.co") and len(words) >= 2:
        return _of_hf(words)
    if host in _hosts(civitai, "civitai.com", "www.civitai.com", "civitai.red", "civitai.green") and words:
        return _of_civitai(words, parse_qs(parts.query), text)
    if not host or not words or not words[-1].lower().endswith(_SUFFIXES):
        raise RequestError("source", f"This address is no model file: its name ends with none of {', '.join(_SUFFIXES)}. {HOW}")
    return Source(site="address", model=text, file=words[-1])


def _hosts(address: str, *usual: str) -> set[str]:
    """The names of a site: its usual ones, and the one that is configured, unless that is this machine, which serves other files too."""
    own = (urlsplit(address).hostname or "").lower()
    return {*usual} | ({own} if own not in ("127.0.0.1", "localhost", "::1") else set())


def _of_hf(words: list[str]) -> Source:
    repo = "/".join(words[:2])
    if not _REPO.fullmatch(repo):
        raise RequestError("source", f"This address at Hugging Face is no model. {HOW}")
    if len(words) >= 5 and words[2] in ("resolve", "blob", "raw"):
        return Source(site="hf", model=repo, revision=words[3], file=_inner("/".join(words[4:])))
    return Source(site="hf", model=repo, revision=words[3] if len(words) == 4 and words[2] == "tree" else "main")


def _of_civitai(words: list[str], query: dict[str, list[str]], text: str) -> Source:
    version = next(iter(query.get("modelVersionId", [])), "")
    if version.isdigit():
        return Source(site="civitai", model=version)
    for name, of_model in (("models", True), ("model-versions", False)):
        number = words[words.index(name) + 1] if name in words[:-1] else ""
        if number.isdigit():
            return Source(site="civitai", model=number, of_model=of_model and "download" not in words)
    raise RequestError("source", f"This address at Civitai is no model. {HOW}")
