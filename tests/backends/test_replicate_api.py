"""`generate --where replicate` against a server that was written from Replicate's reference, beside Replicate's own client."""

import io

import pytest
from PIL import Image

from tests.backends.conftest import Desk
from tests.backends.replicate_api import STATES, VERSION, Api, problem
from tests.backends.servers import png
from tests.waiting import until
from webui.cli import main

FLUX, OWN = "black-forest-labs/flux-schnell", "acme/fox"
WISH = {"prompt": "a red apple", "aspect_ratio": "1:1", "num_inference_steps": 4, "seed": 7, "output_format": "png"}
THROTTLED = problem(429, "Too many requests", "Request was throttled. Expected available in 1 second.", **{"Retry-After": "0"})


@pytest.fixture
def api(monkeypatch):
    api = Api()
    api.states = ["processing"]  # the command line looks after half a second, and then ever seldomer
    monkeypatch.setenv("REPLICATE_BASE_URL", api.url)
    monkeypatch.setenv("REPLICATE_API_TOKEN", api.token)
    yield api
    api.close()


@pytest.fixture
def desk(tmp_path, api):
    desk = Desk(tmp_path, {"REPLICATE_BASE_URL": api.url, "REPLICATE_API_TOKEN": api.token})
    yield desk
    desk.close()


@pytest.fixture
def official(api):
    """Replicate's own client (1.0.7), which has no part for newer Pythons."""
    replicate = pytest.importorskip("replicate.client")
    client = replicate.Client(api_token=api.token, base_url=api.url)
    client.poll_interval = 0.01
    return client


def generate(folder, model, *words):
    target = folder / "out.png"
    words = (*words, "--seed", "7", "--data-dir", str(folder))
    return main(["generate", "--where", "replicate", "--checkpoint", model, "a red apple", "-o", str(target), *words])


def is_made(folder) -> bool:
    with Image.open(folder / "out.png") as image:
        return image.getpixel((3, 3)) == (10, 200, 30)


@pytest.mark.parametrize("output", ["list", "string", "data", "data list"])
def test_an_official_model_by_its_name_alone(api, tmp_path, output):
    api.output, api.states = output, STATES if output == "list" else api.states
    assert generate(tmp_path, FLUX) == 0 and is_made(tmp_path)
    assert api.sent("POST") == [(f"/v1/models/{FLUX}/predictions", {"input": WISH})]


@pytest.mark.parametrize(("model", "version"), [(OWN, VERSION), (f"{OWN}:{VERSION[::-1]}", VERSION[::-1])])
def test_a_model_that_is_not_official_by_its_version(api, tmp_path, model, version):
    api.official = False
    assert generate(tmp_path, model) == 0 and is_made(tmp_path)
    assert api.sent("POST") == [("/v1/predictions", {"version": version, "input": WISH})]


@pytest.mark.parametrize(
    "change",
    [
        {"states": ["starting"] * 40 + STATES},
        {"states": [], "created": 202},
        {"states": ["queued", "a new word"]},
        {"refusals": [THROTTLED, problem(503, "Unavailable", "", **{"Retry-After": "0"})]},
        {"slow_down": [THROTTLED, problem(502, "Bad gateway", "", **{"Retry-After": "0"})]},
    ],
)
def test_what_takes_longer_is_waited_for_and_paid_once(api, desk, change):
    vars(api).update(change)
    job = desk.made(checkpoint=FLUX)
    assert job.state == "done", job.error
    assert len(api.made) == 1


