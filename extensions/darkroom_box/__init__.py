"""Another Darkroom: `darkroom://host:port`. The same request gives the same pixels there; its models, previews and stops are ours."""

import contextlib
from urllib.parse import quote

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, RequestError, hookimpl

TITLE = "Other Darkrooms"
VERSION = "1.0"
OURS = {"where", "where_options", "styles", "templates", "extras", "init", "mask"}
EVERYTHING = BackendModel(name="its checkpoints", honours=("*",), modes=("txt2img", "img2img", "inpaint"), pictures=64_000, price=0.0)


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="darkroom",
            title="Another Darkroom",
            url="",
            connect=Darkroom,
            kind="box",
            needs_key=False,
            previews=True,
            resends=True,
            table=(EVERYTHING,),
        )
    )


class Darkroom(Backend):
    """Its own API. A job's id goes along as idempotency key, so that asking again is the same job there."""

    def models(self):
        told = self.wire.call("GET", "/api/v1/capabilities").json()
        return [described(each) for each in told.get("checkpoints") or [] if not each.get("error")]

    def model(self, name):
        bare = name.rpartition(" [")[0] or name
        known = self.models()
        found = next((each for each in known if each.name.lower() in (name.lower(), bare.lower())), None)
        if found is None:
            names = ", ".join(each.name for each in known[:6]) or "none"
            raise RequestError("checkpoint", f"There is no checkpoint {name!r} at {self.wire.url}. There are: {names}.")
        return found.model_copy(update={"name": name})

    def send(self, task):
        request = task.request
        body = {name: value for name, value in request.model_dump(mode="json", exclude_defaults=True).items() if name not in OURS}
        body = {name: value for name, value in body.items() if value not in ("", None)}
        for name, data in (("init", task.init), ("mask", task.mask)):
            if data is not None:
                body[name] = self._uploaded(getattr(request, name), data)
        key = task.job_id
        if request.templates:  # its pictures have prompts of their own, put in here: one job there for each
            body |= {"seed": task.seed, "batch_size": 1, "batch_count": 1}
            key = f"{task.job_id}-{task.indexes[0]}"
        told = self.wire.call("POST", "/api/v1/jobs", json=body, headers={"Idempotency-Key": key}).json()
        if not isinstance(told, dict) or not told.get("id"):
            raise BackendError(f"{self.wire.url} does not answer as a Darkroom does. Is the address right?")
        if told.get("state") in ("queued", "running"):
            self._ask_for_previews(told["id"])
        return self._state(told, task)

    def look(self, remote_id, task):
        return self._state(self.wire.call("GET", f"/api/v1/jobs/{quote(remote_id, safe='')}").json(), task)

    def cancel(self, remote_id):
        self.wire.call("DELETE", f"/api/v1/jobs/{quote(remote_id, safe='')}")

    # ------------------------------------------------------------------------------------------------------------------
    def _uploaded(self, image_id, data):
        """The picture's id there, which is its hash; it is sent where it is not there yet."""
        try:
            self.wire.call("GET", f"/api/v1/images/{image_id}/request")
            return image_id
        except BackendError as error:
            if error.status != 404:
                raise
        headers = {"Content-Type": "application/octet-stream"}
        return self.wire.call("POST", "/api/v1/images", content=data, headers=headers).json()["id"]

    def _state(self, told, task):
        known = {"queued": "waiting", "running": "waiting", "done": "done", "failed": "failed", "cancelled": "cancelled"}
        state, error = known.get(told.get("state"), "waiting"), told.get("error") or {}
        progress = told.get("progress") or {}
        base = RemoteState(
            id=told["id"],
            state=state,
            step=int(progress.get("step") or 0),
            steps=int(progress.get("steps") or 0),
            detail="waits in its queue" if told.get("state") == "queued" else str(progress.get("phase") or ""),
            error=" ".join(part for part in (error.get("message"), error.get("advice")) if part),
            cost=0.0 if state == "done" else None,
        )
        if state == "done":
            return base.model_copy(update={"pictures": self._pictures(told, task), "request": told.get("request") or {}})
        if frame := int(progress.get("frame") or 0):
            return base.model_copy(update={"preview": self._preview(told["id"], frame)})
        return base

    def _pictures(self, told, task):
        made = {each["index"]: each for each in told.get("images") or []}
        wanted = (0,) if task.request.templates else task.indexes
        return tuple(
            RemotePicture(url=made[index]["url"], note=" ".join(made[index].get("notes") or ())) for index in wanted if index in made
        )

    def _ask_for_previews(self, remote_id):
        """Without them, as where it has ended meanwhile, the job is the same."""
        with contextlib.suppress(BackendError):
            self.wire.call("PUT", f"/api/v1/jobs/{quote(remote_id)}/preview", params={"period": 1})

    def _preview(self, remote_id, frame):
        try:
            return self.wire.call("GET", f"/api/v1/jobs/{quote(remote_id)}/preview", params={"n": frame}).body
        except BackendError:
            return b""  # it has ended meanwhile


def described(model):
    """A checkpoint there, with what it was made for. Sampler and schedule are left to it, as the whole request is."""
    native = model.get("native") or {}
    own = {name: native[name] for name in ("width", "height", "steps", "guidance") if native.get(name)}
    return EVERYTHING.model_copy(update={"name": str(model["name"]), "title": str(model.get("title") or ""), **own})
