"""Many random sessions on eleven kinds of models, against oracles that know nothing of kanwidget.

    python tests/soak/soak.py walks --sessions 1000
    python tests/soak/soak.py interrupts --sessions 1000
    python tests/soak/soak.py threads
    python tests/soak/soak.py --kind pykan --seed 7        # one walk again, step by step

Session n is of kind n modulo the number of kinds, with seed n; ``--kind`` takes only one kind.
``--ignore "weights,half"`` goes on after a check, or leaves out an act from outside.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from models import KINDS
from walks import Failure, shrink, walk

__all__ = ["many", "table"]


def many(
    one: Callable[[str, int], Failure | None], sessions: int, kinds: list[str], start: int = 0
) -> dict[str, list[Failure | None]]:
    """Run numbered sessions of some kinds in turn."""
    found: dict[str, list[Failure | None]] = {kind: [] for kind in kinds}
    for seed in range(start, start + sessions):
        kind = kinds[seed % len(kinds)]
        try:
            failure = one(kind, seed)
        except KeyboardInterrupt:
            print(f"stopped at session {seed}")
            break
        found[kind].append(failure)
        if failure is not None:
            print(f"{failure.kind:15} {failure.seed:5} {failure.check}", flush=True)
    return found


def table(found: dict[str, list[Failure | None]]) -> str:
    """Return the table of kinds, sessions, failures and their seeds; then causes."""
    lines = ["", "kind             sessions  failed  first failing seeds"]
    causes: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, results in found.items():
        failures = [f for f in results if f is not None]
        seeds = ", ".join(str(f.seed) for f in failures[:8])
        lines.append(f"{kind:16} {len(results):8} {len(failures):7}  {seeds}")
        for f in failures:
            causes[f.check][f.kind] += 1
    bad = sum(f is not None for results in found.values() for f in results)
    total = sum(len(results) for results in found.values())
    lines.append(f"{'all':16} {total:8} {bad:7}")
    for check, where in sorted(causes.items(), key=lambda item: -item[1].total()):
        kinds = ", ".join(f"{kind} {count}" for kind, count in where.most_common())
        lines.append(f"  {where.total():4}  {check}: {kinds}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="?", default="walks")
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--kind", choices=list(KINDS), action="append")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--ignore", default="")
    parser.add_argument("--changes", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    ignored = [name.strip() for name in options.ignore.split(",") if name.strip()]
    kinds = options.kind or list(KINDS)
    start = time.time()
    if options.what == "walks":

        def one(kind: str, seed: int) -> Failure | None:
            return walk(kind, seed, ignored)

    else:
        import stress

        if options.what == "threads":
            found = stress.threads(kinds, options.changes)
            print(table(found), f"\n{time.time() - start:.0f} s")
            return int(any(f for results in found.values() for f in results))
        one = stress.interrupted
    if options.seed is not None:
        kind = kinds[0] if options.kind else kinds[options.seed % len(kinds)]
        for _ in range(1 if options.what == "walks" else 100):  # a timer is never the same
            failure = one(kind, options.seed)
            if failure is not None:
                break
        if failure is not None and options.what == "walks":
            failure = shrink(failure, ignored)
        print(failure or f"{kind}, seed {options.seed}: good")
        return int(failure is not None)
    found = many(one, options.sessions, kinds, options.start)
    print(table(found), f"\n{time.time() - start:.0f} s")
    return int(any(f for results in found.values() for f in results))


if __name__ == "__main__":
    sys.exit(main())
