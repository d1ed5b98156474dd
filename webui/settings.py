"""Launch-time facts: where things lie, who may connect, how the machine is used. Nothing here changes a pixel's meaning.

Read from `settings.toml` in the data directory, then `DARKROOM_*` environment variables, then command-line flags; later ones win.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from webui.core.addresses import is_root
from webui.core.device_names import checked_devices
from webui.core.fields import specs
from webui.core.filenames import check_pattern
from webui.core.folders import whole_folder
from webui.core.places import checked_hosts, checked_networks, checked_origins, checked_places
from webui.core.sentences import sentence, with_value
from webui.core.toml import read_toml
from webui.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent
PREFIX = "DARKROOM_"
FILE_NAME = "settings.toml"


def _at(section: str, *, restart: bool = False, private: bool = False) -> dict[str, Any]:
    """`private`: it tells of this machine, and is shown to who may change it alone."""
    return {"section": section, "restart": restart, "private": private}


def _elsewhere(value: Any, text: str, **bounds: Any) -> Any:
    return Field(value, description=text, json_schema_extra=_at("Elsewhere"), **bounds)


def _limit(section: str, text: str) -> Any:
    return Field(0, ge=0, description=f"{text}; 0 is no limit.", json_schema_extra=_at(section))


class Settings(BaseModel):
    """Every setting with its default. `section` and `restart` steer the Settings tab; a field without a section is set at launch only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(PROJECT, description="Folder of the database, the settings file, outputs and caches.")
    models_dirs: tuple[Path, ...] = Field(
        (),
        description="More folders with models, in A1111's, Forge's or ComfyUI's layout.",
        json_schema_extra=_at("Folders", restart=True, private=True),
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(7860, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    listen: bool = Field(False, description="Open the page to the LAN, behind an access key.")
    access_key: str = Field("", description="Key for --listen; made and kept when empty.")
    admin_key: str = Field("", description="Key of who may change everything when others come too; made and kept when empty.")
    trusted_proxy: tuple[str, ...] = Field(
        (), description="Addresses or networks of reverse proxies whose X-Forwarded-… headers are believed."
    )
    allow_host: tuple[str, ...] = Field(
        (),
        title="Names of this machine",
        description="More names by which this machine may be called, such as host.docker.internal; without a key only its own are served.",
        json_schema_extra=_at("Network", private=True),
    )
    allow_origin: tuple[str, ...] = Field(
        (),
        title="Other pages and programs",
        description="Origins whose pages may use Darkroom as their user may: app://obsidian.md, chrome-extension://ID, https://example.org.",
        json_schema_extra=_at("Network", private=True),
    )
    root_path: str = Field("", description="The folder that a reverse proxy serves the page in, such as /darkroom.")
    browser: bool = Field(True, description="Open the browser at start.")
    api_server_stop: bool = Field(False, description="Let the admin stop the server over A1111's API (/sdapi/v1/server-stop).")
    engine: Literal["process", "inline"] = Field(
        "process", description="Run the engine as a process of its own, or inside web (debugging)."
    )
    devices: tuple[str, ...] = Field(
        ("auto",), description="One engine per device: auto, cpu, cuda:0, mps, xpu:0 …", json_schema_extra=_at("Engine", restart=True)
    )
    cluster: str = Field(
        "",
        description="Run engines on a Ray cluster: ray (a cluster of this machine alone), auto, ray://HOST:PORT or HOST:PORT.",
        json_schema_extra=_at("Cluster", restart=True, private=True),
    )
    cluster_min: int = Field(1, ge=0, le=1000, description="Engines that a cluster always has.", json_schema_extra=_at("Cluster"))
    cluster_max: int = Field(
        0,
        ge=0,
        le=1000,
        description="Engines that a cluster has at most; 0 is one for each GPU that it has now, or for each node without GPUs.",
        json_schema_extra=_at("Cluster"),
    )
    cluster_idle: float = Field(
        10,
        ge=0,
        le=100_000,
        description="Minutes without work after which an engine above the least is given back; 0 is never.",
        json_schema_extra=_at("Cluster"),
    )
    cluster_dir: str = Field(
        "",
        description="Folder on nodes for what is sent there; empty: ~/.cache/darkroom-node, where they do not see the data folder.",
        json_schema_extra=_at("Cluster", restart=True, private=True),
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Precision of requests that say auto.", json_schema_extra=_at("Engine")
    )
    attention: Literal["auto", "sdpa", "xformers", "tiled"] = Field(
        "auto", description="Attention kernel.", json_schema_extra=_at("Engine")
    )
    weights: Literal["auto", "full", "half", "int8"] = Field(
        "auto",
        description="How weights are kept: half as in a file of 16 bits, the same picture in half the memory (auto: where full does not "
        "fit); int8 keeps the denoiser's in 8 bits, which changes pictures a little and needs torchao.",
        json_schema_extra=_at("Engine"),
    )
    threads: int = Field(0, ge=0, le=512, description="CPU threads of an engine; 0 is one per core.", json_schema_extra=_at("Engine"))
    offload: Literal["auto", "none", "model", "sequential"] = Field(
        "auto", description="Keep parts of the model in main memory.", json_schema_extra=_at("Engine")
    )
    ram_limit: float = Field(
        0,
        ge=0,
        description="GB of main memory that loaded checkpoints may take together; 0 is half of what is free.",
        json_schema_extra=_at("Engine", restart=True),
    )
    vram_limit: float = Field(
        0,
        ge=0,
        description="GB of a GPU's memory that loaded checkpoints may take together; 0 is half of what is free.",
        json_schema_extra=_at("Engine", restart=True),
    )
    unload_after: float = Field(
        0,
        ge=0,
        le=100_000,
        description="Minutes without work after which an engine gives the memory of its models back; 0 is never.",
        json_schema_extra=_at("Engine"),
    )
    max_attempts: int = Field(
        3,
        ge=0,
        description="How often a job is tried when its engine dies without a new picture; 0 is no limit.",
        json_schema_extra=_at("Queue"),
    )
    batch_jobs: int = Field(
        8,
        ge=1,
        le=64,
        title="Jobs in a batch",
        description="How many jobs an engine runs at once, step by step in one batch; 1 runs them one after another.",
        json_schema_extra=_at("Queue"),
    )
    batch_own_jobs: int = Field(
        0,
        ge=0,
        le=64,
        title="One owner's jobs in a batch",
        description="How many of them may be one owner's; 0 is one on a CPU, where a batch gains little, and any on a GPU.",
        json_schema_extra=_at("Queue"),
    )
    limit_jobs: int = _limit("Limits per user", "Jobs that one owner may have waiting or running")
    limit_megapixels: float = _limit("Limits per user", "Megapixels that one owner may have made a day")
    limit_minutes: float = _limit("Limits per user", "Minutes of the engine that one owner may use a day")
    guest_jobs: int = _limit("Limits of guests", "Jobs that a guest may have waiting or running")
    guest_pictures: int = _limit("Limits of guests", "Pictures that a guest may have made a day")
    guest_uploads: int = _limit("Limits of guests", "MB that a guest may upload a day")
    guest_storage: int = _limit("Limits of guests", "MB that a guest's pictures and uploads may take together")
    member_jobs: int = _limit("Limits of members", "Jobs that a member may have waiting or running")
    member_pictures: int = _limit("Limits of members", "Pictures that a member may have made a day")
    member_uploads: int = _limit("Limits of members", "MB that a member may upload a day")
    member_storage: int = _limit("Limits of members", "MB that a member's pictures and uploads may take together")
    language: str = Field(
        "auto",
        pattern=r"^(auto|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,4})$",
        description="Language of the page where a browser has chosen none: auto is the one that it asks for, else a name such as de.",
        json_schema_extra=_at("Page"),
    )
    preview_period: float = Field(
        0.5, ge=0, le=60, description="Seconds between preview frames; 0 makes none.", json_schema_extra=_at("Previews")
    )
    preview_method: Literal["linear", "taesd", "full"] = Field(
        "linear",
        description="How previews are decoded: fast and rough, a small decoder, or the whole VAE.",
        json_schema_extra=_at("Previews"),
    )
    outputs_pattern: str = Field(
        "{date}/{index:05}-{seed}",
        description="Folder and name of pictures: {date} {time} {index} {seed} {prompt} {sampler} {steps} {checkpoint} {width} {height}.",
        json_schema_extra=_at("Pictures"),
    )
    picture_format: Literal["png", "jpeg", "webp"] = Field(
        "png", description="File type of saved pictures.", json_schema_extra=_at("Pictures")
    )
    picture_quality: int = Field(95, ge=1, le=100, description="Quality of JPEG and WebP.", json_schema_extra=_at("Pictures"))
    database_url: str = Field(
        "",
        repr=False,
        description="Address of a PostgreSQL database, which several web processes may share: postgresql://user:password@host/darkroom."
        " Empty is SQLite in the data directory. The variable DATABASE_URL is taken, too.",
    )
    durability: Literal["normal", "full"] = Field(
        "normal",
        description="SQLite's synchronous setting: normal survives kill -9, full survives power loss too.",
        json_schema_extra=_at("Queue", restart=True),
    )
    upload_limit_mb: int = Field(
        64, ge=1, le=1024, description="Largest picture that may be uploaded, in MB.", json_schema_extra=_at("Pictures", restart=True)
    )
    fetch_pictures: bool = Field(
        False,
        description="Fetch start pictures that a program names by a web address (A1111's API). Never from private networks.",
        json_schema_extra=_at("Pictures"),
    )
    hash_models: bool = Field(
        True,
        title="Hash model files",
        description="Read each new model file once in the background, so that it is known by its hash.",
        json_schema_extra=_at("Models"),
    )
    offline: bool = Field(False, description="Fetch nothing from the internet, whoever asks.", json_schema_extra=_at("Models"))
    hf_endpoint: str = Field("", description="Hugging Face's address; empty is HF_ENDPOINT, else https://huggingface.co.")
    hf_token: str = Field("", repr=False, description="Token for Hugging Face; empty is HF_TOKEN.")
    civitai_base_url: str = Field("", description="Civitai's address; empty is CIVITAI_BASE_URL, else https://civitai.com.")
    civitai_token: str = Field("", repr=False, description="Token for Civitai; empty is CIVITAI_TOKEN.")
    backends: tuple[str, ...] = Field(
        (),
        title="Providers that are on",
        description="Cloud providers that jobs may be sent to: replicate, openai, stability, huggingface, horde.",
        json_schema_extra=_at("Elsewhere"),
    )
    boxes: tuple[str, ...] = Field(
        (),
        title="Other machines",
        description="Other Darkrooms and A1111s that make pictures: studio=darkroom://192.168.1.5:7860, a1111://10.0.0.3:7860.",
        json_schema_extra=_at("Elsewhere", private=True),
    )
    backends_accepted: tuple[str, ...] = Field((), description="Providers whose note on what is sent to them was confirmed.")
    backend_urls: tuple[str, ...] = Field((), description="Other addresses of providers: openai=http://127.0.0.1:8000/v1.")
    backend_minutes: float = _elsewhere(30, "Minutes after which a provider's unfinished work is given up.", gt=0, le=1440)
    budget_user: float = _elsewhere(-1, "US dollars that one user may spend a day; 0 is nothing, -1 no limit.", ge=-1)
    budget_all: float = _elsewhere(-1, "US dollars that all may spend a day together; 0 is nothing, -1 no limit.", ge=-1)
    budget_picture: float = _elsewhere(0.05, "US dollars that a picture counts where its price is not known.", ge=0)
    backend_scale: bool = _elsewhere(False, "Scale start pictures down that are too large for a provider; else they are refused.")
    webhook_hosts: tuple[str, ...] = Field(
        (),
        description="Machines in private networks that webhooks may be sent to: 192.168.1.5:9000.",
        json_schema_extra=_at("Elsewhere", private=True),
    )
    extensions_off: tuple[str, ...] = Field((), description="Extensions that are switched off.")

    _names = field_validator("outputs_pattern")(check_pattern)
    _folder = field_validator("data_dir")(whole_folder)
    _devices = field_validator("devices")(checked_devices)
    _networks = field_validator("trusted_proxy")(checked_networks)
    _places = field_validator("boxes", "backend_urls")(checked_places)
    _hosts = field_validator("allow_host")(checked_hosts)
    _origins = field_validator("allow_origin")(checked_origins)

    @field_validator("models_dirs")
    @classmethod
    def _folders(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(whole_folder(path) for path in paths)

    @field_validator("trusted_proxy", "allow_host", "allow_origin", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("root_path")
    @classmethod
    def _root(cls, value: str) -> str:
        path = "/" + value.strip().strip("/") if value.strip().strip("/") else ""
        if not is_root(path):
            raise ValueError(f"{value} cannot be the page's folder. Write one such as /darkroom, of letters, digits, . - _ and ~.")
        return path

    @property
    def outputs(self) -> Path:
        """Folder of the pictures."""
        return self.data_dir / "outputs"

    @property
    def cache(self) -> Path:
        """Folder of what can be made again."""
        return self.data_dir / "data" / "cache"

    @property
    def measured(self) -> Path:
        """File of what was found to be faster on which machine; pictures differ in their last bits with what was chosen."""
        return self.cache / "measured.json"

    @property
    def file(self) -> Path:
        """The settings file."""
        return self.data_dir / FILE_NAME

    @property
    def missing_models_dirs(self) -> tuple[Path, ...]:
        """Folders that the user named and that are none."""
        return tuple(folder for folder in self.models_dirs if not folder.is_dir())

    @property
    def all_models_dirs(self) -> tuple[Path, ...]:
        """The user's folders first, then the project's own."""
        return (*self.models_dirs, PROJECT / "models")


def load_settings(flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read file, environment and flags (`None` flags are left out). Raises `SettingsError` naming the source and the key."""
    environment = os.environ if environment is None else environment
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    from_environment = _environment(environment)
    data_dir = _data_dir(given.get("data_dir") or from_environment.get("data_dir") or PROJECT)
    path = data_dir / FILE_NAME
    merged = {**_checked(read_file(path), str(path)), **_checked(from_environment, "environment"), **given, "data_dir": data_dir}
    return _validated(merged, "command line")


def _data_dir(path: str | Path) -> Path:
    try:
        return whole_folder(Path(path)).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise SettingsError(f"data_dir: {error}") from None


def read_file(path: Path) -> dict[str, Any]:
    """The settings file's content; empty when there is none. Raises `SettingsError` when it is not TOML."""
    try:
        if path.exists() and not path.is_file():
            raise SettingsError(f"{path} is no file. Take it out, or put the settings file in its place.")
        return read_toml(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise SettingsError(f"{path} is not a settings file: {error}. Mend it, or rename it to start with the defaults.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None


def _environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if environment.get("DATABASE_URL", "").startswith(("postgres:", "postgresql:", "postgresql+")):  # other programs' mean other kinds
        found["database_url"] = environment["DATABASE_URL"]
    for name, text in environment.items():
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).lower()
            field = specs(Settings).get(key)
            is_list = field is not None and field.kind == "list"
            found[key] = [part for part in text.split(os.pathsep if key == "models_dirs" else ",") if part] if is_list else text
    return found


def _checked(values: dict[str, Any], source: str) -> dict[str, Any]:
    """Check one source on its own, so that the error can name it."""
    _validated(values, source)
    return values


def _validated(values: Mapping[str, Any], source: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"{source}: there is no setting named {key!r}. There are: {', '.join(Settings.model_fields)}.") from None
        said = complaint(first, key)
        raise SettingsError(f"{source}: {said if said.startswith(key) else f'{key}: {said}'}") from None


def complaint(error: Mapping[str, Any], label: str) -> str:
    """What pydantic says of a setting, as a sentence with the value; a sentence of our own stays as it is."""
    field = specs(Settings).get(str(error["loc"][0]))
    said = sentence(error, label, (field.low, field.high) if field else (None, None))
    return said if error["type"] == "value_error" else with_value(error, said)
