"""`python -m supervisor`, which is the same as `pocker`."""

from __future__ import annotations

from supervisor.entry import enter

if __name__ == "__main__":
    enter()
