"""One target under libFuzzer, by atheris: `python -m tests.fuzz.one TARGET SECONDS FOLDER`.

The corpus grows in FOLDER/corpus; an input that breaks something is left in FOLDER as crash-…, timeout-…
or oom-…, and the exit code is not zero.
"""

import hashlib
import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lyhord_wire", "lyhord_gateway", "tomllib", "tests.fuzz"]):
    from tests.fuzz.targets import TARGETS

_TIMEOUT_S = 5  # for one input; instrumented and on a busy machine it takes some milliseconds
_MEMORY_MB = 400  # of the whole process; it starts with about 120


def main() -> None:
    name, seconds, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    logging.disable()
    target = TARGETS[name]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.corpus(name):
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    words = folder / "words"
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={_TIMEOUT_S}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-max_len={target.size}",
        *([f"-dict={words}"] if target.words else []),
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-close_fd_mask=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
