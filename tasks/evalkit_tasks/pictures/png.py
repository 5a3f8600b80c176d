"""Pictures as PNG files: written uncompressed, so that the same pixels are the same bytes everywhere.

Compressed bytes would depend on the version of zlib, and a task's fingerprint is that of its files.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING
from zlib import adler32, crc32

import numpy as np

from evalkit.errors import DataError, in_words

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from evalkit_tasks.pictures.protocol import Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST = 65_535  # bytes in a stored block of deflate, RFC 1951


def png(pixels: Pixels) -> bytes:
    """A PNG file of 8-bit RGB (W3C, Portable Network Graphics, third edition), its data stored as they are.

    Args:
        pixels: (height, width, 3).
    """
    height, width, _ = pixels.shape
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Each row begins with its filter: none.
    raw = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(raw)) + _chunk(b"IEND", b"")


def read_pixels(path: Path) -> Pixels:
    """(height, width, 3) the picture in a file of any format that Pillow reads, as RGB.

    Raises:
        DataError: Pillow is not installed, or the file is no picture that it can read.
    """
    image = _pillow()
    try:
        with image.open(path) as opened:
            return np.asarray(opened.convert("RGB"), dtype=np.uint8)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint="Add the picture, or correct the row that names it.") from None
    except Exception as error:  # each format of Pillow's has errors of its own
        raise DataError(f"{path} is no picture that can be read: {in_words(error)}.", hint="Mend the file.") from None


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError:
        raise DataError(
            "Reading pictures needs Pillow, which is not installed.",
            hint="Run: pip install 'evalkit-embeddings[images]'",
        ) from None
    return Image


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))


def _stored(raw: bytes) -> bytes:
    """A zlib stream (RFC 1950) of blocks without compression."""
    blocks = [raw[start : start + _LONGEST] for start in range(0, len(raw), _LONGEST)]
    parts = [
        pack("<BHH", number == len(blocks), len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks, start=1)
    ]
    return b"\x78\x01" + b"".join(parts) + pack(">I", adler32(raw))
