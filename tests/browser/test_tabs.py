"""Queue, Settings and Extensions in a real browser."""

import httpx
import pytest
from browser import steps
from playwright.sync_api import expect

from tests import tiny
from tests.waiting import until
from webui.downloads.starters import STARTERS

pytestmark = pytest.mark.e2e


def test_what_a_tab_is_made_of_comes_with_the_first_key(visit):
    page = visit()
    steps.state(page, "first", "done", "idle")
    fetched = "performance.getEntriesByType('resource').filter(each => each.name.endsWith('/rest.js')).length"
    assert page.evaluate(fetched) == 0
    page.keyboard.press("Shift")
    page.wait_for_function(f"{fetched} === 1")
    steps.go(page, "settings")
    expect(page.locator("#tab-settings h2").first).to_be_visible()


def test_the_queue_is_paused_ordered_emptied_and_resumed(visit):
    page = visit()
    steps.go(page, "queue")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    steps.go(page, "txt2img")
    steps.number(page, "steps", 2)
    for number, words in enumerate(("first waiting", "second waiting", "third waiting"), 1):
        steps.prompt(page, words)
        page.locator("#generate").click()
        expect(page.locator(".topbar .count")).to_have_text(f"{number} waiting")
    steps.go(page, "queue")
    waiting = page.locator(".job[data-state=queued]")
    expect(waiting).to_have_count(3)
    waiting.filter(has_text="third waiting").get_by_role("button", name="Move to the front").click()
    expect(waiting.first).to_contain_text("third waiting")
    waiting.filter(has_text="second waiting").get_by_role("button", name="Remove").click()
    expect(waiting).to_have_count(2)
    page.get_by_role("button", name="Resume").click()
    expect(waiting).to_have_count(0, timeout=steps.PATIENCE)
    done = page.locator(".job[data-state=done]").filter(has_text="third waiting")
    expect(done).to_have_count(1, timeout=steps.PATIENCE)
    done.get_by_role("button", name="Run again with a new seed").click()
    expect(page.locator(".job[data-state=done]").filter(has_text="third waiting")).to_have_count(2, timeout=steps.PATIENCE)


def test_what_has_ended_is_searched_and_the_machine_is_plotted(visit):
    page = visit()
    for words in ("a red umbrella", "a blue kettle"):
        steps.generate(page, words, steps=2)
    steps.go(page, "queue")
    history = page.get_by_role("list", name="History").locator(".job")
    expect(history.filter(has_text="a blue kettle")).to_have_count(1)
    expect(history.first).to_contain_text("a blue kettle")
    page.get_by_role("searchbox", name="Search history").fill("RED umbrella")
    expect(history).to_have_count(1)
    expect(history).to_contain_text("a red umbrella")
    page.get_by_role("searchbox", name="Search history").fill("no such words")
    expect(page.get_by_text("No job has these words")).to_be_visible()
    page.get_by_role("searchbox", name="Search history").fill("")
    expect(history.filter(has_text="a blue kettle")).to_have_count(1)
    plots = page.locator(".plot")
    for title in ("Speed", "Jobs", "Engines", "Memory"):
        plot = plots.filter(has=page.locator("figcaption span", has_text=title)).first
        expect(plot).to_be_visible(timeout=steps.PATIENCE)
        assert len(plot.locator("polyline").get_attribute("points").split()) >= 2


def test_all_of_ones_jobs_are_stopped_with_one_button(visit):
    page = visit()
    steps.go(page, "queue")
    page.get_by_role("button", name="Pause").click()
    steps.go(page, "txt2img")
    for number, words in enumerate(("one of many", "two of many"), 1):
        steps.prompt(page, words)
        page.locator("#generate").click()
        expect(page.locator(".topbar .count")).to_have_text(f"{number} waiting")
    steps.go(page, "queue")
    waiting = page.locator(".job[data-state=queued]")
    expect(waiting).to_have_count(2)
    page.get_by_role("button", name="Stop all mine").click()
    expect(waiting).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_setting_is_found_changed_refused_and_reset(visit):
    page = visit()
    steps.go(page, "settings")
    page.get_by_role("searchbox", name="Search settings").fill("quality")
    expect(page.locator(".setting:visible")).to_have_count(1)
    box = page.locator("#setting-picture_quality")
    box.fill("80")
    box.press("Tab")
    expect(page.locator("[data-name=picture_quality] .changed")).to_be_visible()
    page.locator("#setting-picture_quality").fill("500")
    page.locator("#setting-picture_quality").press("Tab")
    expect(page.locator("[data-name=picture_quality] .field-error")).to_contain_text("100")
    page.get_by_role("button", name="Reset Quality").click()
    expect(page.locator("#setting-picture_quality")).to_have_value("95")


