"""The report in a real browser: it draws, filters, hovers, leads on, prints, and fits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLAIM = "test_each_kernel_captures_at_most_one_feature"


def section(page, name):
    return page.locator("section.claim", has=page.locator("code", has_text=name)).first


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_it_draws_everything_and_fits_its_window(opened, width, theme):
    shown = opened(width=width, theme=theme)
    shown.draw_all()
    assert shown.overflow <= 0
    assert shown.page.locator(".chart").count() >= 4
    assert shown.page.locator(".pictures svg[role=img]").count() >= 4
    if folder := os.environ.get("MRPCHECK_SCREENSHOTS"):
        path = Path(folder) / f"report-{width}-{theme}.png"
        shown.page.evaluate("scrollTo(0, 0)")
        shown.page.screenshot(path=path)
        part = section(shown.page, CLAIM)
        part.locator(".pictures").scroll_into_view_if_needed()
        shown.page.screenshot(path=path.with_stem(f"{path.stem}-counterexample"))


def test_a_picture_wider_than_its_window_says_so_and_scrolls_by_keyboard(opened):
    hint = "figure => getComputedStyle(figure, '::before').content"
    for width, wider in ((390, True), (1400, False)):
        page = opened(width=width).page
        picture = page.locator(".drawn").first
        picture.scroll_into_view_if_needed()
        beyond = picture.evaluate("e => e.scrollWidth - e.clientWidth")
        assert (beyond > 0) == wider
        figure = page.locator("figure", has=page.locator(".drawn")).first
        assert ("scroll it sideways" in figure.evaluate(hint)) == wider
        assert picture.get_attribute("role") == "region" and picture.get_attribute("aria-label")
        if wider:
            picture.focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(500)
            assert picture.evaluate("e => e.scrollLeft") > 0


def test_console_errors_and_requests_would_be_seen(look, tmp_path):
    file = tmp_path / "broken.html"
    file.write_text("<script>console.error('no'); fetch('http://127.0.0.1:9/x')</script>" + "x" * 9)
    shown = look(file)
    shown.page.wait_for_timeout(200)
    assert any("no" in error for error in shown.errors) and shown.elsewhere()
    file.write_text("<div style='width: 3000px'>wide</div>")
    assert look(file, width=390).overflow > 0


def test_the_filter_narrows_by_verdict_file_and_text(opened):
    shown = opened()
    page = shown.page
    rows = page.locator("tr.claim:visible")
    every = rows.count()
    assert every == 4
    page.get_by_label("Verdict").select_option("SUPPORTED")
    assert rows.count() == 1 and "1 of 4 claims" in page.get_by_role("status").inner_text()
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("Text").fill("at most one")
    assert rows.count() == 1
    sections = page.locator("section.claim:visible")
    assert sections.count() == 1 and CLAIM in sections.inner_text()
    page.evaluate("location.hash = document.querySelector('section.claim[hidden]').id")
    shown.until("document.querySelector('input[name=text]').value === ''")
    assert rows.count() == sections.count() == every  # a link to what is filtered shows it
    page.get_by_label("Text").fill("nothing has this in it")
    assert rows.count() == sections.count() == 0
    assert page.get_by_text("No claim matches.").is_visible()
    assert not page.get_by_text("Figures are those of one setup").is_visible()
    page.get_by_label("Text").fill("")
    page.get_by_label("File").select_option("test_latents.py")
    assert rows.count() == every


def test_a_point_tells_its_setup_and_leads_to_it(opened):
    shown = opened()
    part = section(shown.page, "test_every_feature_is_captured")
    chart = part.locator(".chart").last
    chart.scroll_into_view_if_needed()
    point = chart.locator("path.point").first
    point.wait_for()
    point.hover(force=True)
    words = chart.locator(".hovertext").first
    words.wait_for()
    assert "keep" in words.text_content() and "trials" in words.text_content()
    box = point.bounding_box()
    shown.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown.until("location.hash.length > 1")
    target = shown.page.locator(f"[id='{shown.page.evaluate('location.hash.slice(1)')}']")
    assert target.is_visible()


def test_a_button_covers_nothing_of_what_it_copies(opened):
    for width in (1400, 390):
        page = opened(width=width).page
        for place in page.locator(".code:visible").all():
            button, text = (place.locator(part).bounding_box() for part in (".copy", "pre"))
            apart = text["x"] + text["width"] <= button["x"]
            assert apart or button["y"] + button["height"] <= text["y"]


def test_words_open_from_the_top(opened):
    page = opened().page
    meaning = page.get_by_text("other classes' views in a single-view sample")
    assert not meaning.is_visible()
    page.get_by_role("navigation").get_by_text("Words").click()
    meaning.wait_for()


def test_every_link_inside_leads_somewhere(opened):
    page = opened().page
    lost = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent("
        "a.getAttribute('href').slice(1))).filter(id => !document.getElementById(id))"
    )
    assert lost == []
    assert page.locator("a[href^='#']").count() >= 8


def test_the_overview_leads_to_the_counterexample_by_keyboard(opened):
    shown = opened()
    page = shown.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("tr.claim", has_text=CLAIM).get_by_role("link").focus()
    page.keyboard.press("Enter")
    shown.until("location.hash.length > 1")
    title = section(page, CLAIM).locator("h3")
    assert title.bounding_box()["y"] < 900


def test_the_map_is_drawn_with_its_cells(opened):
    page = opened().page
    part = page.locator("#diagrams")
    assert part.locator("svg[role=img]").count() == 1
    assert part.locator("tbody tr").count() >= 2


def test_what_an_author_wrote_is_shown_not_obeyed(opened):
    page = opened().page
    assert "a kernel <with> two views of a sample sees & follows" in page.inner_text("#claims")


def test_every_picture_has_a_name_and_its_numbers(opened):
    page = opened().page
    for picture in page.locator("svg[role=img]").all():
        assert picture.get_attribute("aria-label") or picture.locator("title").count()
    assert page.locator(".chart:not([aria-label])").count() == 0
    assert page.locator(".pictures figure:not(:has(table))").count() == 0


def test_the_theme_changes_and_charts_with_it(opened):
    page = opened(theme="light").page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    button = page.locator("#theme")
    button.click()
    button.click()  # as the system, light, dark
    assert page.evaluate(ground) != light


def test_it_prints_with_every_chart(opened, tmp_path):
    page = opened().page
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000


def test_a_run_that_was_killed_has_a_page_too(opened, run, tmp_path):
    copied = tmp_path / "killed"
    shutil.copytree(run, copied)
    for name in ("report.html", "verdicts.json", "evidence.jsonl", "trials.csv"):
        (copied / name).unlink()
    manifest = (copied / "manifest.json").read_text()
    (copied / "manifest.json").write_text(manifest.replace('"completed"', "null"))
    command = [sys.executable, "-m", "mrpcheck.cli", "report", str(copied)]
    subprocess.run(command, check=True, capture_output=True)
    shown = opened(copied / "report.html")
    shown.draw_all()
    assert "killed" in shown.page.inner_text("main")


def test_the_committed_report_opens(opened):
    for file in (ROOT / "reports" / "reference").glob("**/report.html"):
        shown = opened(file, width=390)
        shown.draw_all()
        assert shown.overflow <= 0


@pytest.mark.parametrize("width", [1400, 390])
def test_a_link_leads_to_the_top_of_its_claim_whatever_is_drawn_on_the_way(opened, width):
    page = opened(ROOT / "reports/reference/thorough/report.html", width=width).page
    links = page.locator("tr.claim a")
    assert links.count() == 38
    for i in range(0, 38, 6):
        page.evaluate("scrollTo(0, 0)")
        links.nth(i).click()
        page.wait_for_timeout(500)
        target = page.locator(f"[id='{page.evaluate('location.hash.slice(1)')}']")
        assert 0 <= target.bounding_box()["y"] < 100
