"""The program of the command-line tests, here with things going wrong around it."""

from __future__ import annotations

from tests.integration.cli.conftest import pocker

__all__ = ["pocker"]
