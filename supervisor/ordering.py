"""What comes before what: the order of jobs, who needs whom, and whether that can work at all.

A graph maps each job to those that it depends on, all of them jobs of the graph themselves.
Wherever the dependencies leave the order open, it is that of the file.
"""

from __future__ import annotations

import graphlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from supervisor.jobspec import JobSpec
from supervisor.policies import Condition, Dependency

Graph: TypeAlias = Mapping[str, Collection[str]]

_WAITED_FOR = {Condition.STARTED: " (started)", Condition.HEALTHY: " (healthy)"}
"""What is said of a wait that is not for the end."""


def graph_of(jobs: Mapping[str, JobSpec]) -> Graph:
    """The dependencies of all jobs."""
    return {name: [need.job for need in job.depends_on] for name, job in jobs.items()}


def levels(graph: Graph) -> list[list[str]]:
    """Jobs that may run side by side: those of a level need only earlier levels.

    Raises graphlib.CycleError; `find_cycles` says beforehand where.
    """
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    rank = {name: position for position, name in enumerate(graph)}
    found = []
    while sorter.is_active():
        level = sorted(sorter.get_ready(), key=rank.__getitem__)
        sorter.done(*level)
        found.append(level)
    return found


def order(graph: Graph) -> list[str]:
    """All jobs, each after those that it depends on. Raises graphlib.CycleError."""
    return [name for level in levels(graph) for name in level]


def find_cycles(graph: Graph) -> list[list[str]]:
    """Cycles, each as ``[a, b, a]`` where a depends on b; at least one for every knot of jobs.

    Without the first job of every cycle that is found, no cycle is left.
    """
    remaining = dict(graph)
    found = []
    while cycle := _find_cycle(remaining):
        found.append(cycle)
        del remaining[cycle[0]]
        remaining = {
            name: [need for need in needs if need in remaining] for name, needs in remaining.items()
        }
    return found


def _find_cycle(graph: Graph) -> list[str]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # graphlib lists each job before one that depends on it, and the first one again at the end.
        cycle: list[str] = error.args[1][:0:-1]
        rank = {name: position for position, name in enumerate(graph)}
        first = cycle.index(min(cycle, key=rank.__getitem__))
        return [*cycle[first:], *cycle[: first + 1]]
    return []


def dependencies_of(graph: Graph, names: Iterable[str]) -> set[str]:
    """All that these jobs need, directly or not, and not the jobs themselves unless needed."""
    needed: set[str] = set()
    waiting = [need for name in names for need in graph[name]]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += graph[name]
    return needed


def dependents_of(graph: Graph, names: Iterable[str]) -> set[str]:
    """All that need these jobs, directly or not."""
    inverse: dict[str, list[str]] = {name: [] for name in graph}
    for name, needs in graph.items():
        for need in needs:
            inverse[need].append(name)
    return dependencies_of(inverse, names)


def select(graph: Graph, names: Collection[str]) -> list[str]:
    """These jobs and all that they need, in order; all jobs if none is named.

    Raises KeyError for the name of no job.
    """
    if not names:
        return order(graph)
    wanted = {*names, *dependencies_of(graph, names)}
    return [name for name in order(graph) if name in wanted]


def to_text(jobs: Mapping[str, JobSpec]) -> str:
    """The order for people: a line for each job, numbered by level, with what it waits for."""
    lines = []
    for number, level in enumerate(levels(graph_of(jobs)), 1):
        for name in level:
            waits = ", ".join(map(_wait, jobs[name].depends_on))
            lines.append(f"{number}  {name}" + (f"  after {waits}" if waits else ""))
    return "\n".join(lines)


def _wait(need: Dependency) -> str:
    return need.job + _WAITED_FOR.get(need.condition, "")


def to_dot(jobs: Mapping[str, JobSpec]) -> str:
    """The graph in Graphviz's language, an arrow from each job to those that wait for it.

    Dashed arrows wait for a start, or for health, and not for the end.
    """
    lines = ["digraph jobs {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {json.dumps(name)};" for name in order(graph_of(jobs))]
    for name, job in jobs.items():
        for need in job.depends_on:
            style = " [style=dashed]" if need.condition in _WAITED_FOR else ""
            lines.append(f"  {json.dumps(need.job)} -> {json.dumps(name)}{style};")
    return "\n".join([*lines, "}"])
