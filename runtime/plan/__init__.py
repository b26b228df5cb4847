"""The plan: everything that is done between the new namespaces and the command, as data."""

from runtime.plan.build import Surroundings, build_plan
from runtime.plan.step import Step, describe, encode

__all__ = ["Step", "Surroundings", "build_plan", "describe", "encode"]
