"""How fast text is sketched, against the libraries that do the same: 128 permutations over word 5-shingles, Arrow strings in, sketches out.

usage: python benchmarks/sign.py --set-up               (once: an environment for each peer, of the versions in benchmarks/peers)
       python benchmarks/sign.py [--megabytes 85] [--json OUT]

The corpus is real text (books, documentation, news, source code; ../shared/data/dev/corpora where it stands beside the checkout, else the files under
examples/ and docs/) cut into documents of 0.5 to 4 KB at random places until the size is reached. Every contender runs by itself in a fresh process pinned to one core,
in turn, the best of three; the slowest sketches the first documents only, and MB a second is of what it sketched. CPU seconds are user and system
time; peak memory is VmHWM of the process, the corpus included. Each peer has an environment of its own, so that none gets a library because another asks for it.

What each does with a document, 128 permutations of word 5-shingles all:

* provenance: words after normalisation (case, punctuation, spelling of accents, look-alikes), 32-bit hashes, permutations of 32 bits; all of it compiled.
* daft: words are what spaces separate, nothing is normalised; xxhash, 32 bits; compiled, and run over whole columns.
* rensa ``RMinHash``: takes lists of tokens, which Python must make, words by ``\\w+`` of the lower-cased text or by ``str.split``; 5-grams are joined strings.
* datasketch ``MinHash``: the same tokens, hashed one by one by xxhash (32 bits), then permuted in NumPy.
* datatrove ``MinhashDedupSignature``: its own normalisation (case, spaces, punctuation, diacritics, numbers), words by spaCy's rules for English, its default, or
  by ``str.split``; xxhash of 64 bits; 16 buckets of 8; signatures are written to files and sorted, which is how it is used.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("PROVENANCE_SHARED", ROOT.parent / "shared"))
PEERS = ROOT / ".venv" / "peers"
ROUNDS = 3
NUM_PERM, WORDS = 128, 5
WORD = re.compile(r"\w+")
WARM_UP = 64
"""Documents sketched before the clock starts: compiling, loading and importing are no sketching."""


def ours(texts: pa.Array) -> int:
    from provenance.fingerprint.minhash import sketch_rows

    return len(sketch_rows(*buffers(texts)))


def daft(texts: pa.Array) -> int:
    """Daft's native expression: words are what spaces separate; nothing is normalised."""
    import daft as library

    frame = library.from_arrow(pa.table({"text": texts}))
    return len(frame.select(frame["text"].minhash(num_hashes=NUM_PERM, ngram_size=WORDS, hash_function="xxhash")).to_arrow())


def rensa(texts: pa.Array) -> int:
    return rensa_over(texts, same_words)


def rensa_split(texts: pa.Array) -> int:
    return rensa_over(texts, str.split)


def rensa_over(texts: pa.Array, words: Callable[[str], list[str]]) -> int:
    """Rensa in batches; Python makes the 5-grams, since it takes nothing else."""
    from rensa import RMinHash

    done = 0
    for first in range(0, len(texts), 1000):
        batch = [five_grams(words(text)) for text in texts[first : first + 1000].to_pylist()]
        RMinHash.digest_matrix_from_token_sets(batch, num_perm=NUM_PERM, seed=1)
        done += len(batch)
    return done


def datasketch(texts: pa.Array) -> int:
    return datasketch_over(texts, same_words)


def datasketch_split(texts: pa.Array) -> int:
    return datasketch_over(texts, str.split)


def datasketch_over(texts: pa.Array, words: Callable[[str], list[str]]) -> int:
    from datasketch import MinHash
    from xxhash import xxh32_intdigest

    for text in texts.to_pylist():
        sketch = MinHash(num_perm=NUM_PERM, hashfunc=xxh32_intdigest)
        sketch.update_batch([gram.encode() for gram in five_grams(words(text))])
    return len(texts)


def datatrove(texts: pa.Array) -> int:
    return datatrove_over(texts, "en")


def datatrove_split(texts: pa.Array) -> int:
    """Its own ``WhitespaceTokenizer`` runs spaCy too; it takes any object of the kind, and this is the cheapest that Python has."""
    from datatrove.utils.word_tokenizers import WordTokenizer

    split = type(
        "Split",
        (WordTokenizer,),
        {
            "word_tokenize": lambda _, text: text.split(),
            "sent_tokenize": lambda _, text: [text],
            "span_tokenize": lambda _, text: [(0, len(text))],
        },
    )
    return datatrove_over(texts, split())


