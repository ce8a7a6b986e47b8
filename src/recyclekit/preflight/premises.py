"""What a ledger stands on, found before a run: the disk under its file, and leases that a run left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from recyclekit.errors import RecyclekitError
from recyclekit.models.snapshot import Finding
from recyclekit.project import Project

MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux says which disk lies under which folder; elsewhere nothing is known, and nothing is said."""
_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "ocfs2", "beegfs", "virtiofs")
_LOCAL_FUSE = ("fuseblk", "fuse.ntfs", "fuse.exfat", "fuse.fuse-overlayfs", "fuse.lxcfs")


def premises(project: Project, mounts: Path = MOUNTS) -> Sequence[Finding]:
    """Return what is wrong under and around the project's ledger. Writes nothing."""
    return [*_disk(project, mounts), *_leases(project)]


def disk_under(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the kind of the file system on which a path lies or would lie, like ext4 or nfs4; None where unknown."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, deepest = path.resolve(), -1
    found: str | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) < 5 or not kind:
            continue
        point = Path(_unescaped(fields[4]))
        if place.is_relative_to(point) and len(point.parts) >= deepest:  # of two on one point, the later one counts
            deepest, found = len(point.parts), kind
    return found


def is_network(kind: str) -> bool:
    """Return whether a kind of file system lies on another machine, where SQLite's locks cannot be relied on."""
    if kind.startswith("fuse"):
        return kind not in _LOCAL_FUSE and not kind.startswith(_LOCAL_FUSE)
    return kind.startswith(_NETWORK)


def _unescaped(point: str) -> str:
    for code, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, sign)
    return point


def _disk(project: Project, mounts: Path) -> Iterator[Finding]:
    kind, _, place = project.spec.ledger.partition(":///")
    if not kind.startswith("sqlite") or not place:
        return
    path = project.folder / place.partition("?")[0]
    disk = disk_under(path.parent, mounts)
    if disk is not None and is_network(disk):
        yield Finding(
            level="error",
            where="ledger",
            what=f"The ledger {path} is a SQLite file on a network disk ({disk}), where its locks cannot be relied on.",
            fix="Put it on a disk of this machine, or take PostgreSQL: ledger: postgresql+psycopg://user@host/database",
        )


def _leases(project: Project) -> Iterator[Finding]:
    if not project.has_ledger:
        return
    try:
        held = project.ledger().leases()
    except RecyclekitError:
        return  # preflight says what is wrong with the ledger
    for lease in held:
        who = lease.holder.words
        where = f"pipelines.{lease.pipeline}"
        if lease.is_dead or lease.has_ended:
            how = (
                "that process is gone" if lease.is_dead else f"it gave no sign of life since {lease.ends_at:%H:%M} UTC"
            )
            what = f"The lease is still held by a dead run: {who}; {how}."
            finish = f"recyclekit retry {lease.holder.run}"
            fix = f"Nothing needs to be freed: the next run takes it over. To finish now: {finish}"
            yield Finding(level="warning", where=where, what=what, fix=fix)
        else:
            what = f"The pipeline is being worked on: {who}."
            fix = "Wait for it to end; another run ends with exit code 6 meanwhile."
            yield Finding(level="note", where=where, what=what, fix=fix)
