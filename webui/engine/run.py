"""The story: one request into saved pictures, telling `emit` what happens as it happens."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from webui.core.events import Emit
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.devices.plan import is_out_of_memory, out_of_memory
from webui.engine.batching import batches
from webui.engine.conditioning import loras_of, prompts_of
from webui.engine.finish import extended, facts_of, lora_hashes, save
from webui.engine.img2img import read_source
from webui.engine.making import Studio
from webui.engine.profiles import by_profile
from webui.engine.telling import Teller
from webui.engine.tools import Tools
from webui.engine.watching import Watcher
from webui.engine.wishes import PreviewWish, SkipBatch
from webui.errors import NumericalError, WebUIError
from webui.library import View
from webui.pipelines.previews import Previews
from webui.pipelines.seamless import seamless

__all__ = ["PreviewWish", "SkipBatch", "Tools", "run"]

NO_SECOND_PASS = "Hires. fix was left out: it belongs to txt2img."
IN_FLOAT32 = "{dtype} gave NaN or Inf, so this was made in float32."


def run(task: RunJob, tools: Tools, emit: Emit, engine_seconds: Callable[[], float] = lambda: 0.0) -> None:
    """Make the task's pictures that are not saved yet. The caller tells of the start, of failure and of cancelling.

    `engine_seconds` is asked at the end: the engine's time that the job has had.

    Raises `RequestError`, `CheckpointError`, `OutOfMemory`, `NumericalError`, `StorageError`, and whatever `emit` raises.
    However it ends, the model is left as its file has it.
    """
    plan = task.plan or Plan()
    tools = replace(tools, library=View(tools.library))
    tell = Teller(emit, task.job_id, task.request.batch_count)
    saved = set(task.saved)
    try:
        make(task, plan, tools, tell, saved)
    except NumericalError:
        if plan.dtype == "float32":
            raise
        tell.note(IN_FLOAT32.format(dtype=plan.dtype))
        tools.turns.alone()  # the same model in another precision: not beside jobs that use this one
        make(task, plan.model_copy(update={"dtype": "float32", "attention": "sdpa"}), tools, tell, saved)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, WebUIError) or not is_out_of_memory(error):
            raise
        raise out_of_memory(task.request, plan) from error
    tell.done(engine_seconds())


def make(task: RunJob, plan: Plan, tools: Tools, tell: Teller, saved: set[int]) -> None:
    """Load, then batch by batch: make and save. `saved` grows with every picture that lies on disk."""
    request = task.request
    turns = tools.turns
    loras = lora_hashes(loras_of(request), tools.library)  # before anything is loaded: one may have been deleted since it was asked for
    model = turns.do(lambda: tools.pipelines.get(request.checkpoint or "", request.vae, plan, tell.loading, tools.library))
    source = read_source(by_profile(request), tools.images)
    tell.note(*(source.notes if source else ()), *((NO_SECOND_PASS,) if request.hires and request.mode != "txt2img" else ()))
    tell.note(*model.words.notes(prompts_of(request)))
    facts = facts_of(task, plan, model, loras)
    watcher = Watcher(model, Previews(tools.library), tools.previews, tell, turns)
    studio = Studio(task, model, tools, tell, watcher, source)
    for batch in batches(request, saved):
        tell.batch = batch.number
        turns.begin_picture()
        try:
            with seamless(model, request.tiling):
                for index, image in zip(batch.indexes, studio.make(batch), strict=True):
                    if index not in saved:
                        finished = extended(image, task, index, tools, tell)
                        said = facts.model_copy(update={"batched_with": turns.together - 1})
                        turns.aside(partial(save, finished, task, index, said, tools, tell))
                        saved.add(index)
        except SkipBatch:
            continue
