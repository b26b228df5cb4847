"""Order, cycles, selection and the two pictures of the graph."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.jobspec import JobSpec
from supervisor.ordering import (
    dependencies_of,
    dependents_of,
    find_cycles,
    graph_of,
    levels,
    order,
    select,
    to_dot,
    to_text,
)
from supervisor.policies import Condition, Dependency

Graph = dict[str, list[str]]

NAMES = st.sampled_from("abcdefgh")


@st.composite
def any_graphs(draw: st.DrawFn) -> Graph:
    """Graphs of up to eight jobs, cycles included."""
    names = draw(st.lists(NAMES, unique=True, min_size=1))
    return {name: draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) for name in names}


@st.composite
def ordered_graphs(draw: st.DrawFn) -> Graph:
    """Graphs without a cycle: each job depends on earlier ones only, in a file of any order."""
    names = draw(st.lists(NAMES, unique=True, min_size=1))
    graph = {
        name: draw(st.lists(st.sampled_from(names[:position]), unique=True)) if position else []
        for position, name in enumerate(names)
    }
    return {name: graph[name] for name in draw(st.permutations(names))}


@given(ordered_graphs())
def test_every_job_comes_after_what_it_needs(graph: Graph) -> None:
    """An order has each job once, and never before one that it depends on."""
    found = order(graph)
    assert sorted(found) == sorted(graph)
    for name, needs in graph.items():
        assert all(found.index(need) < found.index(name) for need in needs)


@given(ordered_graphs())
def test_level_is_as_early_as_it_can_be(graph: Graph) -> None:
    """A job stands one level after the latest of what it needs, in the order of the file there."""
    found = levels(graph)
    at = {name: number for number, level in enumerate(found) for name in level}
    for name, needs in graph.items():
        assert at[name] == max((at[need] + 1 for need in needs), default=0)
    names = list(graph)
    assert all(level == sorted(level, key=names.index) for level in found)


@given(any_graphs())
def test_cycles_are_real_and_none_is_missed(graph: Graph) -> None:
    """Each cycle follows real dependencies, and a graph without its first jobs has an order."""
    cycles = find_cycles(graph)
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(after in graph[name] for name, after in pairwise(cycle))
        assert min(cycle, key=list(graph).index) == cycle[0]
    broken = {cycle[0] for cycle in cycles}
    rest = {
        name: [need for need in needs if need not in broken]
        for name, needs in graph.items()
        if name not in broken
    }
    assert len(order(rest)) == len(rest)
    assert bool(cycles) == any(name in dependencies_of(graph, [name]) for name in graph)


@given(ordered_graphs())
def test_graph_without_a_cycle_has_none(graph: Graph) -> None:
    """What can be ordered is never called a cycle."""
    assert find_cycles(graph) == []


@given(ordered_graphs(), st.data())
def test_dependents_are_the_inverse_of_dependencies(graph: Graph, data: st.DataObject) -> None:
    """One job needs another exactly if the other is needed by it, however far away."""
    one, other = (data.draw(st.sampled_from(list(graph))) for _ in range(2))
    assert (other in dependencies_of(graph, [one])) == (one in dependents_of(graph, [other]))


@given(ordered_graphs(), st.data())
def test_selection_is_the_least_that_can_run(graph: Graph, data: st.DataObject) -> None:
    """A selection has the named jobs, all that they need, nothing else, and the same order."""
    names = data.draw(st.lists(st.sampled_from(list(graph)), unique=True))
    found = select(graph, names)
    wanted = set(names) | dependencies_of(graph, names) if names else set(graph)
    assert set(found) == wanted
    assert found == [name for name in order(graph) if name in wanted]


def test_selecting_no_job_of_the_file_is_an_error() -> None:
    """A name that stands for no job is not passed over."""
    with pytest.raises(KeyError, match="nope"):
        select({"a": []}, ["nope"])


def _jobs() -> dict[str, JobSpec]:
    """A diamond whose left side is only waited for until it has started."""
    needs = {
        "last": [("left", Condition.STARTED), ("right", Condition.COMPLETED)],
        "left": [("first", Condition.COMPLETED)],
        "right": [("first", Condition.COMPLETED)],
        "first": [],
    }
    return {
        name: JobSpec(
            name=name,
            depends_on=tuple(Dependency(job=job, condition=condition) for job, condition in wanted),
        )
        for name, wanted in needs.items()
    }


def test_text_shows_levels_and_what_is_waited_for() -> None:
    """People see in which step a job can run, and after what."""
    assert to_text(_jobs()).splitlines() == [
        "1  first",
        "2  left  after first",
        "2  right  after first",
        "3  last  after left (started), right",
    ]


def test_dot_shows_the_same_graph() -> None:
    """Graphviz gets every job, also one without dependencies, and names in quotes."""
    assert to_dot(_jobs()).splitlines() == [
        "digraph jobs {",
        "  rankdir=LR;",
        "  node [shape=box];",
        '  "first";',
        '  "left";',
        '  "right";',
        '  "last";',
        '  "left" -> "last" [style=dashed];',
        '  "right" -> "last";',
        '  "first" -> "left";',
        '  "first" -> "right";',
        "}",
    ]


def test_graph_has_each_job_s_own_needs() -> None:
    """The graph is what depends_on says, without conditions."""
    assert graph_of(_jobs()) == {
        "last": ["left", "right"],
        "left": ["first"],
        "right": ["first"],
        "first": [],
    }
