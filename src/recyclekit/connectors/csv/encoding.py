"""Which encoding a file is in, by strict trial decoding in a fixed order, and a UTF-8 copy where it is another.

Statistics are not asked first: they take cp932 for something else. Nothing is ever decoded with replacement.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from recyclekit.errors import InputError

BLOCK = 1 << 20
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_JIS = ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_3")
_EUC = ("euc_jp", "euc_jis_2004")  # the second knows what Windows added, such as ①
_UNUSED = re.compile("[\x80\xa0\uf8f0-\uf8f3]")  # what Python's cp932 makes of bytes that nobody writes
_TRIED = "UTF-8, ISO-2022-JP, cp932 (Shift JIS), EUC-JP and UTF-16"
_MOST_BAD_LINES = 0.1  # of the lines that are not plain ASCII; above it, the file as a whole is in doubt


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding, the length of the mark before the text, and the lines (from 1) that are not in it."""

    name: str
    bom: int = 0
    bad_lines: frozenset[int] = frozenset()

    @property
    def in_place(self) -> bool:
        """Whether the file can be read as it lies, without a copy."""
        return self.name in ("utf-8", "ascii") and not self.bad_lines


def find_encoding(path: Path, declared: str | None) -> Encoding:
    """Return the encoding of a file: its byte order mark, else the declared one, else the first that fits throughout.

    Raises:
        InputError: the declared encoding does not fit (with the first line and byte), or none fits.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    for mark, name in BOMS:
        if start.startswith(mark):
            if declared is not None and not declared.startswith(name[:6].rstrip("-")):
                raise _differs(path, declared, 1, f"which begins with the byte order mark of {name}", "it was declared")
            if name == "utf-8" and declared is None and not fits(path, name) and (bad := _bad(path, name)):
                return Encoding(name, len(mark), bad)
            return _checked(path, Encoding(name, len(mark)), f"its byte order mark says {name}")
    if declared is not None:
        return _checked(path, Encoding(_without_mark(declared, start)), f"{declared} was declared")
    return _by_trial(path, start)


def _without_mark(declared: str, start: bytes) -> str:
    if declared == "utf-16":
        return _utf16(start) or "utf-16-le"
    return "utf-8" if declared in ("utf-8-sig", "ascii") else declared


def _by_trial(path: Path, start: bytes) -> Encoding:
    wide = _utf16(start)
    if wide and fits(path, wide):
        return Encoding(wide)
    if start.isascii() and _has_escapes(path):
        for name in _JIS:
            if fits(path, name):
                return Encoding(name)
    if fits(path, "utf-8"):
        return Encoding("utf-8")
    fitting = [name for name in ("cp932", *_EUC) if fits(path, name)]
    if fitting:
        return Encoding(_more_plausible(path, fitting))
    return _mostly(path)


def _has_escapes(path: Path) -> bool:
    """Whether a file is pure ASCII with the escape sequences of ISO-2022-JP somewhere."""
    escapes = False
    for block in blocks(path):
        if not block.isascii():
            return False
        escapes = escapes or b"\x1b" in block
    return escapes


def _utf16(start: bytes) -> str | None:
    """Tell UTF-16 without a mark from a file with stray NULs: its line feeds, too, stand beside a NUL."""
    for name, feed, nul in (("utf-16-le", b"\n\0", 1), ("utf-16-be", b"\0\n", 0)):
        zeros = start[nul::2].count(0)
        pairs = sum(1 for match in re.finditer(re.escape(feed), start) if match.start() % 2 == 0)
        feeds = pairs * 2 > start.count(b"\n") or (b"\n" not in start and zeros * 3 > len(start) // 2)
        if feeds and zeros > 10 * start[1 - nul :: 2].count(0):
            return name
    return None


def fits(path: Path, encoding: str) -> bool:
    """Whether every byte of a file is right in this encoding."""
    if encoding == "utf-8":
        return all(is_utf8(block) for block in blocks(path, lines=True))
    try:
        return not any(_is_strange(text, encoding) for text in decoded(path, encoding))
    except UnicodeError:
        return False


def _is_strange(text: str, encoding: str) -> bool:
    """Whether a text shows that its bytes were never written in this encoding, though Python decodes them."""
    return encoding == "cp932" and _UNUSED.search(text) is not None


def is_utf8(block: bytes) -> bool:
    """Whether a block that ends with a line is right in UTF-8; eight times faster than decoding it."""
    try:
        return block.isascii() or pl.Series([block], dtype=pl.Binary).cast(pl.String).len() == 1
    except pl.exceptions.ComputeError:
        return False


def holds_utf8(numbers: pl.Series) -> bool:
    """The same of bytes as a series of UInt8, which need not be copied first."""
    try:
        return numbers.implode().cast(pl.Binary).cast(pl.String).len() == 1
    except pl.exceptions.ComputeError:
        return False


def blocks(path: Path, *, lines: bool = False, skip: int = 0) -> Iterator[bytes]:
    """Yield a file in blocks of about a megabyte; with `lines`, cut behind a line feed (the last one may lack it)."""
    kept = b""
    with path.open("rb", buffering=0) as file:
        file.seek(skip)
        while block := file.read(BLOCK):
            cut = block.rfind(b"\n") + 1 if lines else len(block)
            if cut:
                yield kept + block[:cut] if kept else block[:cut]
            kept = block[cut:] if cut else kept + block
    if kept:
        yield kept


def decoded(path: Path, encoding: str, skip: int = 0) -> Iterator[str]:
    """Yield the text of a file block by block; UnicodeError where a byte is wrong."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    for block in blocks(path, skip=skip):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _checked(path: Path, encoding: Encoding, because: str) -> Encoding:
    """Return the encoding if the whole file is in it, else raise with the first line and byte that is not."""
    if encoding.name == "utf-8" and fits(path, "utf-8"):
        return encoding
    line = 1
    decoder = codecs.getincrementaldecoder(encoding.name)("strict")
    try:
        for block in blocks(path, skip=encoding.bom):
            line += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += _feeds(error, encoding.name)
        raise _differs(path, encoding.name, line, f"at byte 0x{error.object[error.start]:02X}", because) from None
    return encoding


