"""ComfyUI's websocket tells a client of its own graphs, and is closed to whoever has no key."""

import contextlib
import json
import struct

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.api.comfy.test_graphs import usual
from tests.api.conftest import Server, server  # noqa: F401 - a fixture
from webui.api.connections import Patience
from webui.people.keys import ApiKeys

KEY = "the key of the door"


def socket(server, sid: str = "me", owner: str = "comfy socket", query: str = "", **headers: str):  # noqa: F811
    address = server.url.replace("http", "ws", 1) + f"/ws?clientId={sid}{query}"
    return connect(address, additional_headers={**({"X-Owner": owner} if owner else {}), **headers}, proxy=None)


def prompt(words: str, **inputs) -> dict:
    return usual(**{"6": {"class_type": "CLIPTextEncode", "inputs": {"text": words, "clip": ["4", 1]}}, **inputs})


def send(server, graph: dict, sid: str = "me", owner: str = "comfy socket") -> str:  # noqa: F811
    with server.client(owner=owner) as client:
        return client.post("/prompt", json={"prompt": graph, "client_id": sid}).json()["prompt_id"]


def heard(open_socket: ClientConnection, prompt_id: str, until: str) -> list[dict | bytes]:
    """What is said until a message of this kind about this prompt."""
    found: list[dict | bytes] = []
    while True:
        said = open_socket.recv(timeout=60)
        found.append(said if isinstance(said, bytes) else json.loads(said))
        last = found[-1]
        if isinstance(last, dict) and last["type"] == until and last["data"].get("prompt_id") == prompt_id:
            return found


def test_a_client_hears_how_its_graph_is_made(server):  # noqa: F811
    with socket(server) as mine:
        first = json.loads(mine.recv(timeout=60))
        assert first["type"] == "status" and first["data"]["sid"] == "me"
        assert set(first["data"]["status"]["exec_info"]) == {"queue_remaining"}
        prompt_id = send(server, prompt("a told apple"))
        said = heard(mine, prompt_id, "execution_success")
    texts = [each for each in said if isinstance(each, dict) and each["data"].get("prompt_id") == prompt_id]
    kinds = [each["type"] for each in texts]
    assert kinds[:2] == ["execution_start", "execution_cached"] and kinds[-1] == "execution_success"
    steps = [each["data"] for each in texts if each["type"] == "progress"]
    assert {(step["max"], step["node"]) for step in steps} == {(2, "3")} and {step["value"] for step in steps} == {1, 2}
    assert [each["data"]["node"] for each in texts if each["type"] == "executing"] == ["3", "9"]
    (saved,) = [each["data"] for each in texts if each["type"] == "executed"]
    assert saved["node"] == "9" and len(saved["output"]["images"]) == 2
    frames = [each for each in said if isinstance(each, bytes)]
    assert frames and struct.unpack(">II", frames[0][:8]) == (1, 1) and frames[0][8:].startswith(b"\xff\xd8")
    with server.client(owner="comfy socket") as client:
        assert client.get("/view", params=saved["output"]["images"][0]).status_code == 200


def test_nobody_hears_of_anothers_graph(server):  # noqa: F811
    """Neither another user, nor the same user's other client; a graph without a client's name is told to all of its user's."""
    with socket(server, "one") as one, socket(server, "two") as two, socket(server, "one", owner="another") as other:
        first = send(server, prompt("an apple of one"), "one")
        heard(one, first, "execution_success")
        last = send(server, prompt("an apple of all"), "")
        for each, prompts in ((one, {first, last}), (two, {last})):
            names = {said["data"].get("prompt_id") for said in heard(each, last, "execution_success") if isinstance(said, dict)}
            assert names - {None} == prompts
        theirs = send(server, prompt("an apple of another"), "one", owner="another")
        names = {said["data"].get("prompt_id") for said in heard(other, theirs, "execution_success") if isinstance(said, dict)}
        assert names - {None} == {theirs}


