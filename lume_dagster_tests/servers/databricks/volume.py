"""The files of Unity Catalog volumes: ``/Volumes/<catalog>/<schema>/<volume>/...`` in a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

_VOLUME = re.compile(r"/Volumes(/[^/]+){3}(/|$)")


class Volumes:
    """Every volume there is; any name of one will do."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def local(self, path: str) -> Path:
        """Where a path of a volume lies on disk; nothing outside the root is reached."""
        local = Path(f"{self._root}{path}").resolve()
        if not _VOLUME.match(path) or not local.is_relative_to(self._root / "Volumes"):
            raise ValueError(f"[INVALID_VOLUME_PATH] {path} is not a path in a volume")
        return local

    def write(self, path: str, content: bytes) -> None:
        """Store a file, as a whole or not at all."""
        local = self.local(path)
        local.parent.mkdir(parents=True, exist_ok=True)
        temporary = local.with_name(f".{local.name}.part")
        temporary.write_bytes(content)
        temporary.replace(local)

    def age(self, seconds: float) -> None:
        """Make every file older."""
        for file in (self._root / "Volumes").rglob("*.*"):
            changed = file.stat().st_mtime - seconds
            os.utime(file, (changed, changed))

    def found(self, pattern: str) -> list[str]:
        """The local files of a path, a folder or a glob, in name order.

        Raises:
            ValueError: there is none, in Spark's words.
        """
        local = self.local(pattern)
        files = [f for f in local.rglob("*") if f.is_file()] if local.is_dir() else []
        names = sorted(map(str, files)) or sorted(map(str, local.parent.glob(local.name)))
        if not names:
            raise ValueError(f"[PATH_NOT_FOUND] Path does not exist: {pattern}. SQLSTATE: 42K03")
        return names

    def listed(self, path: str) -> list[dict[str, object]]:
        """What LIST answers: the files right below a folder."""
        folder = self.local(path)
        return [
            {
                "path": f"{path.rstrip('/')}/{file.name}",
                "name": file.name,
                "size": file.stat().st_size,
                "modification_time": int(file.stat().st_mtime * 1000),
            }
            for file in sorted(folder.iterdir() if folder.is_dir() else [])
            if not file.name.startswith(".")
        ]
