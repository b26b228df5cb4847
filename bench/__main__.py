"""All benchmarks, one after the other: ``./just bench``."""

from __future__ import annotations

import subprocess
import sys

MODULES = ("bench.start", "bench.cli", "bench.service", "bench.logs", "bench.images")

for module in MODULES:
    print(f"\n{module}", flush=True)
    subprocess.run([sys.executable, "-m", module], check=True)
