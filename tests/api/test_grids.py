"""Grids over the API, with a real engine process: made, followed, drawn, exported; and whose they are."""

import io

import pytest
from PIL import Image

from tests.waiting import until
from webui.api import bodies

REQUEST = {"prompt": "a red apple", "checkpoint": "tiny", "width": 64, "height": 64, "steps": 2}
WISH = {"request": REQUEST, "axes": [{"kind": "Prompt S/R", "values": "red, green"}, {"kind": "Seed", "values": "1-3"}], "title": "Apples"}


def ended(client, grid_id):
    return until(lambda: grid if (grid := client.get(f"/api/v1/grids/{grid_id}").json())["state"] != "active" else None)


@pytest.fixture(scope="module")
def grid(server):
    with server.client("ann") as client:
        made = client.post("/api/v1/grids", json=WISH)
        assert made.status_code == 201
        bodies.GridBody.model_validate_json(made.content)
        return ended(client, made.json()["id"])


def test_every_cell_becomes_a_picture_that_says_where_it_stood(server, grid):
    bodies.GridWithCells.model_validate(grid)
    assert (grid["total"], grid["sides"], grid["counts"]) == (6, [2, 3, 1], {"done": 6})
    assert {cell["images"][0]["seed"] for cell in grid["cells"]} == {1, 2, 3}
    with server.client("ann") as client:
        job = client.get(f"/api/v1/jobs/{grid['cells'][0]['job_id']}").json()
        assert job["grid"]["labels"] == ["Prompt S/R: red", "Seed: 1"] and job["grid"]["title"] == "Apples"


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_the_labelled_picture(server, grid, format):
    with server.client("ann") as client:
        answer = client.get(f"/api/v1/grids/{grid['id']}/picture", params={"format": format, "side": 64})
        assert answer.headers["content-type"] == f"image/{format}"
        drawn = Image.open(io.BytesIO(answer.content))
        assert drawn.width > 2 * 64 and drawn.height > 3 * 64
        if format == "png":
            assert 'Script: X/Y/Z plot, X Type: Prompt S/R, X Values: "red, green", Y Type: Seed' in drawn.text["parameters"]


def test_an_export_and_a_list(server, grid):
    with server.client("ann") as client:
        exported = client.get(f"/api/v1/grids/{grid['id']}/export")
        assert "attachment" in exported.headers["content-disposition"] and len(exported.json()["cells"]) == 6
        found = client.get("/api/v1/grids")
        bodies.GridList.model_validate_json(found.content)
        assert grid["id"] in {each["id"] for each in found.json()["grids"]}


def test_values_added_and_a_grid_stopped(server):
    with server.client("ann") as client:
        made = client.post("/api/v1/grids", json={"request": REQUEST, "axes": [{"kind": "seed", "values": [1]}]}).json()
        assert ended(client, made["id"])["counts"] == {"done": 1}
        more = client.post(f"/api/v1/grids/{made['id']}/values", json={"axis": "x", "values": "1-3"})
        assert more.status_code == 201 and more.json()["total"] == 3
        assert ended(client, made["id"])["counts"] == {"done": 3}
        never = {"request": {**REQUEST, "prompt": "never"}, "axes": [{"kind": "seed", "values": "1-100"}]}
        endless = client.post("/api/v1/grids", json=never).json()
        assert client.delete(f"/api/v1/grids/{endless['id']}").json()["state"] == "cancelled"
        until(lambda: client.get(f"/api/v1/grids/{endless['id']}").json()["counts"] == {"cancelled": 100})
        refused = client.post(f"/api/v1/grids/{endless['id']}/values", json={"values": "101"})
        assert refused.status_code == 409


def test_others_do_not_see_it(server, grid):
    with server.client("bob", **{"X-Forwarded-For": ""}) as client:
        mine = {each["id"] for each in client.get("/api/v1/grids").json()["grids"]}
        seen = client.get(f"/api/v1/grids/{grid['id']}").status_code
        assert (seen, grid["id"] in mine) in ((404, False), (200, True))  # who runs this Darkroom sees all


def test_a_folder_s_pictures_are_a_grid_whose_pictures_move(server, tmp_path):
    for number in range(2):
        Image.new("RGB", (64, 64), (number * 90, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("x")
    body = {"folder": str(tmp_path), "request": {"prompt": "a fox", "checkpoint": "tiny", "steps": 2, "seed": 3}}
    with server.client() as client:
        answer = client.post("/api/v1/grids/folder", json=body)
        made = bodies.GridOfFolder.model_validate_json(answer.content)
        assert answer.status_code == 201 and [each.name for each in made.passed_over] == ["notes.txt"]
        grid = ended(client, made.id)
        assert grid["counts"] == {"done": 2} and grid["axes"][0]["labels"] == ["0.png", "1.png"]
        job = client.get(f"/api/v1/jobs/{grid['cells'][1]['job_id']}").json()
        assert job["request"]["mode"] == "img2img" and job["grid"]["labels"] == ["Pictures: 1.png"]
        moving = client.get(f"/api/v1/grids/{made.id}/animation", params={"format": "gif", "side": 32})
        with Image.open(io.BytesIO(moving.content)) as image:
            assert (moving.headers["content-type"], image.size) == ("image/gif", (32, 32))
        refused = client.post("/api/v1/grids/folder", json=body | {"folder": "pictures"})
        assert refused.status_code == 422 and refused.json()["field"] == "folder"
    with server.client("guest two") as client:
        assert client.post("/api/v1/grids/folder", json=body).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "axes"),
        ({"axes": []}, "axes"),
        ({"axes": [{"kind": "seed"}] * 4}, "axes"),
        ({"axes": [{"kind": "seed", "values": "1-1000"}, {"kind": "steps", "values": "1-1000"}]}, "axes"),
        ({"axes": [{"kind": "nonsense", "values": "1"}]}, "axes.0.kind"),
        ({"axes": [{"kind": "steps", "values": "x"}]}, "axes.0.values"),
        ({"axes": [{"kind": "steps", "values": {"a": 1}}]}, "axes.0.values"),
        ({"request": {"nonsense": 1}, "axes": [{"kind": "seed", "values": "1"}]}, "nonsense"),
    ],
)
def test_bad_input_is_a_sentence(server, body, field):
    with server.client() as client:
        for route in ("/api/v1/grids", "/api/v1/grids/count"):
            answer = client.post(route, json=body)
            assert answer.status_code == 422 and answer.json()["field"].startswith(field), answer.text
            assert answer.json()["message"][-1] in ".?"


def test_counting_makes_nothing(server):
    with server.client("cid") as client:
        answer = client.post("/api/v1/grids/count", json=WISH)
        bodies.GridCount.model_validate_json(answer.content)
        assert answer.json()["cells"] == 6 and not [each for each in client.get("/api/v1/grids").json()["grids"] if each["owner"] == "cid"]
        bodies.AxisKinds.model_validate_json(client.get("/api/v1/grids/axes").content)


def test_unknown_ones_are_not_found(server):
    with server.client() as client:
        for path in ("x", "x/picture", "x/export"):
            assert client.get(f"/api/v1/grids/{path}").status_code == 404
        assert client.delete("/api/v1/grids/x").status_code == 404
