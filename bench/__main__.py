"""`python -m bench [NAME ...]`: all benchmarks or those named. Missed bars are no failure."""

import platform
import sys

from bench import databases, ledger, limits, sign_in, signed_in_read, start, upload
from bench.machine import CannotMeasure, description

_BENCHMARKS = {
    "signed_in_read": signed_in_read.main,
    "databases": databases.main,
    "upload": upload.main,
    "start": start.main,
    "ledger": ledger.main,
    "limits": limits.main,
    "sign_in": sign_in.main,
}


def main() -> int:
    """Run what the command line names."""
    names = sys.argv[1:] or list(_BENCHMARKS)
    unknown = set(names) - _BENCHMARKS.keys()
    if unknown:
        print(f"No such benchmark: {', '.join(unknown)}. There are {', '.join(_BENCHMARKS)}.")
        return 2
    print(f"{description()}; Python {platform.python_version()}")
    for name in names:
        try:
            _BENCHMARKS[name]()
        except CannotMeasure as error:
            print(f"\n{name} was not measured: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
