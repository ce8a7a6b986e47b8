"""The files of deployments/ beside prefect.yaml: the programs that they are meant for accept them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.architecture.house import ROOT
from tests.operations.server import PrefectServer

FILES = ROOT / "deployments"
UNITS = sorted((FILES / "systemd").glob("*.service"))


def documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path.read_text(encoding="utf-8")))


def compose() -> list[str]:
    """Return the command of Docker Compose, as a plugin or a program of its own."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0
        ):
            return command
    pytest.skip("neither `docker compose` nor docker-compose is installed")


def test_compose_accepts_its_file() -> None:
    given = {
        "POSTGRES_PASSWORD": "a-password",
        "RECYCLEKIT_PROJECT": "/srv/project",
        "PATH": "/usr/bin:/usr/local/bin:/bin",
    }
    command = [*compose(), "--file", str(FILES / "compose.yaml"), "config"]
    seen = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert seen.returncode == 0, seen.stderr
    services = YAML(typ="safe").load(seen.stdout)["services"]
    assert set(services) == {"postgres", "server", "worker"}


def test_compose_wants_the_password_from_outside() -> None:
    command = [*compose(), "--file", str(FILES / "compose.yaml"), "config"]
    env = {"PATH": "/usr/bin:/usr/local/bin:/bin", "RECYCLEKIT_PROJECT": "/srv/project"}
    seen = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert seen.returncode != 0
    assert "POSTGRES_PASSWORD" in seen.stderr


def test_all_that_compose_mounts_and_builds_from_is_there() -> None:
    services = documents(FILES / "compose.yaml")[0]["services"]
    assert (FILES / "ledger-database.sql").is_file()
    assert {services[name]["build"]["dockerfile"] for name in ("server", "worker")} == {"deployments/Dockerfile"}
    copied = [line.split()[1] for line in (FILES / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    assert all((ROOT / name).exists() for name in copied), copied


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_a_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    # It looks for the program, which is not at its place on the machine of a test.
    here = unit.read_text(encoding="utf-8").replace("/opt/recyclekit/bin/prefect", sys.executable)
    (tmp_path / unit.name).write_text(here, encoding="utf-8")
    seen = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / unit.name)], capture_output=True, text=True, check=False
    )
    assert seen.returncode == 0, seen.stderr
    assert unit.name not in seen.stderr, seen.stderr


@pytest.mark.parametrize("where", ["systemd", "compose", "kubernetes"])
def test_a_run_has_more_time_to_stop_than_it_needs(where: str) -> None:
    # A flow run ends within 10 s of SIGTERM; whoever stops its machine must not kill it before.
    units = (FILES / "systemd" / "recyclekit-worker.service").read_text(encoding="utf-8")
    pool = json.loads((FILES / "kubernetes" / "work-pool.json").read_text(encoding="utf-8"))
    template = pool["job_configuration"]["job_manifest"]["spec"]["template"]
    seconds = {
        "systemd": next(line for line in units.splitlines() if line.startswith("TimeoutStopSec=")).partition("=")[2],
        "compose": documents(FILES / "compose.yaml")[0]["services"]["worker"]["stop_grace_period"].removesuffix("s"),
        "kubernetes": template["spec"]["terminationGracePeriodSeconds"],
    }
    assert int(seconds[where]) >= 20


@pytest.mark.prefect
def test_a_prefect_server_takes_the_template_of_the_kubernetes_pool(prefect_sqlite: PrefectServer) -> None:
    template = json.loads((FILES / "kubernetes" / "work-pool.json").read_text(encoding="utf-8"))
    prefect_sqlite.post(
        "/work_pools/", {"name": "kubernetes-example", "type": "kubernetes", "base_job_template": template}
    )
    taken = prefect_sqlite.get("/work_pools/kubernetes-example")["base_job_template"]
    assert taken == template


def test_the_kubernetes_file_names_one_namespace_and_the_pool_that_deployments_run_in() -> None:
    parts = documents(FILES / "kubernetes" / "worker.yaml")
    named = {part["metadata"].get("namespace", part["metadata"]["name"]) for part in parts}
    assert named == {"recyclekit"}
    worker = next(part for part in parts if part["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
    pool = worker["args"][worker["args"].index("--pool") + 1]
    assert f"work_pool: {{name: {pool}}}" in (FILES / "prefect.yaml").read_text(encoding="utf-8")
    # What jobs mount is made in the same file; the secret's values are nobody's file.
    variables = json.loads((FILES / "kubernetes" / "work-pool.json").read_text())["variables"]["properties"]
    claims = {part["metadata"]["name"] for part in parts if part["kind"] == "PersistentVolumeClaim"}
    assert variables["project_claim"]["default"] in claims