def datatrove_over(texts: pa.Array, words: object) -> int:
    """Datatrove's first stage of deduplication as its pipelines run it; what counts as done is what stands in its files."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.logging import logger

    logger.remove()
    buckets, rows = 16, NUM_PERM // 16
    with tempfile.TemporaryDirectory() as folder:
        stage = MinhashDedupSignature(folder, MinhashConfig(n_grams=WORDS, num_buckets=buckets, hashes_per_bucket=rows), language=words)
        stage.run(Document(text=text, id=str(number)) for number, text in enumerate(texts.to_pylist()))
        sizes = {path.stat().st_size for path in Path(folder).rglob("*.sig")}
    (size,) = sizes
    return size // (rows * 8 + 4)


def same_words(text: str) -> list[str]:
    """The nearest that Python comes to the words that ours are sketches of: punctuation and case do not count."""
    return WORD.findall(text.lower())


def five_grams(words: list[str]) -> list[str]:
    return [" ".join(words[i : i + WORDS]) for i in range(max(len(words) - WORDS + 1, 1))]


def our_words(texts: pa.Array) -> int:
    """Words counted only: what reading and normalising text costs."""
    from provenance.fingerprint.tokens import count_words

    return int(count_words(*buffers(texts)) > 0) * len(texts)


def buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and offsets of an Arrow string array, not copied."""
    _, offsets, data = texts.buffers()
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    return np.frombuffer(data, np.uint8), np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]


@dataclass(frozen=True)
class Contender:
    label: str
    run: Callable[[pa.Array], int]
    peer: str = ""
    """Distribution that is measured, and name of its environment; ours runs in the one that this runs in."""
    share: float = 1.0
    """Of the corpus that it sketches."""
    required: float | None = None
    """How many times faster ours has to be."""

    @property
    def python(self) -> str:
        return str(PEERS / self.peer / "bin" / "python") if self.peer else sys.executable


CONTENDERS = (
    Contender("provenance", ours),
    Contender("daft", daft, "daft", required=5),
    Contender("rensa RMinHash, batches", rensa, "rensa", required=25),
    Contender("rensa, words by str.split", rensa_split, "rensa"),
    Contender("datasketch + xxhash", datasketch, "datasketch", required=40),
    Contender("datasketch + xxhash, words by str.split", datasketch_split, "datasketch"),
    Contender("datatrove MinhashDedupSignature", datatrove, "datatrove", share=0.1, required=100),
    Contender("datatrove, words by str.split", datatrove_split, "datatrove"),
)
"""Words by ``str.split`` are cheaper and keep case or punctuation, as daft's do."""
WORDS_OF_OURS = Contender("words", our_words)
SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ascii", "ASCII"),
    ("mixed", "as it is"),
    ("accents", "every e is é"),
    ("cyrillic", "Cyrillic letters"),
    ("cjk", "CJK characters"),
)


def real_texts() -> Iterator[str]:
    folder = SHARED / "data" / "dev" / "corpora"
    if folder.is_dir():
        for path in sorted(folder.glob("*.jsonl*")):
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() if path.suffix == ".jsonl" else b""
            yield from (record["text"] for line in raw.splitlines() if isinstance((record := json.loads(line)).get("text"), str))
    else:
        for path in sorted(p for top in ("examples", "docs", "provenance", "tests") for p in (ROOT / top).rglob("*")):
            if path.suffix in (".md", ".txt", ".py", ".jsonl"):
                yield path.read_text("utf-8", errors="replace")


def cut_documents(megabytes: float, seed: int = 1729) -> list[str]:
    """Cut real text into documents of 500 to 4,000 characters; another round begins at another place."""
    rng = random.Random(seed)
    text = "\n".join(real_texts())
    documents: list[str] = []
    size, at = 0, 0
    while size < megabytes * 1e6:
        length = rng.randint(500, 4000)
        documents.append(text[at : at + length])
        size += len(documents[-1].encode())
        at = at + length if at + length < len(text) else rng.randint(0, 500)
    return documents


def translated(documents: list[str], script: str) -> list[str]:
    if script == "ascii":
        return [text.encode("ascii", "ignore").decode() for text in documents]
    small = "abcdefghijklmnopqrstuvwxyz"
    if script == "accents":
        return [text.replace("e", "é") for text in documents]
    if script == "cyrillic":
        return [text.translate(dict(zip(map(ord, small), "абцдефгхийклмнопярстувщхыз", strict=True))) for text in documents]
    if script == "cjk":
        return [re.sub(r"\w", lambda m: chr(0x4E00 + 37 * ord(m[0]) % 20_000), text) for text in documents]
    return documents


def write_arrow(path: Path, documents: list[str]) -> None:
    table = pa.table({"text": pa.array(documents, pa.large_string())})
    with pa.ipc.new_file(path, table.schema) as out:
        out.write_table(table)