def _feeds(error: UnicodeDecodeError, name: str) -> int:
    """Count the line feeds between the start of the decoder's block and the byte that is wrong."""
    feed = "\n".encode(name)
    return error.object[: error.start].count(feed)


def _differs(path: Path, name: str, line: int, where: str, because: str) -> InputError:
    return InputError(
        f"{path.name} is not in {name}: the first that does not fit is in line {line}, {where}.",
        why=f"It was read so because {because}.",
        fix="Set `encoding` to the right one, or leave it out to have it found.",
    )


_COMMON = re.compile("[\u3000-\u30ff\uff01-\uff60\u2010-\u2027\u2500-\u257f\u25a0-\u25ff①-⑳]")


def _more_plausible(path: Path, names: list[str]) -> str:
    """Choose among encodings that all fit: the one in which the text has fewest half-width or rare characters."""
    return min(names, key=lambda name: _strangeness(path, name)) if len(names) > 1 else names[0]


def _strangeness(path: Path, name: str) -> float:
    """Share of rare ones among the first characters beyond ASCII; kanji count as common at JIS level 1."""
    texts = (character for text in decoded(path, name) for character in text if character > "\x7f")
    beyond = list(islice(texts, 20_000))
    rare = sum(1 for character in beyond if not _COMMON.match(character) and not _level_one(character))
    return rare / max(1, len(beyond))


def _level_one(character: str) -> bool:
    try:
        code = character.encode("euc_jp")
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and 0xB0 <= code[0] <= 0xCF


def _mostly(path: Path) -> Encoding:
    """Find the encoding that all but a few lines are in: the others are set aside, line by line."""
    found = [(len(bad), name, bad) for name in ("utf-8", "cp932", "euc_jp") if (bad := _bad(path, name)) is not None]
    if not found:
        raise InputError(
            f"{path.name} is in no encoding that is known here.",
            why=f"Tried were {_TRIED}; each fails on many lines.",
            fix="Set `encoding` in the connection's settings, or export the file again as UTF-8.",
        )
    _, name, bad = min(found, key=lambda one: one[0])
    return Encoding(name, bad_lines=bad)


def _bad(path: Path, encoding: str) -> frozenset[int] | None:
    """Return the lines that are not in this encoding; None where they are too many to call the file so."""
    bad: set[int] = set()
    line = beyond = 0
    for block in blocks(path, lines=True):
        for content in _lines(block):
            line += 1
            beyond += not content.isascii()
            try:
                wrong = not content.isascii() and _is_strange(content.decode(encoding), encoding)
            except UnicodeDecodeError:
                wrong = True
            if wrong:
                bad.add(line)
    return frozenset(bad) if len(bad) <= max(1, beyond * _MOST_BAD_LINES) and 1 not in bad else None


def _lines(block: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", block)


def to_utf8(path: Path, encoding: Encoding, copy: Path) -> None:
    """Write a UTF-8 copy block by block; lines that are not in the encoding become empty, to be set aside by number.

    A file whose only line ends are carriage returns gets line feeds.
    """
    if encoding.bad_lines:
        return _readable_lines(path, encoding, copy)
    lone = only_carriage_returns(path, encoding)
    with copy.open("w", encoding="utf-8", newline="") as file:
        for text in decoded(path, encoding.name, encoding.bom):
            file.write(text.replace("\r", "\n") if lone else text)
    return None


def _readable_lines(path: Path, encoding: Encoding, copy: Path) -> None:
    line = 0
    with copy.open("w", encoding="utf-8", newline="") as file:
        for block in blocks(path, lines=True):
            for content in _lines(block):
                line += 1
                file.write("\n" if line in encoding.bad_lines else content.decode(encoding.name))


def only_carriage_returns(path: Path, encoding: Encoding) -> bool:
    """Whether the lines of a file end as on old Macs."""
    start = next(decoded(path, encoding.name, encoding.bom), "") if not encoding.bad_lines else ""
    return "\r" in start and "\n" not in start
