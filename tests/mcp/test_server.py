"""The tools over HTTP and over stdio, with the official client: pictures, progress, cancelling, errors, resources."""

import asyncio
import base64
import io
import json
import sys
from contextlib import contextmanager

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from PIL import Image

from tests.api.conftest import ROOT, finished, server  # noqa: F401 - a fixture
from webui.client import Client as Darkroom

GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
SMALL = {"width": 64, "height": 64, "options": {"steps": 2, "checkpoint": "tiny"}}


def run(use, address) -> None:
    async def main() -> None:
        async with Client(address) as client:
            await use(client)

    asyncio.run(main())


def pictures(result) -> list[Image.Image]:
    assert not result.is_error, result.content
    return [Image.open(io.BytesIO(base64.b64decode(each.data))) for each in result.content if each.type == "image"]


def said(result) -> str:
    return " ".join(each.text for each in result.content if each.type == "text")


def picture_id(result) -> str:
    return said(result).split("id ")[1].split(",")[0]


def test_make_change_vary_and_enlarge(server):  # noqa: F811
    async def use(client) -> None:
        assert {"generate", "edit", "inpaint", "upscale", "vary", "find_pictures", "list_models"} <= {
            tool.name for tool in (await client.list_tools()).tools
        }
        made = await client.call_tool("generate", {"prompt": "a mcp apple", "count": 2, **SMALL})
        assert [each.size for each in pictures(made)] == [(64, 64)] * 2
        start = picture_id(made)
        assert pictures(await client.call_tool("edit", {"image": start, "prompt": "a pear"}))
        assert pictures(await client.call_tool("vary", {"image": start}))
        stream = io.BytesIO()
        Image.new("RGB", (64, 64), "white").save(stream, "PNG")
        mask = base64.b64encode(stream.getvalue()).decode()
        assert pictures(await client.call_tool("inpaint", {"image": start, "mask": mask, "prompt": "a pear"}))
        assert pictures(await client.call_tool("upscale", {"image": start, "scale": 3}))[0].size == (192, 192)
        assert start in said(await client.call_tool("find_pictures", {"search": "mcp apple"}))
        assert "tiny" in said(await client.call_tool("list_models", {}))
        assert (await client.call_tool("show_picture", {"image": start})).content[0].type == "image"

    run(use, f"{server.url}/mcp")


def test_progress_is_told(server):  # noqa: F811
    async def use(client) -> None:
        told = asyncio.Event()

        async def hear(progress, total, message) -> None:
            assert 0 < progress <= total and "1/2" in message
            told.set()

        call = asyncio.ensure_future(client.call_tool("generate", {"prompt": "never told", **SMALL}, progress_callback=hear))
        await told.wait()
        call.cancel()

    run(use, f"{server.url}/mcp")


def test_a_call_that_is_cancelled_stops_its_job(server):  # noqa: F811
    async def use(client) -> None:
        call = asyncio.ensure_future(client.call_tool("generate", {"prompt": "never mcp", **SMALL}))
        queue = server.services.queue

        async def state() -> str:
            found = await asyncio.to_thread(queue.jobs, (), "", None, "never mcp")
            return found[-1].state if found else ""

        while await state() != "running":
            await asyncio.sleep(0.05)
        call.cancel()
        while await state() != "cancelled":
            await asyncio.sleep(0.05)

    run(use, f"{server.url}/mcp")


