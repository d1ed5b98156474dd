"""The detailer: regions that a detector finds, painted again one after the other. No torch: the engine paints, see `FinishRun.repaint`."""

from PIL import Image

from webui.core.detail import DetailStep, worded
from webui.errors import RequestError
from webui.images.finishing import on_colors
from webui.images.regions import Chosen, choose, given
from webui.plugins.types import FinishRun


def detail(image: Image.Image, step: DetailStep, run: FinishRun) -> Image.Image:
    """Paint each region again. A detector that fails leaves the picture as it is and a note: the picture is made already."""
    return on_colors(image, lambda plain: _detailed(plain, step, run))


def _detailed(image: Image.Image, step: DetailStep, run: FinishRun) -> Image.Image:
    chosen = _chosen(image, step, run)
    for note in chosen.notes:
        run.note(note)
    prompts, negatives = step.prompts, step.negative_prompts
    for number, mask in enumerate(chosen.masks):
        run.progress(number, len(chosen.masks))
        prompt = worded(prompts, number, run.request.prompt)
        negative = worded(negatives, number, run.request.negative_prompt)
        if prompt is None:
            continue
        one = step.model_copy(update={"prompt": prompt, "negative_prompt": negative or ""})
        image = run.repaint(image, mask, one, number)
    return image


def _chosen(image: Image.Image, step: DetailStep, run: FinishRun) -> Chosen:
    if step.regions:
        return choose(given(step), image.size, step)
    try:
        found = run.off_device(lambda: run.detect(image, step.detector, step.confidence))
    except RequestError as error:
        return Chosen((), (), (f"Made without the step Detail: {error.message}",))
    return choose(found, image.size, step)
