"""Read the headers of many files with one start of Python: a fresh fork each, limited as in the sandbox.

`python -I warm_reader.py <reader.py> <largest picture>`; asks line by line for "container<TAB>path", answers as many.
"""

import importlib.util
import json
import os
import resource
import sys


def main() -> None:
    spec = importlib.util.spec_from_file_location("reader", sys.argv[1])
    assert spec is not None and spec.loader is not None
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    for line in sys.stdin:
        container, _, path = line.rstrip("\n").partition("\t")
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_CPU, (6, 6))
            resource.setrlimit(resource.RLIMIT_AS, (1024**3, 1024**3))
            answer = json.dumps(reader.main(path, container, int(sys.argv[2])))
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.stdout.write("it died\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