def test_bad_input_is_a_sentence(server):  # noqa: F811
    async def use(client) -> None:
        for tool, arguments, word in (
            ("generate", {"prompt": "a", "options": {"steps": -1}}, "steps"),
            ("generate", {"prompt": "a", "width": "wide"}, "width must be a whole number"),
            ("generate", {"prompt": "a", "count": 99}, "count"),
            ("generate", {}, "prompt"),
            ("generate", {"prompt": "a", "sampler": "Euler", "steps": 3}, "no argument 'sampler', 'steps'"),
            ("edit", {"image": "0" * 64, "prompt": "a", "denoising": 0.5}, "It has image, prompt, strength"),
            ("no_such_tool", {}, "no_such_tool"),
            ("generate", {"prompt": "fail", **SMALL}, "did not foresee"),
            ("edit", {"image": "#", "prompt": "a"}, "base64"),
            ("edit", {"image": base64.b64encode(b"<svg/>").decode(), "prompt": "a"}, "not a picture"),
            ("edit", {"image": "0" * 64, "prompt": "a"}, "not here any more"),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error and word in said(result), said(result)
            assert not any(each in said(result) for each in ("Traceback", "validation error", "pydantic", "input_value")), said(result)

    run(use, f"{server.url}/mcp")


def test_resources(server):  # noqa: F811
    async def use(client) -> None:
        made = await client.call_tool("generate", {"prompt": "a kept apple", **SMALL})
        listed = await client.read_resource("darkroom://gallery")
        assert picture_id(made) in listed.contents[0].text
        shown = await client.read_resource(f"darkroom://pictures/{picture_id(made)}")
        assert base64.b64decode(shown.contents[0].blob).startswith(b"\x89PNG") and shown.contents[0].mime_type == "image/png"
        with server.client() as http:
            stream = io.BytesIO()
            Image.new("RGB", (64, 64)).save(stream, "WEBP")
            uploaded = http.post("/api/v1/images", content=stream.getvalue()).json()["id"]
        assert (await client.read_resource(f"darkroom://pictures/{uploaded}")).contents[0].mime_type == "image/webp"
        found = (await client.list_resources()).resources
        assert str(found[0].uri) == "darkroom://gallery" and str(found[1].uri) == f"darkroom://pictures/{picture_id(made)}"
        templates = {each.uri_template for each in (await client.list_resource_templates()).resource_templates}
        assert templates == {"darkroom://gallery{?search}", "darkroom://pictures/{picture_id}"}

    run(use, f"{server.url}/mcp")


def test_resources_are_the_callers_and_come_in_pages(server, monkeypatch):  # noqa: F811
    def listed(http, cursor: str = "") -> dict:
        body = {"jsonrpc": "2.0", "id": 3, "method": "resources/list", "params": {"cursor": cursor} if cursor else {}}
        lines = http.post("/mcp", json=body).text.splitlines()
        return json.loads(next(line for line in lines if line.startswith("data: {")).removeprefix("data: "))

    monkeypatch.setattr("webui.mcp.protocol.PAGE", 2)
    with session(server, "rosa") as rosa, session(server, "sven") as sven:
        job = finished(rosa, rosa.post("/api/v1/jobs", json={"prompt": "a", "batch_count": 3, "width": 64, "height": 64}).json()["id"])
        made = {f"darkroom://pictures/{each['id']}" for each in job["images"]}
        first = listed(rosa)["result"]
        assert len(first["resources"]) == 3 and first["resources"][0]["uri"] == "darkroom://gallery"
        rest = listed(rosa, first["nextCursor"])["result"]
        assert len(rest["resources"]) == 1 and "nextCursor" not in rest
        assert {each["uri"] for each in (*first["resources"][1:], *rest["resources"])} == made
        assert [each["uri"] for each in listed(sven)["result"]["resources"]] == ["darkroom://gallery"]
        assert listed(rosa, "no such picture")["result"]["resources"] == []


@contextmanager
def session(server, owner: str):  # noqa: F811
    """A client within a session of MCP."""
    with server.client(owner, Accept="application/json, text/event-stream") as http:
        begun = http.post("/mcp", json=GREETING)
        http.headers["mcp-session-id"] = begun.headers["mcp-session-id"]
        http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}).raise_for_status()
        yield http


def test_a_session_is_its_persons_alone(server):  # noqa: F811
    """To others who name it there is none: not to listen, not to call, not to end it."""
    kinds = {"Accept": "application/json, text/event-stream"}
    with server.client(**{"X-Owner": "ann", **kinds}) as ann, server.client(**{"X-Owner": "ben", **kinds}) as ben:
        begun = ann.post("/mcp", json=GREETING)
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        assert ben.get("/mcp", headers=session).status_code == 404
        assert ben.post("/mcp", json=ping, headers=session).status_code == 404
        assert ben.delete("/mcp", headers=session).status_code == 404
        ann.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session).raise_for_status()
        assert ann.post("/mcp", json=ping, headers=session).status_code == 200
        assert ann.delete("/mcp", headers=session).status_code == 200


@pytest.mark.parametrize("owner", ["stdio user"])
def test_over_stdio(server, owner):  # noqa: F811
    command = ["-m", "webui", "mcp", "--server", server.url, "--owner", owner]

    async def use(client) -> None:
        assert pictures(await client.call_tool("generate", {"prompt": "a stdio apple", **SMALL}))

    run(use, StdioServerParameters(command=sys.executable, args=command, cwd=str(ROOT), env={"PYTHONPATH": str(ROOT)}))
    with Darkroom(server.url, owner=owner) as darkroom:
        assert darkroom.jobs("done", search="stdio")[0].owner == owner
