import gzip
import json
import re
from html import unescape

import brotli
import pytest

from tests import tiny
from webui.core.request import GenerationRequest
from webui.ui.document import document
from webui.ui.languages import Catalogue
from webui.ui.page import STATIC, page_parts
from webui.ui.trackers import ASSETS

ON_OTHER_PARTS_OF_THE_PAGE = {"mode", "init", "mask", "inputs", "extras", "templates"}


def html_of(page, may_get_models=True):
    return document(page_parts(page.services, "/look/x")[1], page.services, Catalogue("en"), may_get_models)


def facts_of(html):
    return json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', html)[1])


def test_every_field_of_a_request_can_be_reached(page):
    shown = set(re.findall(r' id="([^"]+)"', html_of(page)))
    missing = []
    for name, info in GenerationRequest.model_fields.items():
        inner = next((part for part in (info.annotation, *getattr(info.annotation, "__args__", ())) if hasattr(part, "model_fields")), None)
        wanted = [f"{name}-{part}" for part in inner.model_fields] if inner else [name]
        missing += [element for element in wanted if element not in shown and name not in ON_OTHER_PARTS_OF_THE_PAGE]
    assert missing == []


def test_the_scripts_are_told_of_every_field_that_is_written(page):
    html = html_of(page)
    facts = facts_of(html)
    assert facts["names"] == re.findall(r' data-field="([^"]+)"', html)
    assert set(facts["shown"]) == set(facts["names"]) == set(facts["labels"]) | {"ratio"}
    assert {name for names in facts["folds"].values() for name in names} < set(facts["names"])
    assert facts["defaults"]["extras.grain.amount"] == 0 and facts["usual"] == "Lanczos"


def test_no_id_is_given_twice(page):
    ids = re.findall(r' id="([^"]+)"', html_of(page))
    assert len(ids) == len(set(ids))


def test_tabs_in_order(page):
    tabs = re.findall(r'<button type="button" role="tab"[^>]*>([^<]+)</button>', html_of(page))
    assert [unescape(tab) for tab in tabs] == [
        *("txt2img", "img2img", "inpaint", "Extras", "Gallery", "PNG info", "Queue"),
        *("Grid", "Models", "Settings", "Extensions", "Grain tab"),
    ]


def test_a_panel_is_made_of_its_model(page):
    html = html_of(page)
    amount = re.search(r'<div id="extras-grain-amount".*?</div></div>|<div id="extras-grain-amount".*?type="range"[^>]*>', html)[0]
    assert ">Amount</label>" in amount and 'min="0"' in amount and 'max="1"' in amount
    assert 'data-field="extras.grain.coarse" data-kind="check"' in html
    assert re.search(r'<div id="fold-ext-grain"[^>]*><button[^>]*><span>Grain</span>', html)


def test_the_page_asks_no_other_host(page):
    html = page.client().get("/").text
    hosts = set(re.findall(r"(?:src|href)=[\"'](https?://[^/\"']+)", html))
    assert hosts <= {"http://127.0.0.1"}
    assert "fonts.googleapis" not in html


def test_static_files_may_be_kept_for_ever(page):
    client = page.client()
    script = re.search(r"/look/\w+/js/main\.js", client.get("/").text).group()
    answer = client.get(script)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]


def test_no_tracker_of_gradio_asks_for_every_frame(page):
    client = page.client()
    addresses = [f"/assets/{path.name}" for path in ASSETS.glob("statustracker-*.js")]
    assert addresses
    for address in addresses:
        answer = client.get(address)
        assert "javascript" in answer.headers["content-type"]
        assert "requestAnimationFrame" not in answer.text and "setTimeout(tick,100)" in answer.text


def test_every_icon_module_and_sheet_that_is_named_exists(page):
    from webui.ui.files import CSS

    known = {path.stem for path in (STATIC / "icons").glob("*.svg")}
    for name in CSS:
        text = (STATIC / "css" / f"{name}.css").read_text()
        for path in re.findall(r"url\(\"\.\./([^\"]+)\"\)", text):
            assert (STATIC / path).is_file(), path
        assert set(re.findall(r"var\(--icon-(\w+)\)", text)) <= known, name
    for script in (STATIC / "js").glob("*.js"):
        text = script.read_text()
        for module in re.findall(r"from '\./([^']+)'", text):
            assert (STATIC / "js" / module).is_file(), module
        for icon in re.findall(r"(?:icon|iconButton|[^.\w]button)\('(\w+)'", text):
            assert icon in known, f"{script.name}: {icon}"


