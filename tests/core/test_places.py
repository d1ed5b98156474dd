"""Names and origins that others may use: whole, bounded, and none that would let everybody in."""

import pytest

from webui.core.places import MOST, checked_hosts, checked_origins


def test_names_and_origins_are_taken_as_browsers_write_them():
    assert checked_hosts(("Host.Docker.Internal.", " studio ", "192.168.1.5", "fd00::5")) == (
        *("host.docker.internal", "studio", "192.168.1.5", "fd00::5"),
    )
    given = ("app://obsidian.md", "HTTPS://Example.org/", "chrome-extension://abcdefgh", "http://[::1]:3000", "tauri://localhost")
    assert checked_origins(given) == (
        *("app://obsidian.md", "https://example.org", "chrome-extension://abcdefgh", "http://[::1]:3000", "tauri://localhost"),
    )


@pytest.mark.parametrize(
    ("host", "words"),
    [
        *((each, "any web site") for each in ("*", "*.example.org", "studio*")),
        *((each, "no machine's name") for each in ("http://studio", "studio:7860", "a b", "", "-a", "a..b", "a" * 64, "ü.example", "a/b")),
    ],
)
def test_a_name_that_lets_others_in_or_is_none_is_refused(host, words):
    with pytest.raises(ValueError, match=words):
        checked_hosts((host,))


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        *((each, "every web site") for each in ("*", "https://*.example.org", "null", "Null")),
        *(
            (each, "no origin")
            for each in ("example.org", "https://example.org/page", "https://", "file:///", "https://a b", "javascript:1", "")
        ),
    ],
)
def test_an_origin_that_lets_everybody_in_or_is_none_is_refused(origin, words):
    with pytest.raises(ValueError, match=words):
        checked_origins((origin,))


def test_there_are_not_too_many():
    for check, entry in ((checked_hosts, "studio"), (checked_origins, "app://studio")):
        assert len(check((entry,) * MOST)) == MOST
        with pytest.raises(ValueError, match="at most"):
            check((entry,) * (MOST + 1))