def test_a_key_is_made_shown_once_and_taken_back(visit):
    page = visit()
    steps.go(page, "settings")
    page.get_by_label("New key").fill("For Krita")
    page.get_by_label("What it may do").select_option("Look only")
    page.get_by_role("button", name="Make key").click()
    shown = page.get_by_label("The new key")
    expect(shown).to_contain_text("dk_")
    text = shown.inner_text()
    expect(page.locator(".key")).to_contain_text("For Krita")
    expect(page.locator(".key")).to_contain_text("Look only")
    headers = {"Authorization": f"Bearer {text}"}
    assert page.request.get(f"{page.url.partition('#')[0]}api/v1/jobs", headers=headers).status == 200
    steps.go(page, "queue")
    steps.go(page, "settings")
    expect(page.locator(".key")).to_have_count(1)
    expect(page.get_by_label("The new key")).to_have_count(0)
    page.get_by_role("button", name="Take back For Krita").click()
    expect(page.locator(".key")).to_have_count(0)
    assert page.request.get(f"{page.url.partition('#')[0]}api/v1/jobs", headers=headers).status == 401


def test_a_webhook_is_added_its_secret_shown_once_and_taken_back(visit):
    page = visit()
    steps.go(page, "settings")
    card = page.locator("#section-webhooks")
    card.get_by_label("New webhook").fill("http://127.0.0.1:9/hook")
    card.get_by_role("button", name="Add webhook").click()
    expect(page.locator(".toast").filter(has_text="private")).to_be_visible()
    card.get_by_label("New webhook").fill("https://93.184.216.34/hook")
    card.get_by_label("When it is told").select_option("When it is done")
    card.get_by_role("button", name="Add webhook").click()
    expect(card.get_by_label("The new secret")).not_to_be_empty()
    expect(card.get_by_role("listitem")).to_contain_text("When it is done")
    steps.go(page, "queue")
    steps.go(page, "settings")
    expect(card.get_by_role("listitem")).to_have_count(1)
    expect(card.get_by_label("The new secret")).to_have_count(0)
    card.get_by_role("button", name="Take back https://93.184.216.34/hook").click()
    expect(card.get_by_role("listitem")).to_have_count(0)


def test_the_examples_have_cards_a_panel_and_a_tab(visit):
    page = visit()
    steps.go(page, "extensions")
    expect(page.locator(".extension-card")).not_to_have_count(0)
    expect(page.locator(".extension-card[data-id=film_grain]")).to_contain_text("panel Film grain")
    assert page.locator(".extension-card[data-broken]").count() == 0
    steps.go(page, "ext-aspect_calculator")
    tab = page.frame_locator("#tab-ext-aspect_calculator iframe")
    tab.get_by_label("Width of the shape").fill("4")
    tab.get_by_label("Width of the shape").press("Tab")
    expect(tab.get_by_role("textbox", name="Size", exact=True)).not_to_have_value("680 × 384")
    page.get_by_role("button", name="Dark or light").click()
    look = page.locator("body").evaluate("body => body.classList.contains('dark')")
    expect(tab.locator("body.dark")).to_have_count(int(look))
    steps.go(page, "txt2img")
    expect(page.locator("#fold-ext-film_grain")).to_be_attached()


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_names_and_facts_of_models_to_get_stand_apart(visit, size):
    page = visit(size=size)
    steps.go(page, "models")
    page.locator(".starters .download").first.wait_for(state="attached")
    page.evaluate("document.querySelectorAll('.get-models, .starters').forEach(fold => { fold.open = true; })")
    assert page.locator(".starters .download:visible").count() > 5
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll('.download')].filter(row => {
        const [name, facts] = [...row.children].map(child => {
            const text = document.createRange(); text.selectNodeContents(child); return text.getBoundingClientRect(); });
        return name.right > facts.left + 1 && name.left < facts.right - 1 && name.bottom > facts.top + 1 && facts.bottom > name.top + 1;
        }).map(row => row.textContent)"""
    )
    assert overlapping == [] and page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def count_checkpoints(origin) -> int:
    return len(httpx.get(f"{origin}/api/v1/models?kind=checkpoint", timeout=120).raise_for_status().json()["models"])


@pytest.fixture
def first_model(origin, models, hugging_face, tmp_path):
    """Nothing but the default model is here, and the newcomer's first model is to be had; at the end it is gone again."""
    until(lambda: count_checkpoints(origin) <= 1)  # what a test before took away is noticed within two seconds
    source, _, file = STARTERS[0].source.removeprefix("hf:").partition(":")
    hugging_face.repository(source, {file: tiny.write(tmp_path / file, seed=5).read_bytes()})
    yield
    hugging_face.gate.set()  # a test that failed while it was shut must not hold up the next
    for download in httpx.get(f"{origin}/api/v1/models/downloads", timeout=120).json()["downloads"]:
        httpx.delete(f"{origin}/api/v1/models/downloads/{download['id']}", timeout=120).raise_for_status()
    (models / "Stable-diffusion" / file).unlink(missing_ok=True)


