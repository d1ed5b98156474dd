"""HTML that a site keeps as a model's description, as plain text: nothing of it is shown as a page."""

import html
import re

MOST_HTML = 40_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,11})((?:\s[^<>]{0,4000})?)\s{0,20}/?>|<!--[^<>]{0,4000}-->")
_LINK = re.compile(r"\bhref\s{0,9}=\s{0,9}(?:\"([^\"]{1,500})\"|'([^']{1,500})'|([^\s\"'>]{1,500}))", re.IGNORECASE)
_EMPTY_POINT = re.compile(r"\n- [ \n]{1,9}")
_LINES = {
    "p",
    "div",
    "ul",
    "ol",
    "tr",
    "table",
    "pre",
    "blockquote",
    "section",
    "figure",
    "hr",
    "br",
    *(f"h{level}" for level in range(1, 7)),
}
_INLINE = {
    "a",
    "b",
    "i",
    "u",
    "s",
    "em",
    "strong",
    "span",
    "code",
    "del",
    "sup",
    "sub",
    "small",
    "mark",
    "font",
    "center",
    "td",
    "th",
    "img",
}
_UNSEEN = {"script", "style", "iframe", "video", "audio", "svg"}
_KNOWN = {*_LINES, *_INLINE, *_UNSEEN, "li", "thead", "tbody", "colgroup", "col"}


def plain_text(text: str) -> str:
    """The words of HTML: a line for each paragraph and point, links with their addresses behind. Other text stays as it is.

    What only looks like a tag, such as `<lora:fox:1>`, is a part of the text.
    """
    text = text[:MOST_HTML]
    tags = [found for found in _TAG.finditer(text) if found[2] is None or found[2].lower() in _KNOWN]
    if not tags:
        return text
    parts: list[str] = []
    at, link, unseen = 0, "", ""
    for tag in tags:
        between = html.unescape(re.sub(r"\s+", " ", text[at : tag.start()]))
        at, name, is_end = tag.end(), (tag[2] or "").lower(), bool(tag[1])
        if not unseen:
            parts.append(between)
        if name in _UNSEEN:
            unseen = "" if is_end and unseen == name else unseen or ("" if is_end else name)
        elif name == "a":
            parts.append(f" ({link})" if is_end and link and link not in between else "")
            link = "" if is_end else _address(tag[3])
        else:
            parts.append(_mark(name, is_end))
    parts.append("" if unseen else html.unescape(text[at:]))
    lines = (" ".join(line.split()) for line in _EMPTY_POINT.sub("\n- ", "".join(parts)).split("\n"))
    return "\n".join(line for line in lines if line and line != "-")


def _mark(name: str, is_end: bool) -> str:
    """What a tag is as text."""
    if name == "li":
        return "" if is_end else "\n- "
    return "\n" if name in _LINES else " " if name in ("td", "th") else ""


def _address(attributes: str) -> str:
    """The address of a link on the web, "" for another one."""
    found = _LINK.search(attributes)
    address = html.unescape(next((part for part in found.groups() if part), "")).strip() if found else ""
    return address if address.lower().startswith(("http://", "https://")) else ""
