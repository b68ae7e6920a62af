"""What the name of a batch is: text or not, and the folder name that stands for it anywhere."""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_TAIL = 60


def is_text(name: str) -> bool:
    """Whether a name is text that can be sent: the name of a file may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def batch_segment(source_path: str) -> str:
    """The sanitized tail of ``source_path`` and twelve digits of its hash."""
    digest = hashlib.sha256(source_path.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    last = source_path.rstrip("/").rsplit("/", 1)[-1]
    tail = _UNSAFE.sub("_", last).strip("._-")[-_TAIL:].lstrip("._-")
    return f"{tail or 'batch'}-{digest}"
