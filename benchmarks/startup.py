"""How long the command takes before it does anything: `python benchmarks/startup.py [--json]`.

Baseline: an interpreter that does nothing. Figures are the median wall time of whole processes, in seconds, and the
heavy packages each command imports.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

HEAVY = ("torch", "diffusers", "transformers", "peft", "langchain", "openai", "numpy", "PIL", "pydantic")
PLAN = ("plan", "Flynn relaxing on a sunny day", "--planner", "offline")
COMMANDS = {
    "python -c pass": None,
    "storyboard --help": ("--help",),
    "storyboard make --help": ("make", "--help"),
    "storyboard plan (offline)": PLAN,
}


def code_for(arguments: tuple[str, ...] | None) -> str:
    """What the process runs; prints the heavy packages it loaded as its last line on stderr."""
    if arguments is None:
        return "import sys; print([], file=sys.stderr)"
    return (
        "import sys\nfrom storyboard.commands.main import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )


def measure(arguments: tuple[str, ...] | None, runs: int) -> tuple[float, str]:
    """Median seconds, and the heavy packages of the last run."""
    seconds, loaded = [], ""
    for _ in range(runs):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code_for(arguments)], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - started)
        loaded = done.stderr.strip().splitlines()[-1]
    return statistics.median(seconds), loaded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = {name: measure(command, arguments.runs) for name, command in COMMANDS.items()}
    base = rows["python -c pass"][0]
    if arguments.json:
        print(json.dumps({name: {"seconds": round(s, 4), "imports": i} for name, (s, i) in rows.items()}, indent=1))
        return
    for name, (seconds, loaded) in rows.items():
        print(f"{name:28} {seconds:7.3f} s  ({seconds / base:5.1f} x an empty interpreter)  imports {loaded}")


if __name__ == "__main__":
    main()
