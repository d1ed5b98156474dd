"""Hugging Face's and Civitai's own APIs: what they offer for a source, as their published descriptions have it."""

import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from webui.core.filenames import safe_name
from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.downloads.net import Egress, FetchError
from webui.downloads.offers import CIVITAI, HF, Offer, OfferedFile, Source
from webui.errors import RequestError
from webui.library.beside import permissions
from webui.settings import Settings

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
WEIGHTS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin")
_CIVITAI_KINDS = {
    "checkpoint": "checkpoint",
    "textualinversion": "embedding",
    "hypernetwork": "hypernetwork",
    "lora": "lora",
    "locon": "lora",
    "dora": "lora",
    "controlnet": "controlnet",
    "upscaler": "upscaler",
    "vae": "vae",
}
UNKNOWN_FILE = "Civitai does not know this file."
_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "depth_estimator", "transformer", "scheduler", "tokenizer", "tokenizer_2")


def sites_of(settings: Settings) -> "Sites":
    """The sites by the settings, else by the variables that other programs read too."""

    def first(*values: str | None) -> str:
        return next((value.strip() for value in values if value and value.strip()), "")

    return Sites(
        hf=first(settings.hf_endpoint, os.environ.get("HF_ENDPOINT"), HF),
        civitai=first(settings.civitai_base_url, os.environ.get("CIVITAI_BASE_URL"), CIVITAI),
        hf_token=first(settings.hf_token, os.environ.get("HF_TOKEN")),
        civitai_token=first(settings.civitai_token, os.environ.get("CIVITAI_TOKEN"), os.environ.get("CIVITAI_API_TOKEN")),
    )


class Sites(FrozenModel):
    """Where the sites are, and the tokens for them."""

    hf: str = HF
    civitai: str = CIVITAI
    hf_token: str = ""
    civitai_token: str = ""

    def egress(self, source: Source) -> Egress:
        """The way to a source's site."""
        if source.site == "hf":
            return Egress(self.hf, self.hf_token)
        if source.site == "civitai":
            return Egress(self.civitai, self.civitai_token)
        return Egress(source.model)

    def offer(self, source: Source) -> Offer:
        """Ask a site what it has. Raises `FetchError`, `RequestError`."""
        egress = self.egress(source)
        try:
            if source.site == "hf":
                return hf_offer(egress.json(hf_address(self.hf, source)), source, self.hf)
            if source.site == "civitai":
                return _civitai_offer(source, self.civitai, egress)
            name = safe_name(source.file)
            return Offer(source=source, title=name, page=source.model, files=(OfferedFile(path=name, url=source.model),))
        finally:
            egress.close()

    def by_hash(self, sha256: str) -> dict[str, Any]:
        """What Civitai knows of a file. Raises `FetchError`, also when it knows nothing."""
        egress = Egress(self.civitai, self.civitai_token)
        try:
            body = egress.json(f"{self.civitai.rstrip('/')}/api/v1/model-versions/by-hash/{sha256}")
        except FetchError as error:
            if error.status == 404:
                raise FetchError(UNKNOWN_FILE, status=404) from None
            raise
        finally:
            egress.close()
        if not isinstance(body, dict) or not isinstance(body.get("id"), int):
            raise FetchError(UNKNOWN_FILE, status=404)
        return body


# Hugging Face ---------------------------------------------------------------------------------------------------------------------------


def hf_address(home: str, source: Source) -> str:
    return f"{home.rstrip('/')}/api/models/{quote(source.model)}/revision/{quote(source.revision, safe='')}?blobs=true"


def hf_offer(body: Any, source: Source, home: str) -> Offer:
    listed = body.get("siblings") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise FetchError("Hugging Face did not describe this repository as it should.")
    files = {file.path: file for entry in listed if (file := _hf_file(entry, source, home)) is not None}
    chosen, folder = _hf_chosen(files, source)
    told = _table(body.get("cardData"))
    gated = body.get("gated")
    return Offer(
        source=source,
        title=printable(source.model),
        kind="lora" if "lora" in _words(body.get("tags")) else "",
        base=_text(told.get("base_model")),
        licence=_text(told.get("license_name") or told.get("license")),
        page=f"{home.rstrip('/')}/{source.model}",
        preview=_hf_picture(files, told),
        triggers=tuple(part for part in (_text(told.get("instance_prompt")),) if part),
        files=tuple(chosen),
        folder=folder,
        others=tuple(path for path in files if path.lower().endswith(WEIGHTS))[:200],
        needs="Gated: its terms must be accepted on its page, with the account that your token is of." if gated else "",
        card={"license": _text(told.get("license")), "baseModel": _text(told.get("base_model")), "name": printable(source.model)},
    )