def measure_here(name: str, path: str, share: float) -> None:
    """Sketch one file in this process, pinned to one core, and print the figures."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    texts = pa.ipc.open_file(pa.memory_map(path)).read_all().column("text").combine_chunks()
    texts = texts.slice(0, max(1, int(len(texts) * share)))
    run: Callable[[pa.Array], int] = globals()[name]
    run(texts[:WARM_UP])
    raw, offsets = buffers(texts)
    size = int(raw[offsets[0] : offsets[-1]].view(np.uint8).size)
    int(raw[offsets[0] : offsets[-1]].max())  # touch every page
    before = resource.getrusage(resource.RUSAGE_SELF)
    rows = run(texts)
    after = resource.getrusage(resource.RUSAGE_SELF)
    if rows != len(texts):
        raise SystemExit(f"{name} sketched {rows} of {len(texts)} documents")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"mb": size / 1e6, "cpu_s": cpu, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def measure_once(contender: Contender, path: Path) -> dict[str, Any] | str:
    """Return the figures of a fresh process, or why there are none."""
    if not Path(contender.python).is_file():
        return f"{contender.peer} is not installed: python benchmarks/sign.py --set-up"
    command = [contender.python, __file__, "--child", contender.run.__name__, str(path), str(contender.share)]
    environment = {**os.environ, "PYTHONPATH": "" if contender.peer else str(ROOT), "OMP_NUM_THREADS": "1", "DAFT_PROGRESS_BAR": "0"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(work: Sequence[tuple[Contender, Path]]) -> list[dict[str, Any] | str]:
    """Return the best of some rounds of each; the contenders take turns, so that a busy machine meets all of them."""
    rounds = [[measure_once(*one) for one in work] for _ in range(ROUNDS)]
    best: list[dict[str, Any] | str] = []
    for tries in zip(*rounds, strict=True):
        good = [found for found in tries if isinstance(found, dict)]
        best.append(min(good, key=lambda found: found["cpu_s"] / found["mb"]) if good else tries[-1])
    return best


def compare(path: Path) -> list[dict[str, object]]:
    print("| sketches | version | MB per CPU second | ours / theirs | required | peak MB | MB sketched |")
    print("|---|---|--:|--:|--:|--:|--:|")
    rows: list[dict[str, object]] = []
    speed_of_ours = 0.0
    for contender, found in zip(CONTENDERS, measure([(c, path) for c in CONTENDERS]), strict=True):
        if isinstance(found, str):
            print(f"| {contender.label} | | not measured: {found} | | | | |")
            continue
        speed = found["mb"] / found["cpu_s"]
        speed_of_ours = speed_of_ours or speed
        required = "" if contender.required is None else f"{contender.required:g}"
        figures = f"{speed:.1f} | {speed_of_ours / speed:.1f} | {required} | {found['peak_mb']:.0f} | {found['mb']:.0f}"
        print(f"| {contender.label} | {installed(contender)} | {figures} |", flush=True)
        rows.append({"contender": contender.label, "mb_per_cpu_s": speed, "ratio": speed_of_ours / speed, **found})
    return rows


def compare_scripts(folder: Path, documents: list[str]) -> list[dict[str, object]]:
    print("\n| the same text | MB | words counted, MB per CPU second | sketched, MB per CPU second |")
    print("|---|--:|--:|--:|")
    rows: list[dict[str, object]] = []
    for script, label in SCRIPTS:
        path = folder / f"{script}.arrow"
        write_arrow(path, translated(documents, script))
        counted, sketched = measure([(WORDS_OF_OURS, path), (CONTENDERS[0], path)])
        if isinstance(counted, str) or isinstance(sketched, str):
            raise SystemExit(f"{label}: {counted} {sketched}")
        speeds = counted["mb"] / counted["cpu_s"], sketched["mb"] / sketched["cpu_s"]
        print(f"| {label} | {counted['mb']:.0f} | {speeds[0]:.0f} | {speeds[1]:.0f} |", flush=True)
        rows.append({"script": script, "words_mb_per_cpu_s": speeds[0], "sketch_mb_per_cpu_s": speeds[1]})
    return rows


def installed(contender: Contender) -> str:
    """Return the version that was measured, and of ours that of what compiles it."""
    if not contender.peer:
        return f"numba {version('numba')}"
    code = f"import importlib.metadata; print(importlib.metadata.version({contender.peer!r}))"
    return subprocess.run([contender.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def set_up() -> None:
    """Make an environment for each peer; one that cannot be installed here is named, and the others are measured."""
    for listed in sorted((ROOT / "benchmarks" / "peers").glob("*.txt")):
        folder = PEERS / listed.stem
        stamp = folder / "installed.txt"
        if stamp.is_file() and stamp.read_bytes() == listed.read_bytes():
            continue
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        if subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "-r", str(listed)], check=False).returncode:
            print(f"{listed.stem} cannot be installed here", file=sys.stderr)
            shutil.rmtree(folder)
            continue
        stamp.write_bytes(listed.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=85)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--set-up", action="store_true", help="install the peers, each in an environment of its own, and stop")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure_here(given.child[0], given.child[1], float(given.child[2]))
        return
    if given.set_up:
        set_up()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = cut_documents(given.megabytes)
        write_arrow(folder / "corpus.arrow", documents)
        rows = compare(folder / "corpus.arrow") + compare_scripts(folder, documents[: len(documents) // 8])
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
