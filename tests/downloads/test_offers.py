"""What may be written for a model, and what it means; whatever else is refused with a sentence."""

import pytest

from webui.downloads.offers import parse_source
from webui.errors import RequestError


@pytest.mark.parametrize(
    ("text", "site", "model", "file"),
    [
        ("hf:owner/repo", "hf", "owner/repo", ""),
        ("hf:owner/repo:sub/x.safetensors", "hf", "owner/repo", "sub/x.safetensors"),
        ("owner/repo", "hf", "owner/repo", ""),
        ("https://huggingface.co/owner/repo", "hf", "owner/repo", ""),
        ("https://huggingface.co/owner/repo/tree/main", "hf", "owner/repo", ""),
        ("https://huggingface.co/owner/repo/blob/main/a/x.ckpt", "hf", "owner/repo", "a/x.ckpt"),
        ("https://huggingface.co/owner/repo/resolve/main/x.safetensors?download=true", "hf", "owner/repo", "x.safetensors"),
        ("civitai:123", "civitai", "123", ""),
        ("https://civitai.com/models/7/fox?modelVersionId=123", "civitai", "123", ""),
        ("https://civitai.com/api/download/models/123", "civitai", "123", ""),
        ("https://civitai.com/models/7/fox", "civitai", "7", ""),
        ("https://example.org/files/x.safetensors", "address", "https://example.org/files/x.safetensors", "x.safetensors"),
    ],
)
def test_what_is_written_or_copied_from_the_browser(text, site, model, file):
    source = parse_source(text)
    assert (source.site, source.model, source.file) == (site, model, file)
    assert source.of_model == (text.endswith("/fox"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "hf:",
        "hf:owner",
        "hf:../x",
        "hf:owner/repo:../../x.safetensors",
        "hf:owner/repo:/etc/passwd",
        "civitai:",
        "civitai:x",
        "civitai:../1",
        "ftp://example.org/x.safetensors",
        "file:///etc/passwd",
        "https://example.org/page.html",
        "https://example.org/",
        "https://[::1",
        "https://huggingface.co/spaces",
        "https://civitai.com/images/5",
        "\0",
        "x" * 3000,
    ],
)
def test_what_is_no_model_is_refused_with_how_to_write_one(text):
    with pytest.raises(RequestError, match=r"civitai:VERSION|letters"):
        parse_source(text)
