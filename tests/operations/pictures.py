"""The pictures of docs/operations, taken anew in a real browser: `python -m tests.operations.pictures`.

A server, a worker, a deployed sample company and a person who approves, all of them real and gone at the end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from recyclekit.project import Project
from tests.architecture.house import ROOT
from tests.operations.browser import running_browser
from tests.operations.company import recyclekit, sample_project
from tests.operations.pages import Pages
from tests.operations.server import running_server
from tests.operations.worker import running_worker

FOLDER = ROOT / "docs/operations/pictures"
POOL = "recyclekit"
MOST_BYTES = 200_000


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home = Path(name)
        project = _company(home / "crm")
        with running_server(home / "prefect", ui=True) as server, running_browser(home / "browser") as browser:
            recyclekit("deploy", "--project", str(project.folder), env=server.env, seconds=600)
            with running_worker(server.home, server.url, POOL):
                take_all(Pages(browser, server))


def take_all(pages: Pages) -> None:
    """Take the pictures on a server that has the company deployed, and a worker."""
    deployment = pages.server.get("/deployments/name/recycle/main")["id"]
    run = pages.server.run(deployment)
    _before(pages, deployment)
    pages.server.wait(run, ["Suspended"], seconds=300)
    _approval(pages, run)
    pages.server.wait(run, ["COMPLETED"], seconds=300)
    _after(pages, run, _artifact(pages.server.artifacts(run)))


def _company(folder: Path) -> Project:
    project = sample_project(folder)
    file = folder / "recyclekit.yaml"
    text = file.read_text(encoding="utf-8").replace("policy: standard}", "policy: standard, approval: required}")
    file.write_text(text, encoding="utf-8")
    return project


def _before(pages: Pages, deployment: str) -> None:
    pages.open(f"/deployments/deployment/{deployment}/run", "max_lateness_minutes")
    _take(pages, "parameters", 1240)
    pages.open("/blocks/catalog", "Catalog")
    pages.browser.click("Search blocks", "input")
    pages.browser.type("recyclekit")
    pages.browser.shows("5 Blocks")
    _take(pages, "blocks", 640)


def _approval(pages: Pages, run: str) -> None:
    pages.browser.size(1280, 1000)
    pages.ask_for_approval(run)
    pages.fill_in("approve", 12)
    _take(pages, "approval", 1000)
    pages.browser.click("Resume", "[role=dialog] button")


def _after(pages: Pages, run: str, plan: str) -> None:
    pages.run(run, "Set aside", "recyclekit-outcome", tab="Artifacts")
    _take(pages, "run", 1000)
    pages.open(f"/artifacts/artifact/{plan}", "Sums:")
    _take(pages, "plan", 1000)
    pages.open("/runs", "recycle-main-", "Set aside")
    _take(pages, "runs", 1180)


def _artifact(found: dict[str, dict[str, object]]) -> str:
    return next(str(one["id"]) for key, one in found.items() if key.startswith("recyclekit-plan-"))


def _take(pages: Pages, name: str, height: int, width: int = 1280) -> None:
    pages.browser.size(width, height)
    _settled(pages.browser.evaluate)
    file = FOLDER / f"{name}.png"
    pages.browser.picture(file)
    assert file.stat().st_size < MOST_BYTES, f"{file} has {file.stat().st_size} bytes"
    print(file.relative_to(ROOT), file.stat().st_size)


def _settled(evaluate: Callable[[str], object]) -> None:
    """Wait until the page has drawn itself anew after its size changed: charts do so half a second later."""
    evaluate("new Promise(done => setTimeout(done, 2000))")


if __name__ == "__main__":
    main()
