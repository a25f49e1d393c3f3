"""`make bench`: build a scratch database, measure everything, print the table, write `var/bench.json`."""

import os
import sys
import tempfile
from pathlib import Path

VAR = Path(os.environ.get("VAR_DIR", "var")).resolve()


def main(only: list[str]) -> int:
    """Measure the modules named in `only`, or all; 0 when every goal is met."""
    with tempfile.TemporaryDirectory(prefix="megabox-bench-") as scratch:
        os.environ["VAR_DIR"] = scratch
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from benchmarks import figures, gate, ingest, ledger, pages

        found: list[figures.Figure] = []
        for module in (ledger, ingest, pages, gate):
            name = module.__name__.rpartition(".")[2]
            if only and name not in only:
                continue
            print(f"Measuring {name} ...", flush=True)
            found += module.run()
    print("\n" + figures.show(found))
    figures.keep(found, VAR / "bench.json")
    print(f"\nWritten to {VAR / 'bench.json'}")
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