def test_what_is_seen_first_is_in_the_html_with_what_the_browser_may_fetch_meanwhile(page):
    client = page.client()
    head, body = client.get("/").text.split("</head>")
    assert 'id="generate"' in body and ">What should the picture show?<" not in body and "What should the picture show?" in body
    fetched = [
        address for address in re.findall(r'(?:src|href)="\.(/look/[^"]+)"', head) if not address.endswith(("icon.svg", "manifest.json"))
    ]
    assert [address.split("/", 3)[3] for address in fetched] == ["css/page.css", "inter.woff2", "js/main.js"]
    assert all(client.get(address).status_code == 200 for address in fetched)


@pytest.mark.parametrize(("asked", "given"), [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("br;q=1.0, gzip", "br")])
def test_files_are_packed_for_who_reads_that(page, asked, given):
    client = page.client()
    address = re.search(r"/look/\w+/", client.get("/").text).group()
    plain = client.get(f"{address}js/main.js", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", f"{address}js/main.js", headers={"Accept-Encoding": asked}) as packed:
        sent = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == given and "content-encoding" not in plain.headers
    assert (brotli.decompress if given == "br" else gzip.decompress)(sent) == plain.content and len(sent) < len(plain.content) / 3
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_only_what_the_page_needs_is_served(page):
    client = page.client()
    address = re.search(r"/look/\w+/", client.get("/").text).group()
    assert client.get(f"{address}inter.woff2").headers["content-type"] == "font/woff2"
    assert client.get(f"{address}js/rest.js.map").json()["version"] == 3
    for name in ("js/none.js", "js/form.js", "js/api-types.d.ts", "../page.py", "..%2fpage.py", "js"):
        assert client.get(address + name).status_code == 404


@pytest.mark.parametrize(("way", "most"), [("br", 133_000), ("gzip", 150_000)])
def test_the_first_visit_is_light(page, way, most):
    """Document, style sheet, font and first scripts: with a dozen small answers 140 KB by Brotli; on a LAN, without https, it is gzip."""
    client = page.client()
    head = client.get("/").text.split("</head>")[0]
    sizes = {}
    for address in ("", *re.findall(r'"\./(look/[^"]+(?:page\.css|woff2|main\.js))"', head)):
        with client.stream("GET", f"/{address}", headers={"Accept-Encoding": way}) as answer:
            sizes[address.rpartition("/")[2]] = sum(len(part) for part in answer.iter_raw())
    assert len(sizes) == 4 and sum(sizes.values()) < most, sizes


def test_the_form_keeps_the_place_of_the_first_visits_words_while_one_model_is_there(page, tmp_path):
    expected = []
    for name in ("", "one", "two"):
        if name:
            tiny.write(tmp_path / "models" / "Stable-diffusion" / f"{name}.safetensors", seed=1)
            page.services.library.scan()
        expected.append(
            tuple(
                "<html" in html and " data-first-visit" in html.partition(">")[2].partition(">")[0]
                for html in (html_of(page), html_of(page, False))
            )
        )
    assert expected == [(False, False), (True, False), (False, False)]


def test_a_model_that_comes_is_in_the_next_page(page, tmp_path):
    assert facts_of(html_of(page))["shown"]["checkpoint"] is None
    tiny.write(tmp_path / "models" / "Stable-diffusion" / "late.safetensors", seed=1)
    page.services.library.scan()
    html = html_of(page)
    assert facts_of(html)["shown"]["checkpoint"] == "late" and re.search(r'id="checkpoint-choice"[^>]* value="late"', html)


def test_all_styles_and_icons_are_in_one_sheet(page):
    client = page.client()
    sheet = re.search(r"/look/\w+/css/page\.css", client.get("/").text).group()
    answer = client.get(sheet)
    assert "immutable" in answer.headers["cache-control"]
    assert re.search(r'--icon-dice:url\("data:image/svg\+xml,%3Csvg', answer.text)
    assert ".icon-dice{--i:var(--icon-dice)}" in answer.text
