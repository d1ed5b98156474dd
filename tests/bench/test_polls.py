"""What polls cost: the helpers count what they do, and the figures say whose cost is whose."""

import pytest

from webui.bench.polls import Helper, Seen, figures


def answered(bare):
    bare.tell()
    return bare.hear()["answered"]


def test_a_client_polls_a_server_of_the_same_bytes_until_it_is_told_to_stop():
    with Helper("poll") as client, Helper("answer", "300") as bare:
        port = bare.hear()
        for _ in range(2):
            client.tell(f"{port} 500")
            before = answered(bare)
            while answered(bare) < before + 10:
                pass
            client.tell()
            told = client.hear()
            assert told["rate"] > 0 and 0 < told["cores"] < 1.5


def seen(**rates):
    return Seen(
        rates=rates,
        clients={"none": [], "bare": [0.03, 0.03], "ours": [0.03, 0.03]},
        web={"none": [0.01, 0.01], "bare": [0.01, 0.01], "ours": [0.04, 0.04]},
        bare=[0.01, 0.01],
        asked=[200.0, 200.0],
    )


def test_what_the_client_takes_is_subtracted_and_what_the_sockets_take_is_not():
    """Client and bare server use 0.04 cores and cost 4 %: so the client's 0.03 are 3 % of our 5."""
    found = figures(seen(none=[10.0, 20.0], bare=[9.6, 19.2], ours=[9.5, 19.0]), 200)
    assert found["slower"] == pytest.approx(0.02)
    assert (found["slower_over_bare"], found["slower_with_client"]) == pytest.approx((0.01, 0.05))
    assert found["web_cores_polled"] == pytest.approx(0.03) and found["web_milliseconds_a_poll"] == pytest.approx(0.15)


def test_a_bare_server_that_cost_nothing_by_chance_takes_nothing_off():
    found = figures(seen(none=[10.0, 10.0], bare=[10.1, 10.1], ours=[9.9, 9.9]), 200)
    assert found["slower"] == found["slower_with_client"] == pytest.approx(0.01)
