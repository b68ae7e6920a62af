"""The folder name that stands for a batch: readable, safe on every file system, and unique."""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_TAIL = 60


def batch_segment(source_path: str) -> str:
    """The sanitized tail of ``source_path`` and twelve digits of its hash."""
    digest = hashlib.sha256(source_path.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    last = source_path.rstrip("/").rsplit("/", 1)[-1]
    tail = _UNSAFE.sub("_", last).strip("._-")[-_TAIL:].lstrip("._-")
    return f"{tail or 'batch'}-{digest}"
