"""`webui.client` against a live server, waiting and awaited."""

import asyncio
import io
import subprocess
import sys

import pytest
from PIL import Image

from tests.api.conftest import server  # noqa: F401 - a fixture
from webui.client import AsyncClient, Client
from webui.core.request import GenerationRequest
from webui.errors import NotFound, RequestError, WebUIError

APPLE = {"prompt": "a red apple", "checkpoint": "tiny", "steps": 2, "width": 64, "height": 64}


@pytest.fixture
def darkroom(server):  # noqa: F811
    with Client(server.url, owner="client user") as client:
        yield client


def test_submit_follow_and_fetch(darkroom, tmp_path):
    job = darkroom.submit(GenerationRequest(**APPLE, seed=4), idempotency_key="one")
    assert darkroom.submit(GenerationRequest(**APPLE, seed=4), idempotency_key="one").id == job.id
    kinds = [event.kind for event in darkroom.follow(job.id)]
    assert kinds[0] == "queued" and kinds[-1] == "done" and "image" in kinds
    done = darkroom.job(job.id)
    assert done.has_ended and done.request.seed == 4 and done.mine
    with Image.open(darkroom.save(done.images[0], tmp_path / "apple.png")) as image:
        assert image.size == (64, 64)
    assert done.images[0].id in [each.id for each in darkroom.pictures(search="apple")]
    assert [each.id for each in darkroom.jobs("done", newest=True, limit=1)] == [job.id]


def test_start_from_a_picture(darkroom):
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "green").save(stream, "PNG")
    start = darkroom.upload(stream.getvalue())
    (made,) = darkroom.generate({**APPLE, "mode": "img2img", "init": start.id})
    assert made.startswith(b"\x89PNG")


def test_stop_and_try_again(darkroom):
    job = darkroom.submit({**APPLE, "prompt": "never"})
    assert darkroom.cancel(job.id).id == job.id
    assert [event.kind for event in darkroom.follow(job.id)][-1] == "cancelled"
    assert darkroom.retry(job.id).state in ("queued", "running")
    assert darkroom.cancel_all() == 1
    darkroom.wait(job.id)
    assert darkroom.again(job.id, new_seed=False).id != job.id
    darkroom.cancel_all()


AXES = [{"kind": "Prompt S/R", "values": "red, green"}, {"kind": "Seed", "values": [1, 2]}]


def test_a_grid_is_made_and_drawn(darkroom):
    made = darkroom.submit_grid(APPLE, AXES, title="Apples")
    assert (made.state, made.total, made.sides, made.cells) == ("active", 4, (2, 2, 1), ())
    done = darkroom.wait_grid(made.id)
    assert done.counts == {"done": 4} and {cell.images[0].seed for cell in done.cells} == {1, 2}
    assert {(cell.x, cell.y) for cell in done.cells} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    with Image.open(io.BytesIO(darkroom.grid_picture(made.id, format="webp", side=64))) as sheet:
        assert sheet.format == "WEBP" and sheet.width > 128
    assert [each.title for each in darkroom.grids(limit=1)] == ["Apples"]


def test_a_grid_is_stopped(darkroom):
    made = darkroom.submit_grid({**APPLE, "prompt": "never"}, AXES[1:])
    assert darkroom.cancel_grid(made.id).state == "cancelled"
    assert darkroom.wait_grid(made.id).state == "cancelled"
    with pytest.raises(NotFound):
        darkroom.grid("none-such")
    with pytest.raises(RequestError):
        darkroom.submit_grid(APPLE, [{"kind": "none-such", "values": "1"}])


def test_a_grid_is_awaited(server):  # noqa: F811
    async def act() -> None:
        async with AsyncClient(server.url, owner="client user") as client:
            made = await client.submit_grid(APPLE, AXES[1:], new_seeds=True)
            done = await client.wait_grid(made.id)
            assert len(done.cells) == 2 and (await client.grid_picture(made.id)).startswith(b"\x89PNG")
            assert made.id in [each.id for each in await client.grids()]

    asyncio.run(act())


def test_errors_are_darkrooms_own(darkroom, server):  # noqa: F811
    with pytest.raises(RequestError) as caught:
        darkroom.submit({"steps": -1})
    assert caught.value.field == "steps"
    with pytest.raises(NotFound):
        darkroom.job("none-such")
    with pytest.raises(WebUIError, match="did not foresee"):
        darkroom.generate({**APPLE, "prompt": "fail"})
    with Client("http://127.0.0.1:1") as nobody, pytest.raises(WebUIError, match="does not answer"):
        nobody.queue()
    assert darkroom.capabilities()["samplers"] and "waiting" in darkroom.queue()


def test_awaited(server):  # noqa: F811
    async def make() -> list[bytes]:
        async with AsyncClient(server.url, owner="client user") as darkroom:
            assert (await darkroom.capabilities())["samplers"]
            with pytest.raises(NotFound):
                await darkroom.job("none-such")
            made = await asyncio.gather(*(darkroom.generate({**APPLE, "seed": seed}) for seed in range(3)))
            return [each for pictures in made for each in pictures]

    assert len(set(asyncio.run(make()))) == 3


def test_it_loads_no_torch_and_no_server():
    code = "import sys, webui.client; print([name for name in ('torch', 'fastapi', 'gradio', 'sqlalchemy') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