@pytest.mark.parametrize(("words", "ending"), [("fail", "execution_error"), ("never", "execution_interrupted")])
def test_what_does_not_end_well_is_told(server, words, ending):  # noqa: F811
    with socket(server) as mine:
        prompt_id = send(server, prompt(words))
        if words == "never":
            heard(mine, prompt_id, "progress")
            with server.client(owner="comfy socket") as client:
                client.post("/interrupt")
        data = heard(mine, prompt_id, ending)[-1]["data"]
        assert (data["node_id"], data["node_type"]) == ("3", "KSampler")
        with server.client(owner="comfy socket") as client:
            kept = client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]["messages"][-1]
            assert kept[0] == ending and set(data) == set(kept[1]) and kept[1]["node_type"] == "KSampler"
        assert ending != "execution_error" or "it was asked to fail" in data["exception_message"]


def test_what_a_client_says_is_read_and_too_long_a_message_ends_it(server):  # noqa: F811
    with socket(server) as mine:
        mine.send(json.dumps({"type": "feature_flags", "data": {}}))
        mine.send(b"\x00\xff")
        prompt_id = send(server, prompt("still here"))
        heard(mine, prompt_id, "execution_success")
        with pytest.raises(ConnectionClosed) as closed:
            mine.send("x" * 100_000)
            while True:
                mine.recv(timeout=60)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_an_odd_name_and_another_address_are_refused(server):  # noqa: F811
    for odd in ({"owner": "guest"}, {"owner": "<b>"}):
        with pytest.raises(InvalidStatus), socket(server, **odd):
            pass
    with pytest.raises(InvalidStatus), connect(server.url.replace("http", "ws", 1) + "/api/v1/jobs", proxy=None):
        pass
    assert status_of(server, Origin="http://evil.example") == 403


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("locked"), access_key=KEY, patience=Patience(each=3))  # noqa: F811
    yield server
    server.close()


def status_of(locked, query: str = "", **headers: str) -> int:
    try:
        with socket(locked, owner="", query=query, **headers) as opened:
            assert json.loads(opened.recv(timeout=60))["type"] == "status"
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_the_socket_asks_for_the_key_as_every_other_way_in_does(locked):
    assert status_of(locked) == 401
    assert status_of(locked, **{"X-Access-Key": "wrong"}) == 403
    assert status_of(locked, query="&key=wrong") == 403
    assert status_of(locked, **{"X-Access-Key": KEY}) == 101
    assert status_of(locked, Authorization=f"Bearer {KEY}") == 101
    assert status_of(locked, query=f"&key={KEY.replace(' ', '%20')}") == 101
    with httpx.Client(base_url=locked.url, timeout=120) as page:
        page.get("/", params={"key": KEY})
        cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    assert status_of(locked, Cookie=cookie) == 101
    assert status_of(locked, Cookie=cookie, Origin="http://evil.example") == 403


def test_an_api_key_opens_the_socket_also_one_that_only_reads(locked):
    keys: ApiKeys = locked.app.state.api_keys
    text, key = keys.make("anna", scopes=("read",))
    assert status_of(locked, Authorization=f"Bearer {text}") == 101
    assert status_of(locked, query=f"&key={text}") == 101
    keys.remove(key.id)
    assert status_of(locked, query=f"&key={text}") == 401


def test_guesses_at_the_socket_are_slowed_down(tmp_path):
    server = Server(tmp_path, access_key=KEY)  # noqa: F811
    try:
        assert [status_of(server, query=f"&key=guess{number}") for number in range(7)] == [403] * 5 + [429] * 2
        assert status_of(server, query=f"&key={KEY.replace(' ', '%20')}") == 101
    finally:
        server.close()


def test_sockets_count_among_an_addresss_connections_and_give_their_place_back(locked):
    headers = {"X-Access-Key": KEY}
    for _ in range(3):
        with contextlib.ExitStack() as opened:
            for _ in range(3):
                opened.enter_context(socket(locked, owner="", **headers))
            assert status_of(locked, **headers) == 503
        with httpx.Client(base_url=locked.url, headers=headers, timeout=120) as client:
            assert client.get("/api/v1/jobs").status_code == 200
