"""A run of real claims, its report, and a browser that looks at it from disk."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install -e '.[browser]'")

CHROMIUM = Path("/usr/bin/chromium")
OFFLINE = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
CLAIMS = '''"""Pretraining on latents captures every feature, and what breaks it.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 1.
Origin: statement stated; setting recalled.
"""

from hypothesis import given

from mrpcheck import (
    Captured, control, phase_diagram, pretrain, refuted, strategies as st, with_probability,
)
from mrpcheck.measures import correlations, features_per_kernel
from mrpcheck.theorems import latents_regime

HEART = latents_regime().heart


@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_captured(setup, trials):
    """T1a: at some step, every feature of every class is captured by some kernel."""
    return pretrain(setup, trials, until=Captured()).reached


@refuted(because="a kernel <with> two views of a sample sees & follows the residual of both")
@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature(setup, trials):
    """T1b when every feature is captured for the first time."""
    encoder = pretrain(setup, trials, until=Captured())
    return encoder.reached & (features_per_kernel(encoder, setup) <= 1).all(-1)


@control(setup=HEART.replace(teacher_scale=1.0))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_plain_self_distillation_captures_nothing(setup, trials):
    """T1a where it must fail: every small correlation decays."""
    return pretrain(setup, trials, until=Captured()).reached


@phase_diagram(setup=HEART, keep=[0.4, 0.6], teacher_scale=[1.0, 1.8])
@with_probability(at_least=0.9, tolerance=0.1)
def test_where_features_are_captured(setup, trials):
    """T1a over the keep probability and the teacher's scale."""
    return pretrain(setup, trials, until=Captured()).reached
'''


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a run with a counterexample, a control, a map and the heart's pictures."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "test_latents.py").write_text(CLAIMS)
    command = [sys.executable, "-m", "pytest", "-q", "test_latents.py", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "reports" / "latest"


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} = not there, but should be (apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=OFFLINE)
        yield browser
        browser.close()


class Opened:
    """A page, and what went wrong on it: errors on its console, requests that left the disk."""

    def __init__(self, browser, file, width=1400, theme="light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme
        )
        self.page, self.errors, self.requests = self.context.new_page(), [], []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self._note(m.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.resolve().as_uri())
        self.url = self.page.url

    def _note(self, text):
        self.errors.append(text)

    def elsewhere(self):
        """Requests for anything but the file itself."""
        inside = ("data:", "blob:", "about:", self.url.partition("#")[0])
        return [url for url in self.requests if not url.startswith(inside)]

    def until(self, expression):
        """Wait for what becomes true in a page whose policy lets no text be evaluated inside it."""
        for _ in range(200):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {expression}")

    def draw_all(self):
        """Scroll through the page, so that every chart has been in sight."""
        for chart in self.page.locator(".chart").all():
            chart.scroll_into_view_if_needed()
        self.until(
            "[...document.querySelectorAll('.chart')].every(e => e.querySelector('svg.main-svg'))",
        )

    @property
    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture
def look(chromium):
    """Opens a file, whatever is wrong with it."""
    return lambda file, **window: Opened(chromium, file, **window)


@pytest.fixture
def opened(look, run):
    """Opens the report in windows of a width and a theme; closed, and checked, at the end."""
    pages = []

    def open_(file=run / "report.html", **window):
        pages.append(look(file, **window))
        return pages[-1]

    yield open_
    for each in pages:
        each.context.close()
    assert [each.errors for each in pages if each.errors] == []
    assert [each.elsewhere() for each in pages if each.elsewhere()] == []
