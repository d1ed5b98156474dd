"""Pictures over the API: found, marked, binned, put together and packed, many at once, and only one's own."""

import gzip
import io
import struct
import zipfile

import pytest

from tests.api.conftest import finished


@pytest.fixture(scope="module")
def made(server):
    """Somebody with four pictures, oldest first."""
    with server.client("sheet maker") as client:
        ids = []
        for prompt, steps in (("a red apple", 3), ("a green apple", 3), ("a castle", 4), ("a castle at dawn", 4)):
            job = client.post("/api/v1/jobs", json={"prompt": prompt, "steps": steps, "seed": 7}).json()
            ids += [image["id"] for image in finished(client, job["id"])["images"]]
        yield client, ids


def found(client, **query):
    answer = client.get("/api/v1/images", params=query)
    assert answer.status_code == 200, answer.text
    return [image["id"] for image in answer.json()["images"]]


def test_pictures_are_found_by_a_query(made):
    client, ids = made
    assert found(client, q="apple") == ids[1::-1] and found(client, search="apple green") == [ids[1]]
    assert found(client, q="castle steps:4", sort="oldest") == ids[2:] and found(client, q="-apple", limit=1, after=ids[3]) == [ids[2]]
    first = client.get("/api/v1/images", params={"q": "red"}).json()["images"][0]
    assert first["number"] > 0 and (first["rating"], first["flag"]) == (0, 0) and first["session"] <= first["number"]
    one = client.get(f"/api/v1/images/{ids[0]}/request").json()
    assert one["number"] == first["number"]
    both = client.get("/api/v1/images/numbered", params={"numbers": f"{first['number']},999999"}).json()
    assert [image["id"] for image in both["images"]] == [ids[0]]


def test_the_layout_is_small_and_pressed(made):
    client, ids = made
    answer = client.get("/api/v1/images/layout")
    assert answer.headers["content-encoding"] == "gzip" and struct.unpack_from("<I", answer.content)[0] >= 4
    plain = client.get("/api/v1/images/layout", headers={"Accept-Encoding": "identity"}, params={"q": "apple"})
    assert "content-encoding" not in plain.headers and struct.unpack_from("<I", plain.content) == (2,) and len(plain.content) == 18
    assert gzip.compress(answer.content)


def test_a_layout_that_is_known_is_not_sent_again(made):
    client, ids = made
    known = {"If-None-Match": client.get("/api/v1/images/layout").headers["etag"]}
    again = client.get("/api/v1/images/layout", headers=known)
    assert again.status_code == 304 and again.content == b""
    client.patch("/api/v1/images", json={"ids": [ids[0]], "trashed": True})
    assert client.get("/api/v1/images/layout", headers=known).status_code == 200
    client.patch("/api/v1/images", json={"ids": [ids[0]], "trashed": False})


def test_what_a_query_lacks_is_told(made):
    client, ids = made
    answer = client.get("/api/v1/images/count", params={"q": "apple rated>3"}).json()
    assert answer == {"total": 0, "nearest": {"without": "rated>3", "query": "apple", "count": 2}}
    assert client.get("/api/v1/images/count").json()["nearest"] is None
    assert {"text": "steps:", "count": None} in client.get("/api/v1/images/suggest", params={"q": "owl ste"}).json()["suggestions"]


@pytest.mark.parametrize("path", ["/api/v1/images", "/api/v1/images/layout", "/api/v1/images/count", "/api/v1/images/months"])
def test_what_is_no_query_is_said(made, path):
    client, _ = made
    answer = client.get(path, params={"q": "modle:x"})
    assert answer.status_code == 422 and answer.json()["field"] == "q" and "Did you mean" in answer.json()["message"]


def test_marks_by_ids_and_by_query_and_back(made):
    client, ids = made
    done = client.patch("/api/v1/images", json={"q": "castle", "rating": 5, "flag": 1}).json()
    assert sorted(done["ids"]) == sorted(ids[2:]) and found(client, q="kept rated:5") == ids[:1:-1]
    client.patch("/api/v1/images", json={"ids": [ids[0]], "rating": 3})
    assert found(client, sort="rating")[:3] == [ids[3], ids[2], ids[0]]
    assert client.post(f"/api/v1/images/undo/{done['undo']}").json()["ids"]
    assert found(client, q="kept") == [] and client.post(f"/api/v1/images/undo/{done['undo']}").status_code == 404