@pytest.mark.parametrize("given", ["/", "/v1", "/v1/"])
def test_the_address_may_end_as_one_likes(api, tmp_path, monkeypatch, given):
    monkeypatch.setenv("REPLICATE_BASE_URL", api.url + given)
    assert generate(tmp_path, FLUX) == 0 and is_made(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outcome": "failed", "error": "NSFW content detected. Try running it again."}, "NSFW content detected."),
        ({"outcome": "failed"}, "Replicate"),
        ({"outcome": "canceled"}, "stopped"),
        ({"outcome": "aborted", "error": "Prediction was aborted before it started"}, "aborted before it started"),
        ({"output": "none"}, "no picture"),
        ({"output": "none", "removed": True}, "keeps what its API makes for an hour"),
        ({"output": "empty"}, "no picture"),
        ({"output": "words"}, "no picture"),
        ({"refusals": [problem(402, "Insufficient credit", "You have insufficient credit to run this model.")]}, "insufficient credit"),
        ({"refusals": [problem(403, "Forbidden", "This model is yours alone.")]}, "This model is yours alone"),
        (
            {"refusals": [problem(422, "Input validation failed", "- input.prompt: Must not be empty\n")]},
            "input.prompt: Must not be empty",
        ),
        ({"token": "r8_another"}, "REPLICATE_API_TOKEN"),
    ],
)
def test_what_makes_no_picture_is_a_sentence(api, tmp_path, capsys, change, said):
    vars(api).update(change)
    assert generate(tmp_path, FLUX) != 0 and not (tmp_path / "out.png").exists()
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told, told
    assert len(api.made) <= 1


def test_the_official_client_asks_the_same(api, desk, official):
    """What we send beside what Replicate's own client sends for the same wish: paths, bodies, and who asks."""
    job = desk.made(checkpoint=FLUX, seed=7)
    assert job.state == "done", job.error
    made = official.models.predictions.create(FLUX, dict(WISH))
    made.wait()
    assert made.status == "succeeded" and made.output[0].startswith(api.url), "their client understands this server"
    api.official = False
    assert desk.made(checkpoint=f"{OWN}:{VERSION}", seed=7).state == "done"
    official.predictions.create(version=VERSION, input=dict(WISH)).wait()
    ours, theirs, ours_pinned, theirs_pinned = api.sent("POST")
    assert ours == theirs and ours_pinned == theirs_pinned
    paths = [{path for method, path, headers, _ in api.asked if method == "GET" and is_ours(headers) is own} for own in (True, False)]
    looked = [{path for path in some if path.startswith("/v1/predictions/")} for some in paths]
    assert len(looked[0]) == len(looked[1]) == 2, "each looks at its own two, by the same address"
    assert {headers["Authorization"] for _, path, headers, _ in api.asked if path.startswith("/v1")} == {f"Bearer {api.token}"}


def is_ours(headers) -> bool:
    return headers["User-Agent"].startswith("darkroom/")


def test_a_start_picture_and_a_stop_go_as_the_official_client_has_them(api, desk, official):
    noise = Image.effect_noise((900, 900), 90)
    stream = io.BytesIO()
    noise.save(stream, "PNG")
    for data in (png(), stream.getvalue()):
        start = desk.gallery.upload(data, "local")
        assert desk.made(checkpoint=FLUX, mode="img2img", init=start.id, seed=7).state == "done"
    small, large = (body["input"]["image"] for path, body in calls_with_json(api))
    kept = desk.file(desk.gallery.upload(stream.getvalue(), "local").id)
    assert small.startswith("data:image/png;base64,") and large == f"{api.url}/v1/files/file1"
    assert official.files.create(io.BytesIO(kept)).urls["get"] == f"{api.url}/v1/files/file2"
    assert [parts(data)["content"] for data in api.uploads] == [kept] * 2, "byte for byte, in the same field"
    api.states = ["processing"] * 100_000
    job = desk.submit(checkpoint=FLUX)
    until(lambda: len(api.made) == 3)
    desk.queue.cancel(job.id)
    desk.wait(job, "cancelled")
    theirs = official.models.predictions.create(FLUX, dict(WISH))
    theirs.cancel()
    until(lambda: len(stops(api)) == 2)
    assert {path.partition("q2dw")[0] for path in stops(api)} == {"/v1/predictions/"}


def stops(api) -> list[str]:
    return [path for method, path, _, _ in api.asked if method == "POST" and path.endswith("/cancel")]


def calls_with_json(api):
    return [call for call in api.sent("POST", "/v1/models/")]


def parts(data: bytes) -> dict[str, bytes]:
    from tests.backends.provider_servers import fields_of

    return fields_of(data)
