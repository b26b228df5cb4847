"""The process of the server: `python -m supervisor.forkserver LISTENER LIFELINE`."""

from __future__ import annotations

import sys

from supervisor.forkserver.server import serve

if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
