"""`python -m supervisor`, which is the same as `pocker`."""

from __future__ import annotations

from supervisor.cli import enter

if __name__ == "__main__":
    enter()
