"""`make bench`: build a scratch database, measure everything, print the table, write `var/bench.json`."""

import importlib
import os
import sys
import tempfile
from pathlib import Path

VAR = Path(os.environ.get("VAR_DIR", "var")).resolve()
MODULES = (
    "ledger",
    "peers",
    "clients",
    "settlement",
    "payouts",
    "pool",
    "ingest",
    "pages",
    "gate",
    "zips",
    "decisions",
    "events",
    "consumer",
    "ids",
    "growth",  # closes months after all that the others posted
)


def main(only: list[str]) -> int:
    """Measure the modules named in `only`, or all; 0 when every goal is met."""
    unknown = set(only) - set(MODULES)
    if unknown:
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}.")
        return 2
    with tempfile.TemporaryDirectory(prefix="megabox-bench-") as scratch:
        os.environ["VAR_DIR"] = scratch
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        return _measure(only or list(MODULES))


def _measure(names: list[str]) -> int:
    from django.test.utils import setup_databases, teardown_databases

    from benchmarks import figures

    found: list[figures.Figure] = []
    scratch = setup_databases(verbosity=0, interactive=False)
    try:
        for name in names:
            print(f"Measuring {name} ...", flush=True)
            found += importlib.import_module(f"benchmarks.{name}").run()
    finally:
        teardown_databases(scratch, verbosity=0)
    print("\n" + figures.show(found))
    figures.keep(found, VAR / "bench.json")
    print(f"\nWritten to {VAR / 'bench.json'}")
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