def test_all_that_a_query_finds_but_for_some(made):
    client, ids = made
    done = client.patch("/api/v1/images", json={"q": "castle", "without": [ids[2], "unknown"], "flag": 1}).json()
    assert done["ids"] == [ids[3]] and client.post(f"/api/v1/images/undo/{done['undo']}").json()["ids"] == [ids[3]]


def test_the_bin_restores_and_deletes_for_good(made):
    client, ids = made
    gone = client.patch("/api/v1/images", json={"ids": ids[:2], "trashed": True}).json()
    assert found(client, q="apple") == [] and set(found(client, place="bin")) == set(ids[:2])
    assert client.get(f"/api/v1/images/{ids[0]}").status_code == 404
    client.post(f"/api/v1/images/undo/{gone['undo']}")
    assert found(client, q="apple") == ids[1::-1] and client.get(f"/api/v1/images/{ids[0]}").status_code == 200
    job = finished(client, client.post("/api/v1/jobs", json={"prompt": "to be gone"}).json()["id"])
    last = job["images"][0]["id"]
    client.get(f"/api/v1/images/{last}/thumb")
    assert client.post("/api/v1/images/purge", json={"ids": [last]}).json()["ids"] == []
    client.patch("/api/v1/images", json={"ids": [last], "trashed": True})
    assert client.post("/api/v1/images/purge", json={"q": ""}).json()["ids"] == [last]
    assert found(client, place="bin") == [] and client.post(f"/api/v1/images/{last}/restore").status_code == 404


def test_collections_and_saved_searches(made):
    client, ids = made
    client.patch("/api/v1/images", json={"ids": ids[1:3], "collection": "Best of"})
    assert client.post("/api/v1/collections", json={"name": "castles", "query": "castle -dawn"}).status_code == 201
    listed = client.get("/api/v1/collections").json()["collections"]
    assert [(each["name"], each["count"]) for each in listed] == [("Best of", 2), ("castles", 0)]
    assert found(client, q='collection:"best of"') == [ids[2], ids[1]] and found(client, q="collection:castles") == [ids[2]]
    refused = client.patch("/api/v1/images", json={"ids": ids, "collection": "castles"})
    assert refused.status_code == 409 and "saved search" in refused.json()["message"]
    assert client.post("/api/v1/collections", json={"name": "x", "query": "modle:1"}).status_code == 422
    for each in listed:
        client.delete(f"/api/v1/collections/{each['number']}")
    assert client.get("/api/v1/collections").json() == {"collections": []}


def test_pictures_as_an_archive(made):
    client, ids = made
    answer = client.post("/api/v1/images/zip", json={"ids": ids})
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "application/zip" and packed.testzip() is None and len(packed.namelist()) == 4
    assert packed.read(packed.namelist()[0]) == client.get(f"/api/v1/images/{ids[0]}").content


def test_others_are_not_reached(made, server):
    _, ids = made
    with server.client("somebody else") as other:
        assert found(other) == [] and other.patch("/api/v1/images", json={"ids": ids, "trashed": True}).json()["ids"] == []
        assert other.patch("/api/v1/images", json={"q": "apple", "rating": 1}).json()["ids"] == []
        assert zipfile.ZipFile(io.BytesIO(other.post("/api/v1/images/zip", json={"ids": ids}).content)).namelist() == []
        assert other.get("/api/v1/images/sessions", params={"numbers": "1,2,3"}).json() == {"sessions": []}


NONSENSE = [{}, {"ids": [], "q": ""}, {"ids": ["x"]}, {"ids": ["x"], "rating": 9}, {"ids": 5}, {"q": "modle:x", "rating": 1}]


@pytest.mark.parametrize("body", NONSENSE)
def test_a_change_that_makes_no_sense_is_refused(made, body):
    client, _ = made
    answer = client.patch("/api/v1/images", json=body)
    assert answer.status_code == 422 and answer.json()["message"]
