"""What the page's own JSON looks like: the answers of `routes`, from which the types of its scripts are made too."""

from typing import Any, Literal

from webui.core.family import ModelDefaults
from webui.core.job import Job
from webui.core.request import FrozenModel
from webui.people.roles import Need


class Submitted(FrozenModel):
    """The job that a form has become."""

    job: Job


class TokenCount(FrozenModel):
    """How long a prompt is for the text encoder, and how long it may be before it is cut into chunks."""

    count: int
    limit: int


class ShelfCard(FrozenModel):
    """A model as the shelf shows it: `added` and `used` (by who asks; 0 where never) in seconds, `size` in bytes.

    `preview` changes with the picture beside it, "" without one; `alias` is what its trainer called it, `error` why it cannot
    be used, `weight` the one that its tag begins with.
    """

    id: str
    kind: str
    name: str
    alias: str
    title: str
    family: str
    family_title: str
    size: int
    added: int
    preview: str
    triggers: tuple[str, ...]
    notes: str
    favourite: bool
    weight: float | None
    error: str
    used: int


class OwnDefaults(ModelDefaults):
    """What a checkpoint was made for, and the ids of the form's elements that mean nothing for it.

    `place` says of a backend where it is, what is sent there and what it does not use; `accepted`: somebody has confirmed that.
    """

    unsupported: list[str]
    place: str = ""
    accepted: bool = True


class FormParameters(FrozenModel):
    """What a picture or a text says about how it was made.

    `values` are the form's; `mode` says which tab they belong to; `table` has labels as the form shows them.
    `left_out` are lines about what has no place in the form, or names something that is not here.
    """

    text: str
    source: str
    mode: str
    table: dict[str, str]
    values: dict[str, Any]
    left_out: list[str]


class KnownLanguages(FrozenModel):
    """The tags of the page's languages, and what is wrong with files of words, by path."""

    languages: list[str]
    errors: dict[str, str]


class SettingCard(FrozenModel):
    """A field of the Settings tab. `changed`: the file holds a value of its own. `restart`: it takes effect at the next start."""

    name: str
    label: str
    description: str
    kind: Literal["check", "number", "choice", "list", "text"]
    choices: list[str]
    value: Any
    default: Any
    minimum: float | None
    maximum: float | None
    step: int | Literal["any"]
    changed: bool
    restart: bool


class SettingSection(FrozenModel):
    """A section of the Settings tab."""

    title: str
    fields: list[SettingCard]


class SettingSections(FrozenModel):
    """All sections, as they are after a change."""

    sections: list[SettingSection]


class SettingsPage(SettingSections):
    """The Settings tab: also the file that they are kept in, and what the asker may do."""

    file: str
    admin: bool
    may: tuple[Need, ...]


class ExtensionCard(FrozenModel):
    """An extension as the Extensions tab shows it; `error` is a traceback, `reason` its last line, `fixed` is for who may not switch it."""

    id: str
    title: str
    version: str
    path: str
    adds: list[str]
    on: bool
    error: str
    reason: str
    restart: bool
    fixed: bool = False


class StepField(FrozenModel):
    """What a step of the finish chain asks for; `names` says which list of names it chooses from."""

    name: str
    label: str
    info: str
    kind: Literal["number", "text", "choice", "check", "list", "picture", "regions"]
    value: Any
    choices: list[str]
    low: float | None
    high: float | None
    step: float | None
    names: Literal["", "upscaler", "face_restorer", "detector", "sampler", "schedule", "checkpoint"]


class StepKind(FrozenModel):
    """A kind of step: `name` is set for an extension's, whose fields are its `values`."""

    kind: str
    name: str
    title: str
    fields: list[StepField]


class StepNames(FrozenModel):
    """The names that steps choose from."""

    upscaler: list[str]
    face_restorer: list[str]
    detector: list[str]
    sampler: list[str]
    schedule: list[str]
    checkpoint: list[str]
