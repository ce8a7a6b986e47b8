"""What a ledger stands on: network disks and leases that a dead run left behind."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from recyclekit import clock
from recyclekit.preflight.premises import MOUNTS, disk_under, is_network, premises
from recyclekit.project import Project
from tests.operations.company import sample_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return sample_project(tmp_path / "crm", deals=30)


def mounted(folder: Path, kind: str) -> Path:
    """Write what Linux would say with a disk of this kind mounted at the folder."""
    file = folder.parent / "mountinfo"
    quoted = str(folder).replace(" ", "\\040")
    file.write_text(
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "22 21 0:20 / /proc rw - proc proc rw\n"
        f"40 21 0:50 / {quoted} rw,relatime shared:9 - {kind} server:/export rw,vers=4.2\n",
        encoding="utf-8",
    )
    return file


@pytest.mark.parametrize("kind", ["nfs4", "nfs", "cifs", "smb3", "fuse.sshfs", "fuse.s3fs", "9p", "ceph", "fuse"])
def test_a_ledger_on_a_network_disk_is_an_error(project: Project, kind: str) -> None:
    (found,) = premises(project, mounted(project.folder, kind))
    assert (found.level, found.where) == ("error", "ledger")
    assert f"network disk ({kind})" in found.what
    assert "postgresql" in found.fix


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "apfs", "fuseblk", "fuse.ntfs-3g"])
def test_a_disk_of_this_machine_is_none(project: Project, kind: str) -> None:
    assert not premises(project, mounted(project.folder, kind))


def test_the_innermost_mount_counts_also_with_a_blank_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "on the share"
    mounts = mounted(folder, "nfs4")
    assert disk_under(folder / "not/yet/there.db", mounts) == "nfs4"
    assert disk_under(tmp_path / "on the shareholders", mounts) == "ext4"
    assert disk_under(tmp_path, tmp_path / "no such file") is None


@pytest.mark.skipif(not MOUNTS.exists(), reason="only Linux says which disk lies where")
def test_the_disk_of_this_machine_is_told_as_linux_tells_it(tmp_path: Path) -> None:
    kind = disk_under(tmp_path)
    said = subprocess.run(["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True).stdout
    names = {"ext2/ext3": {"ext2", "ext3", "ext4"}, "overlayfs": {"overlay"}}.get(said.strip(), {said.strip()})
    assert kind in names or said.startswith("UNKNOWN")
    assert kind is not None
    assert not is_network(kind) or kind in {"9p", "virtiofs"}, "a sandbox may put its own disk in between"


def test_a_lease_of_a_run_that_died_here_is_told_with_what_to_do(project: Project) -> None:
    code = (
        "import os, sys; from pathlib import Path; from recyclekit.project import open_project\n"
        "open_project(Path(sys.argv[1])).ledger().acquire('main', 'r1-dead'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project.folder)], check=False)
    assert done.returncode == 9
    (found,) = premises(project)
    assert (found.level, found.where) == ("warning", "pipelines.main")
    assert "run r1-dead, process " in found.what
    assert "that process is gone" in found.what
    assert found.fix.endswith("recyclekit retry r1-dead")


def test_a_lease_that_is_held_now_is_a_note_and_one_past_its_end_a_warning(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = project.ledger()
    lease = ledger.acquire("main", "r2-alive")
    (found,) = premises(project)
    assert (found.level, "being worked on" in found.what) == ("note", True)
    later = clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    (found,) = premises(project)
    assert (found.level, "no sign of life since" in found.what) == ("warning", True)
    ledger.release(lease)
    assert not premises(project)


def test_looking_creates_no_ledger(project: Project) -> None:
    assert not premises(project)
    assert not project.has_ledger
