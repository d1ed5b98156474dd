"""Every error a user can meet, and who turns it into what they see.

WebUIError                 base: `except WebUIError as error: show(str(error))`
├── RequestError           the request is wrong; beside the field on the page, HTTP 422
├── NotFound               an id that nobody knows; HTTP 404
├── Forbidden              another person's to do; HTTP 403
├── Conflict               the state forbids it (cancel a finished job); HTTP 409
├── LimitReached           the owner has used up what they may have; HTTP 429, says when it renews
├── SettingsError          a settings file, variable or flag is wrong; one sentence at start, exit 2
├── StorageError           database or outputs cannot be read or written; one sentence, nothing lost
├── CheckpointError        a model file is missing, broken or of an unknown family; fails the job
│   └── FileChanged        it was replaced or deleted while it was being read; fails the job rather than mixing old and new
├── OutOfMemory            the device's memory does not suffice; fails the job with advice
├── NumericalError         NaN or Inf while sampling; fails the job, names the step
├── ExtensionError         an extension's hook raised; names extension and hook
├── EngineLost             the engine process died or hung; the job runs again
├── BackendError           another machine or provider did not do what was asked; fails the job, or it is asked again later
├── Apart                  not a failure: the job waits until it can have the engine for itself
└── JobCancelled           not a failure: the user stopped it
"""

from datetime import datetime


class WebUIError(Exception):
    """Base of all errors with a message meant for the user."""


class RequestError(WebUIError):
    """The request cannot be carried out as it is, and the user can fix it.

    `field` names the request field (dotted for nested ones, e.g. ``hires.scale``); `message` says what is wrong and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message

    def __reduce__(self) -> tuple[type["RequestError"], tuple[str, str]]:
        return type(self), (self.field, self.message)


class NotFound(WebUIError):
    """No such job, picture or file; HTTP 404."""


class Forbidden(WebUIError):
    """Only somebody else (the machine's own user) may do this; HTTP 403."""


class Conflict(WebUIError):
    """The thing exists but its state forbids what was asked; HTTP 409."""


class PaysAgain(Conflict):
    """What was paid for, or may have been, would be asked for once more: only who says `pay_again` may; HTTP 409."""

    field = "pay_again"


class LimitReached(WebUIError):
    """The owner may not have more now; HTTP 429. `renews` is when they may again, None: as soon as one of their jobs has ended."""

    def __init__(self, message: str, renews: datetime | None = None) -> None:
        super().__init__(message)
        self.renews = renews


class SettingsError(WebUIError):
    """A setting is unknown or has a wrong value; the program says which and where, and stops with exit code 2."""


class StorageError(WebUIError):
    """The database or a folder cannot be read or written; the message names the path and what to do."""


class CheckpointError(WebUIError):
    """A model file is missing, broken, or of a family that this version does not know. Fails the job, names the file."""


class FileChanged(CheckpointError):
    """A model file was replaced or deleted while it was being read or used. Fails the job: never half the old file and half the new."""


class OutOfMemory(WebUIError):
    """The device's memory does not suffice. `advice` says what would fit."""

    def __init__(self, message: str, advice: str = "Try a smaller size or batch.") -> None:
        super().__init__(message)
        self.advice = advice


class NumericalError(WebUIError):
    """NaN or Inf appeared while sampling, at `step` (from 1). Fails the job unless a retry in float32 helps."""

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class ExtensionError(WebUIError):
    """A hook of an extension raised. The hook caller catches it, names the extension on the page, and goes on."""

    def __init__(self, extension: str, hook: str, message: str) -> None:
        super().__init__(f"{extension}: {hook}: {message}")
        self.extension = extension
        self.hook = hook


class EngineLost(WebUIError):
    """The engine process died or stopped answering; the supervisor starts another and the job runs again."""


class BackendError(WebUIError):
    """A backend did not do what was asked. `again`: seconds after which another try may help; None where none will without the user.

    `unsure`: it may have been asked for all the same, so that asking once more could be paid twice. `offline`: it could not be reached.
    `status`: what HTTP says, 0 where nothing was answered.
    """

    def __init__(self, message: str, again: float | None = None, *, unsure: bool = False, offline: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.again, self.unsure, self.offline, self.status = again, unsure, offline, status


class AdmissionRefused(WebUIError):
    """A job cannot run beside those that the engine has; the queue keeps it until they have ended. Not a failure."""


class JobCancelled(WebUIError):
    """The user stopped the job. Raised by `emit` inside the engine; the job boundary turns it into a Cancelled event."""
