"""/api/v1/regions and /api/v1/detectors: what would be painted again, before anything is."""

import base64
import io

import pytest
from PIL import Image

from tests.api.conftest import finished
from tests.faces import PLACES, SIDE, four_faces

pytest.importorskip("cv2")


@pytest.fixture
def client(server):
    with server.client("fay") as client:
        yield client


@pytest.fixture
def faces(client):
    data = io.BytesIO()
    four_faces().save(data, "PNG")
    return client.post("/api/v1/images", content=data.getvalue()).json()["id"]


def test_the_regions_of_a_picture_with_their_masks(client, faces):
    told = client.post("/api/v1/regions", json={"image": faces, "step": {"kind": "detail", "limit": 3}, "masks": True}).json()
    assert (told["width"], told["height"], len(told["regions"]), len(told["masks"])) == (512, 512, 3, 3)
    lefts = [region["box"][0] for region in told["regions"]]
    assert lefts == sorted(lefts) and all(region["label"] == "face" for region in told["regions"])
    with Image.open(io.BytesIO(base64.b64decode(told["masks"][0]))) as mask:
        assert mask.size == (512, 512) and mask.mode == "L" and mask.getextrema() == (0, 255)
    all_four = client.post("/api/v1/regions", json={"image": faces}).json()
    assert len(all_four["regions"]) == len(PLACES) and all_four["masks"] == [] and SIDE / 2 < all_four["regions"][0]["box"][2]


def test_nothing_found_is_a_note(client, faces):
    told = client.post("/api/v1/regions", json={"image": faces, "step": {"kind": "detail", "confidence": 1}}).json()
    assert told["regions"] == [] and "found nothing" in told["notes"][0]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"image": "0" * 64}, 404, ""),
        ({"step": {"kind": "detail", "detector": "nobody"}}, 422, "no detector named 'nobody'"),
        ({"step": {"kind": "grain"}}, 422, ""),
        ({"step": {"kind": "detail", "regions": [[5, 5, 5, 9]]}}, 422, "left, top, right, bottom"),
    ],
)
def test_what_cannot_be_told_is_refused(client, faces, body, status, words):
    answer = client.post("/api/v1/regions", json={"image": faces} | body)
    assert answer.status_code == status and words in answer.text


def test_anothers_results_are_not_looked_at(server, client):
    made = finished(client, client.post("/api/v1/jobs", json={"prompt": "a fox", "width": 64, "height": 64}).json()["id"])["images"][0]
    with server.client("gus") as other:
        assert other.get(made["url"]).status_code == other.post("/api/v1/regions", json={"image": made["id"]}).status_code
    assert client.post("/api/v1/regions", json={"image": made["id"]}).status_code == 200


def test_detectors_and_what_is_refused(server, client):
    folder = server.settings.models_dirs[0] / "adetailer"
    folder.mkdir(exist_ok=True)
    (folder / "hand.pt").write_bytes(b"pickled")
    (folder / "hand_yolo.onnx").write_bytes(b"no network")
    server.services.library.scan()
    told = client.get("/api/v1/detectors").json()
    assert told["detectors"][:1] == ["Face"] and "hand_yolo" in told["detectors"]
    assert "AGPL" in told["refused"]["hand.pt"] and "yolo export model=hand.pt format=onnx" in told["refused"]["hand.pt"]


def test_a_job_of_extras_gets_a_step_with_nothing_left_to_choose(client, faces):
    answer = client.post("/api/v1/extras", json={"images": [faces], "finish": [{"kind": "detail", "prompt": "a face"}]})
    assert answer.status_code == 201, answer.text
    [step] = answer.json()["jobs"][0]["request"]["finish"]
    assert all(step[name] for name in ("checkpoint", "sampler", "schedule", "width", "height", "steps", "guidance"))
    wrong = client.post("/api/v1/extras", json={"images": [faces], "finish": [{"kind": "detail", "sampler": "nobody"}]})
    assert wrong.status_code == 422 and "no sampler named 'nobody'" in wrong.text