@pytest.mark.parametrize("looked", [False, True])
def test_the_picture_that_was_typed_is_made_when_its_model_has_arrived(visit, hugging_face, first_model, looked):
    """Whether the Models tab, which has the list of downloads, was looked at before or never; also after a reload."""
    page = visit()
    steps.prompt(page, "an owl")
    before = steps.pictures(page)
    hugging_face.gate.clear()
    if looked:
        steps.go(page, "models")
        page.locator(".starters .download").first.wait_for(state="attached")
        page.evaluate("document.querySelectorAll('.get-models, .starters').forEach(fold => { fold.open = true; })")
        expect(page.get_by_role("button", name="Get it, then make my picture").first).to_be_visible()
        steps.go(page, "txt2img")
    expect(page.locator("#first-visit")).to_contain_text("is a toy")
    page.get_by_role("button", name="Get Stable Diffusion 1.5 and make my picture with it").click()
    expect(page.locator(".toast").first).to_contain_text("when Stable Diffusion 1.5 has arrived")
    expect(page.locator("#first-visit")).to_contain_text("0.0 MB of")
    if not looked:
        page.reload()
        expect(page.locator("#first-visit")).to_contain_text("0.0 MB of")
        page.evaluate(steps.KNOW)
    hugging_face.gate.set()
    page.wait_for_function(steps.DRAWN, arg=before, timeout=steps.PATIENCE)
    made = page.evaluate("known.images[0].request")
    assert made["prompt"] == "an owl" and made["checkpoint"].startswith("v1-5-pruned-emaonly")


def test_the_picture_waits_on_when_its_model_did_not_arrive_and_is_made_once(visit, origin, hugging_face, first_model):
    """The download fails, the page is loaded anew, the download resumed there; a second window hears of its end as well."""
    page = visit()
    steps.prompt(page, "an owl that waited")
    before = steps.pictures(page)
    file = next(file for path, file in hugging_face.files.items() if "v1-5-pruned-emaonly" in path)
    file.answers = [(404, {})]
    page.get_by_role("button", name="Get Stable Diffusion 1.5 and make my picture with it").click()
    expect(page.locator(".toast").filter(has_text="did not arrive")).to_contain_text("has nothing at this address")
    page.reload()
    resume = page.locator("#first-visit").get_by_role("button", name="Resume")
    expect(resume).to_be_visible()
    waiting = page.evaluate("localStorage.getItem('darkroom.picture-waits-for')")
    page.evaluate(steps.KNOW)
    resume.click()
    page.wait_for_function(steps.DRAWN, arg=before, timeout=steps.PATIENCE)
    other = page.context.new_page()
    other.goto(origin)
    other.evaluate("waiting => localStorage.setItem('darkroom.picture-waits-for', waiting)", waiting)  # read before the first forgot it
    with other.expect_response("**/page/generate", timeout=steps.PATIENCE):
        other.reload()
    jobs = httpx.get(f"{origin}/api/v1/jobs", timeout=120).json()["jobs"]
    assert [job["request"]["checkpoint"][:4] for job in jobs if job["request"]["prompt"] == "an owl that waited"] == ["v1-5"]


def test_models_that_came_while_the_page_heard_nothing_are_known_when_it_comes_back(visit, origin, models, first_model):
    page = visit()
    expect(page.locator("#first-visit")).to_contain_text("is a toy")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    tiny.write(models / "Stable-diffusion" / STARTERS[0].source.rpartition(":")[2], seed=6)
    until(lambda: count_checkpoints(origin) >= 2)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator("#first-visit")).to_be_hidden()


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_what_is_said_of_a_model_stays_inside_the_page(visit, size):
    page = visit(size=size)
    steps.go(page, "models")
    page.locator(".model > summary").first.click()
    page.locator(".model[open] .model-more button").first.wait_for()
    wide = page.evaluate(
        """() => [...document.querySelectorAll('.model, .model *')].filter(each => each.getBoundingClientRect().right > innerWidth)
        .map(each => each.outerHTML.slice(0, 200))"""
    )
    assert wide == []


def test_models_are_searched_and_their_pictures_come_only_when_asked(visit, hugging_face):
    page = visit()
    hugging_face.repository(
        "owner/long-name-of-a-photo", {"photo.safetensors": b"x" * 100, "a.png": b"no picture"}, cardData={"license": "mit"}
    )
    hugging_face.bodies["/api/models"] = [{"id": "owner/long-name-of-a-photo"}]
    steps.go(page, "models")
    page.locator(".starters .download").first.wait_for(state="attached")
    page.evaluate("document.querySelector('.get-models').open = true")
    page.get_by_label("Model to get").fill("hf:owner/long-name-of-a-photo")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator(".get-models")).to_contain_text("photo.safetensors")
    page.get_by_label("Model to get").fill("no model")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator(".get-models [role=alert]")).to_contain_text("is no address of a model")
    expect(page.locator(".get-models")).not_to_contain_text("photo.safetensors")
    page.get_by_label("Site", exact=True).select_option("hf")
    page.get_by_label("Search models at the sites").fill("photo")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".found-model")).to_contain_text("owner/long-name-of-a-photo")
    expect(page.locator(".found-model")).to_contain_text("mit")
    assert not any(path.endswith("a.png") for path, _ in hugging_face.seen)
    assert page.locator(".found-model img").get_attribute("src") is None
