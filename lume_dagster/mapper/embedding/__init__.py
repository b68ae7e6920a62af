"""Vectors of short texts from a table of word pieces: near in meaning is near in direction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lume_dagster.errors import LumeError
from lume_dagster.mapper.embedding.wordpiece import WordPieces

_FOLDER = Path(__file__).parent
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Embedding:
    """The table: a row of 8-bit numbers and a scale for each word piece."""

    pieces: WordPieces
    quantized: NDArray[np.int8]
    scale: NDArray[np.float16]
    digest: str

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """One row a text, of length one; of a text without any known word, zeros."""
        numbers = [self.pieces.split(text) for text in texts]
        sums = np.zeros((len(texts), self.quantized.shape[1]), dtype=np.float32)
        flat = np.array([n for row in numbers for n in row], dtype=np.intp)
        if not len(flat):
            return sums
        used, places = np.unique(flat, return_inverse=True)
        rows = self.quantized[used].astype(np.float32) * self.scale[used].astype(np.float32)
        filled = [i for i, row in enumerate(numbers) if row]
        starts = np.cumsum([0, *(len(numbers[i]) for i in filled[:-1])])
        sums[filled] = np.add.reduceat(rows[places], starts, axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-9), dtype=np.float32)


@cache
def load_embedding() -> Embedding:
    """The table of the package; read once.

    Raises:
        LumeError: the file is not the one the package was published with.
    """
    content = (_FOLDER / "table.npz").read_bytes()
    digest = sha256(content).hexdigest()
    if digest != provenance()["table_sha256"]:
        raise LumeError(
            "The mapper's embedding table is damaged: its digest is not the recorded one.",
            hint="Install lume-dagster again.",
        )
    with np.load(BytesIO(content), allow_pickle=False) as table:
        pieces = tuple(table["pieces"].tobytes().decode().split("\n"))
        return Embedding(WordPieces(pieces), table["quantized"], table["scale"], digest[:12])


def provenance() -> dict[str, Any]:
    """Where the table comes from: model, wheel, licence, script, digests."""
    loaded: dict[str, Any] = json.loads((_FOLDER / "provenance.json").read_text(encoding="utf-8"))
    return loaded
