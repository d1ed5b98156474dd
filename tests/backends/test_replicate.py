"""Replicate's extension against a server that speaks its published API: pictures, refusals, faults; nothing is paid twice."""

import pytest
from PIL import Image

from tests.backends.servers import bomb, png
from tests.waiting import until
from webui.errors import PaysAgain, RequestError
from webui.images.metadata import read_metadata


def picture(desk, job, number=0):
    return desk.settings.data_dir / job.images[number].path


def test_a_picture_is_made_saved_and_says_where_it_is_from(desk, replicate):
    job = desk.made(negative_prompt="blur", steps=12, guidance=4.5, seed=7, width=256, height=128)
    assert job.state == "done", job.error
    assert replicate.bodies == [
        {
            "version": replicate.version,
            "input": {
                "prompt": "a red apple",
                "negative_prompt": "blur",
                "width": 256,
                "height": 128,
                "num_inference_steps": 12,
                "guidance_scale": 4.5,
                "seed": 7,
                "scheduler": "K_EULER",
                "output_format": "png",
            },
        }
    ]
    with Image.open(picture(desk, job)) as image:
        assert image.size == (64, 64) and image.getpixel((3, 3)) == (200, 30, 30)
        assert "Where: replicate" in image.info["parameters"] and "Model: stability-ai/sdxl" in image.info["parameters"]
    assert read_metadata(picture(desk, job)).fields["where"] == "replicate"


def test_what_the_model_does_not_use_is_left_out_and_told(desk, replicate):
    job = desk.made(clip_skip=2, tiling=True, extras={"film_grain": {"amount": 1}})
    assert job.state == "done"
    assert job.notes == ("Replicate does not use: Clip skip, Tiling, Extension values. Left out.",)
    assert job.notes[0] in job.images[0].notes
    assert "clip_skip" not in replicate.bodies[0]["input"]
    assert job.request.clip_skip == 1 and "Not used" in read_metadata(picture(desk, job)).text


def test_several_pictures_are_asked_for_at_once_as_far_as_the_model_goes(desk, replicate):
    job = desk.made(batch_count=3, batch_size=2, seed=10)
    assert [image.index for image in job.images] == [0, 1, 2, 3, 4, 5]
    assert [(body["input"]["num_outputs"], body["input"]["seed"]) for body in replicate.bodies] == [(4, 10), (2, 14)]


def test_options_of_the_model_are_passed_on_and_unknown_ones_refused(desk, replicate):
    assert desk.made(where_options='{"apply_watermark": false}').state == "done"
    assert replicate.bodies[0]["input"]["apply_watermark"] is False
    failed = desk.made(where_options='{"wobble": 1}')
    assert failed.state == "failed" and "has no input 'wobble'" in failed.error.message
    with pytest.raises(RequestError, match="no JSON object"):
        desk.submit(where_options="[1]")
    assert len(replicate.predictions) == 1


def test_a_picture_to_start_from_goes_along(desk, replicate):
    start = desk.gallery.upload(png((1, 2, 3)), "local")
    job = desk.made(mode="img2img", init=start.id, strength=0.4)
    assert job.state == "done", job.error
    sent = replicate.bodies[0]["input"]
    assert sent["image"].startswith("data:image/png;base64,") and sent["prompt_strength"] == 0.4 and "mask" not in sent


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"where": "nowhere"}, "where", "There is no place named 'nowhere'"),
        ({"checkpoint": "sdxl"}, "checkpoint", "Write owner/name"),
        ({"checkpoint": "who/nowhere"}, "checkpoint", "Replicate has no model who/nowhere"),
        ({"steps": 51}, "steps", "Sampling steps must be between 1 and 50 for Replicate's stability-ai/sdxl."),
        ({"width": 2048}, "width", "Width must be between 64 and 1024"),
        ({"sampler": "Euler a"}, "sampler", "There are: DDIM, K_EULER"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(desk, replicate, wrong, field, said):
    with pytest.raises(RequestError) as refused:
        desk.submit(**wrong)
    assert refused.value.field == field and said in str(refused.value)
    assert replicate.predictions == {}


def test_a_model_without_inputs_is_refused(desk, replicate):
    replicate.schema = {}
    with pytest.raises(RequestError, match="tells no inputs of stability-ai/sdxl"):
        desk.submit()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((401, {}, {"detail": "Invalid token."}), "Replicate does not take the key: Invalid token. Check REPLICATE_API_TOKEN."),
        ((402, {}, {"detail": "Monthly spend limit reached"}), "Replicate wants to be paid first: Monthly spend limit reached."),
        ((422, {}, {"detail": "- input.prompt: too rude"}), "Replicate refuses this: - input.prompt: too rude."),
        ((302, {"Location": "http://127.0.0.1:1/"}, {}), "sends on to another address, which is refused"),
        ((200, {}, b"<html>"), "The answer is not the JSON that was expected"),
    ],
)
def test_refusals_are_sentences_and_cost_nothing(desk, replicate, fault, said):
    replicate.faults = [fault]
    job = desk.made()
    assert job.state == "failed" and said in job.error.message, job.error
    assert job.cost == 0 and replicate.predictions == {}
    assert desk.wait(desk.queue.retry(job.id)).state == "done"