def _hf_picture(files: dict[str, OfferedFile], told: dict[str, Any]) -> str:
    """The picture that the repository's page has, else the first one in it."""
    named = _text(told.get("thumbnail"))
    pictures = sorted((path for path in files if path.lower().endswith(_PICTURES)), key=lambda path: (path.count("/"), path))
    return named if named.startswith("http") else files[pictures[0]].url if pictures else ""


def _hf_file(entry: Any, source: Source, home: str) -> OfferedFile | None:
    path = entry.get("rfilename") if isinstance(entry, dict) else None
    if not isinstance(path, str) or not path or not path.isprintable() or ".." in PurePosixPath(path).parts or path.startswith("/"):
        return None
    lfs = _table(entry.get("lfs"))
    url = f"{home.rstrip('/')}/{quote(source.model)}/resolve/{quote(source.revision, safe='')}/{quote(path)}"
    return OfferedFile(path=path, url=url, size=_count(lfs.get("size") or entry.get("size")), sha256=_sha256(lfs.get("sha256")))


def _hf_chosen(files: dict[str, OfferedFile], source: Source) -> tuple[list[OfferedFile], str]:
    """The file that was named; else a single checkpoint; else a folder of diffusers'; else the only weights."""
    if source.file:
        if source.file not in files:
            near = ", ".join(path for path in files if path.lower().endswith(WEIGHTS)) or "none with weights"
            raise RequestError("source", f"{source.model} has no file {source.file[:80]!r}. There are: {near[:300]}.")
        return [files[source.file]], ""
    top = [file for path, file in files.items() if "/" not in path and path.lower().endswith(WEIGHTS)]
    single = sorted(top, key=lambda file: (not file.path.endswith(".safetensors"), "pruned" not in file.path, file.size))
    if "model_index.json" in files and (not single or not single[0].path.endswith(".safetensors")):
        return _diffusers(files), source.model.replace("/", "--")
    if not single:
        said = f"{source.model} has no weights that are read: no file that ends with {', '.join(WEIGHTS)}."
        is_gguf = any(path.lower().endswith(".gguf") for path in files)
        raise RequestError("source", said + (" Its GGUF files are not read: look for the same model as .safetensors." if is_gguf else ""))
    return single[:1], ""


def _diffusers(files: dict[str, OfferedFile]) -> list[OfferedFile]:
    """What a folder of diffusers' needs: configurations, and of each part's weights the safetensors, in half precision where there are."""
    inside = [file for path, file in files.items() if path == "model_index.json" or path.split("/")[0] in _PARTS and path.count("/") == 1]
    kept = [file for file in inside if not file.path.lower().endswith(WEIGHTS)]
    for part in _PARTS:
        weights = [file for file in inside if file.path.startswith(f"{part}/") and file.path.lower().endswith(WEIGHTS)]
        safe = [file for file in weights if file.path.endswith(".safetensors")] or weights
        half = [file for file in safe if ".fp16" in file.path]
        kept += half or [file for file in safe if ".non_ema" not in file.path and ".bf16" not in file.path]
    return [file for file in kept if file.path.endswith((".json", ".txt", ".model", *WEIGHTS))]


# Civitai --------------------------------------------------------------------------------------------------------------------------------


def _civitai_api(home: str, source: Source) -> str:
    return f"{home.rstrip('/')}/api/v1/{'models' if source.of_model else 'model-versions'}/{source.model}"


