"""A1111's web UI, Forge, SD.Next and whatever else speaks `/sdapi/v1`: `a1111://host:port`. The key is `user:password` of --api-auth."""

import base64
import json
import threading

from webui import Backend, BackendError, BackendModel, BackendSpec, RemotePicture, RemoteState, hookimpl

TITLE = "Other A1111s"
VERSION = "1.0"
RESIZE = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")
FILLS = ("fill", "original", "latent noise", "latent nothing")
FIELDS = (
    *("negative_prompt", "width", "height", "steps", "guidance", "sampler", "schedule", "seed", "variation_seed", "variation_strength"),
    *("seed_resize_width", "seed_resize_height", "clip_skip", "tiling", "vae", "hires", "init", "mask", "strength", "resize_mode"),
    *("mask_blur", "fill", "only_masked", "padding", "invert_mask"),
)
_PATIENCE = 3600.0


@hookimpl
def register_backends(register):
    register(
        BackendSpec(
            name="a1111",
            title="Another A1111",
            url="",
            connect=A1111,
            kind="box",
            needs_key=False,
            authorize=authorization,
            parallel=1,
            previews=True,
            resends=True,
            resumes=False,
            table=(model_of("its checkpoints"),),
        )
    )


def authorization(key):
    """Basic for `user:password`, else a bearer's."""
    if ":" in key:
        return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"} if key else {}


class A1111(Backend):
    """A call lasts as long as the pictures take: it is made in a thread, while progress is asked for. Asking again is free."""

    def __init__(self, wire):
        super().__init__(wire)
        self._calls = {}

    def models(self):
        found = self.wire.call("GET", "/sdapi/v1/sd-models").json()
        return [model_of(str(each.get("title") or each.get("model_name"))) for each in found if isinstance(each, dict)]

    def model(self, name):
        return model_of(name)

    def send(self, task):
        known = f"{task.job_id}-{task.indexes[0]}"
        call = self._calls[known] = _Call(self.wire, task)
        call.start()
        return RemoteState(id=known)

    def look(self, remote_id, task):
        call = self._calls.get(remote_id)
        if call is None:  # this program was started anew meanwhile
            return self.send(task)
        if call.is_alive():
            return self._progress(remote_id)
        del self._calls[remote_id]
        if call.error is not None:
            raise call.error
        return RemoteState(id=remote_id, state="done", pictures=call.pictures, cost=0.0)

    def cancel(self, remote_id):
        if self._calls.pop(remote_id, None) is not None:
            self.wire.call("POST", "/sdapi/v1/interrupt")

    def _progress(self, remote_id):
        try:
            told = self.wire.call("GET", "/sdapi/v1/progress").json()
        except BackendError:
            return RemoteState(id=remote_id)
        state = told.get("state") or {}
        preview = base64.b64decode(told["current_image"]) if told.get("current_image") else b""
        step, steps = int(state.get("sampling_step") or 0), int(state.get("sampling_steps") or 0)
        return RemoteState(id=remote_id, step=step, steps=steps, preview=preview)


class _Call(threading.Thread):
    """One call that waits for its pictures."""

    def __init__(self, wire, task):
        super().__init__(name=f"a1111-{task.job_id}", daemon=True)
        self._wire, self._task = wire, task
        self.pictures, self.error = (), None

    def run(self):
        task = self._task
        path = "/sdapi/v1/txt2img" if task.init is None else "/sdapi/v1/img2img"
        try:
            told = self._wire.call("POST", path, json=body_of(task), patience=_PATIENCE).json()
            images = told.get("images") or []
            first = int((json.loads(told.get("info") or "{}")).get("index_of_first_image") or 0)
            self.pictures = tuple(RemotePicture(url=as_address(each)) for each in images[first : first + task.count])
        except BackendError as error:
            self.error = error
        except (ValueError, AttributeError):
            self.error = BackendError(f"{self._wire.url} does not answer as A1111 does. Is the address right?")


def model_of(name):
    """What every checkpoint honours."""
    return BackendModel(
        name=name,
        honours=FIELDS,
        modes=("txt2img", "img2img", "inpaint"),
        width=512,
        height=512,
        sampler="DPM++ 2M",
        schedule="Karras",
        pictures=64,
        price=0.0,
    )


def as_address(picture):
    """A picture of an answer: base64, or an address already."""
    return picture if picture.startswith("data:") else f"data:image/png;base64,{picture}"


def body_of(task):
    """A request as A1111 takes it."""
    request = task.request
    settings = {"sd_model_checkpoint": request.checkpoint, "CLIP_stop_at_last_layers": request.clip_skip}
    settings |= {"sd_vae": request.vae} if request.vae else {}
    whole = task.count == request.count
    body = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "seed": task.seed,
        "subseed": request.variation_seed + (0 if whole else task.indexes[0]),
        "subseed_strength": request.variation_strength,
        "seed_resize_from_w": request.seed_resize_width or -1,
        "seed_resize_from_h": request.seed_resize_height or -1,
        "sampler_name": request.sampler,
        "scheduler": request.schedule or "Automatic",
        "steps": request.steps,
        "cfg_scale": request.guidance,
        "width": request.width,
        "height": request.height,
        "batch_size": request.batch_size if whole else 1,
        "n_iter": request.batch_count if whole else task.count,
        "tiling": request.tiling,
        "override_settings": settings,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
    }
    if task.init is not None:
        return body | of_picture(task)
    return body | (of_hires(request) if request.hires is not None else {})


def of_hires(request):
    """The second pass."""
    hires = request.hires
    return {
        "enable_hr": True,
        "hr_scale": hires.scale,
        "hr_upscaler": hires.upscaler,
        "hr_second_pass_steps": hires.steps,
        "hr_resize_x": hires.width,
        "hr_resize_y": hires.height,
        "hr_prompt": hires.prompt,
        "hr_negative_prompt": hires.negative_prompt,
        "denoising_strength": hires.strength,
        **({"hr_sampler_name": hires.sampler} if hires.sampler else {}),
        **({"hr_scheduler": hires.schedule} if hires.schedule else {}),
    }


def of_picture(task):
    """The picture and the mask to start from."""
    request = task.request
    body = {
        "init_images": [base64.b64encode(task.init).decode()],
        "denoising_strength": request.strength,
        "resize_mode": RESIZE.index(str(request.resize_mode.value)),
    }
    if task.mask is None:
        return body
    return body | {
        "mask": base64.b64encode(task.mask).decode(),
        "mask_blur": request.mask_blur,
        "inpainting_fill": FILLS.index(str(request.fill.value)),
        "inpaint_full_res": request.only_masked,
        "inpaint_full_res_padding": request.padding,
        "inpainting_mask_invert": int(request.invert_mask),
    }