@pytest.mark.parametrize(
    "fault", [(429, {"Retry-After": "0"}, {"detail": "throttled"}), (500, {}, {}), (503, {"Retry-After": "0"}, {}), "cut"]
)
def test_a_fault_that_passes_is_waited_for(desk, replicate, fault):
    if isinstance(fault, tuple):
        fault = (fault[0], {"Retry-After": "0"}, fault[2])
    replicate.faults = [fault, fault]
    job = desk.made()
    assert job.state == "done", job.error
    assert len(replicate.predictions) == 1


def test_a_lost_answer_is_looked_for_and_not_paid_twice(desk, replicate):
    replicate.faults = ["cut after"]
    job = desk.made()
    assert job.state == "done", job.error
    assert len(replicate.predictions) == 1


def test_work_that_was_paid_for_and_cannot_be_used_stays_in_the_budget(desk, replicate):
    whole = replicate.file
    replicate.file = (200, {}, b"no picture")
    job = desk.made()
    assert job.state == "failed" and desk.parts.spent("local", 0) == 0.05 and not replicate.cancelled
    with pytest.raises(PaysAgain, match=r"about \$0.05, which counts in the budget"):
        desk.queue.retry(job.id)
    replicate.file = whole
    assert desk.wait(desk.queue.retry(job.id, pay_again=True)).state == "done"
    assert len(replicate.predictions) == 2 and desk.parts.spent("local", 0) == 0.1


def test_work_that_is_done_without_a_picture_was_paid_for(desk, replicate):
    replicate.output = "a fox, in words"
    job = desk.made()
    assert job.state == "failed" and desk.parts.spent("local", 0) == 0.05
    with pytest.raises(PaysAgain):
        desk.queue.retry(job.id)
    assert len(replicate.predictions) == 1


def test_those_who_follow_are_told_what_it_cost(desk, replicate):
    heard = []
    desk.queue.events.listen(heard.append)
    job = desk.made()
    assert until(lambda: [each.body["cost"] for each in heard if each.kind == "job" and each.job_id == job.id]) == [0.05]


def test_what_the_provider_has_refused_costs_nothing(desk, replicate):
    replicate.outcome, replicate.error = "failed", "NSFW content detected"
    job = desk.made()
    assert job.state == "failed" and desk.parts.spent("local", 0) == 0
    replicate.outcome = "succeeded"
    assert desk.wait(desk.queue.retry(job.id)).state == "done", "nobody is asked"


def test_two_equal_jobs_whose_answers_are_lost_each_find_their_own(desk, replicate):
    replicate.faults = ["cut after", "cut after"]
    jobs = [desk.submit(seed=5), desk.submit(seed=5)]
    assert [desk.wait(job).state for job in jobs] == ["done", "done"]
    assert len(replicate.predictions) == 2


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ((200, {"Content-Type": "text/html"}, b"<html>no picture</html>"), "not a picture we can use"),
        ((200, {}, bomb()), "million"),
        ((404, {}, {}), "has its picture no more"),
        ((302, {"Location": "http://127.0.0.1:9/secret"}, b""), "in a private network. That is refused."),
        ((302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""), "in a private network. That is refused."),
        ((302, {"Location": "http://93.184.215.14/x.png"}, b""), "without https. That is refused."),
        ((302, {"Location": "https://93.184.215.14/x.png"}, b""), "none of its own hosts. That is refused."),
        ((200, {"Content-Type": "image/png"}, png()[:60]), "cut off or broken"),
    ],
)
def test_a_result_that_is_none_fails_with_a_sentence(desk, replicate, file, said):
    replicate.file = file
    job = desk.made()
    assert job.state == "failed" and said in job.error.message, job.error


def test_a_refusal_by_the_filter_is_the_jobs_sentence(desk, replicate):
    replicate.outcome, replicate.error = "failed", "NSFW content detected. Try running it again, or try a different prompt."
    job = desk.made()
    assert job.state == "failed" and "Replicate made no picture: NSFW content detected." in job.error.message


def test_work_that_never_ends_is_given_up_and_stopped_there(desk, replicate):
    replicate.looks = -1
    desk.settings = desk.settings.model_copy(update={"backend_minutes": 0.002})
    job = desk.made()
    assert job.state == "failed" and "was not done after 0.002 minutes" in job.error.message
    assert replicate.cancelled == list(replicate.predictions)


def test_stop_stops_it_there(desk, replicate):
    replicate.looks = -1
    job = desk.submit()
    until(lambda: replicate.predictions and desk.parts.of(job.id) and desk.parts.of(job.id)[0].id)
    desk.queue.cancel(job.id)
    assert desk.wait(job).state == "cancelled"
    assert replicate.cancelled == list(replicate.predictions)


def test_a_restart_takes_up_what_was_sent(desk, replicate):
    replicate.looks = -1
    job = desk.submit()
    sent = until(lambda: next((part.id for part in desk.parts.of(job.id) if part.id), ""))
    desk.close()
    assert not replicate.cancelled
    replicate.left[sent] = 0
    desk.open()
    assert desk.wait(job).state == "done"
    assert len(replicate.predictions) == 1


def test_a_data_url_is_a_picture_too(desk, replicate):
    import base64

    replicate.output = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    assert desk.made().state == "done"


def test_a_template_gives_each_picture_its_own_prompt(desk, replicate):
    job = desk.made(prompt="a {red|red} apple", batch_count=2)
    assert job.state == "done", job.error
    assert [body["input"]["prompt"] for body in replicate.bodies] == ["a red apple", "a red apple"]