def _civitai_offer(source: Source, home: str, egress: Egress) -> Offer:
    """The offer of a version, or of a model's newest one. What its maker allows is told of models alone."""
    body = egress.json(_civitai_api(home, source))
    if source.of_model:
        versions = body.get("modelVersions") if isinstance(body, dict) else None
        number = versions[0].get("id") if isinstance(versions, list) and versions and isinstance(versions[0], dict) else None
        if not isinstance(number, int):
            raise FetchError("This model at Civitai has no version that can be fetched.")
        source, owner = Source(site="civitai", model=str(number)), body
        body = egress.json(_civitai_api(home, source))
        body = {**body, "model": {**_table(owner), **_table(body.get("model"))}} if isinstance(body, dict) else body
    return version_offer(body, source, home)


def version_offer(body: Any, source: Source, home: str) -> Offer:
    """What Civitai's description of a version offers. Raises `FetchError` for what is none, `RequestError` for one without weights."""
    if not isinstance(body, dict) or not isinstance(body.get("files"), list):
        raise FetchError("Civitai did not describe this model as it should.")
    owner = _table(body.get("model"))
    files = sorted((file for entry in body["files"] if (file := _civitai_file(entry)) is not None), key=lambda pair: pair[0])
    if not files:
        raise RequestError("source", "This version at Civitai has no weights that are read.")
    early = body.get("availability") == "EarlyAccess" or body.get("earlyAccessEndsAt")
    return Offer(
        source=source,
        title=" ".join(part for part in (_text(owner.get("name")), _text(body.get("name"))) if part) or source.model,
        kind=_CIVITAI_KINDS.get(str(owner.get("type", "")).lower(), ""),
        base=_text(body.get("baseModel")),
        licence=permissions(owner),
        page=f"{home.rstrip('/')}/models/{_count(body.get('modelId'))}?modelVersionId={source.model}",
        preview=picture_of(body),
        triggers=tuple(_words(body.get("trainedWords"))),
        files=(files[0][1],),
        others=tuple(file.path for _, file in files),
        needs="Early access: it must be bought on its page, or is free later." if early else "",
        card=described(body),
    )


def picture_of(body: dict[str, Any]) -> str:
    """The address of a version's first picture that is fit for everybody, else of its first; in the size of a card."""
    found = sorted(_pictures(body.get("images")), key=lambda pair: pair[0] > 1)
    return found[0][1].replace("/original=true/", "/width=450/") if found else ""


def described(body: dict[str, Any]) -> dict[str, Any]:
    """Civitai's description of a version, as it is kept beside the file: without pictures, and the model's other versions."""
    owner = {name: value for name, value in _table(body.get("model")).items() if name != "modelVersions"}
    return {**{name: value for name, value in body.items() if name != "images"}, **({"model": owner} if owner else {})}


def _civitai_file(entry: Any) -> tuple[tuple[bool, bool, bool, int], OfferedFile] | None:
    """A file with its rank: models before what comes with them, safetensors first, then the site's own choice, then the small ones."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get("downloadUrl"), str):
        return None
    name = safe_name(entry["name"].replace("\\", "/").rpartition("/")[2])
    if not name.lower().endswith(WEIGHTS):
        return None
    hashes = _table(entry.get("hashes"))
    size = entry.get("sizeKB")
    known = round(size * 1024) if isinstance(size, int | float) and 0 < size < 2**40 else 0
    file = OfferedFile(path=name, url=entry["downloadUrl"], size=known, sha256=_sha256(hashes.get("SHA256")))
    is_model = entry.get("type") in ("Model", "Pruned Model", "VAE", "Negative", None)
    return (not is_model, not name.endswith(".safetensors"), not entry.get("primary"), known), file


def _pictures(images: Any) -> Iterable[tuple[int, str]]:
    """Each picture's level by the site, where 1 is for everybody, and its address."""
    for image in images if isinstance(images, list) else []:
        if isinstance(image, dict) and image.get("type", "image") == "image" and str(image.get("url", "")).startswith("http"):
            yield _count(image.get("nsfwLevel")), str(image["url"])[:2000]


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return printable(first.strip())[:200] if isinstance(first, str) else ""


def _words(value: Any) -> list[str]:
    return [printable(word)[:200] for word in value if isinstance(word, str)][:50] if isinstance(value, list) else []


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 < value < 2**53 else 0


def _sha256(value: Any) -> str:
    text = value.lower() if isinstance(value, str) else ""
    return text if len(text) == 64 and all(letter in "0123456789abcdef" for letter in text) else ""
