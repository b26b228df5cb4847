"""Reading a whole file: what is refused, with which message and line, and what defaults do."""

from __future__ import annotations

import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.jobsfile import load
from supervisor.policies import RestartKind
from supervisor.problems import JobsFileError
from tests.supervisor.documents import PATH, in_job, problems, read

WRONG_FILES = (Path(__file__).parent / "refused_files.txt").read_text()
"""Whole files, and after => the problem."""


@pytest.mark.parametrize("case", WRONG_FILES.strip().split("\n\n"))
def test_wrong_file_is_refused(case: str) -> None:
    """What is wrong around the jobs is reported like what is wrong inside them."""
    text, _, problem = case.partition("=> ")
    assert problems(text) == [problem]


def test_file_that_is_not_text_is_refused() -> None:
    """A byte that is not UTF-8 is named with its line."""
    assert problems(b"a = 1\nb = '\xff'") == ["jobs.toml:2: byte 0xff is not UTF-8"]


@pytest.mark.parametrize("text", ["a = " + "[" * 9999, "a = '" + "${A:-" * 9999 + "}" * 9999 + "'"])
def test_bottomless_file_is_refused(text: str) -> None:
    """Nesting without end is an error, not a crash."""
    assert problems(text) == ["jobs.toml: is nested too deeply"]


@pytest.mark.parametrize("name", ["a b", "-a", ".", "a/b", "ä", "a" * 64, "", "a\\nb", "a\\u0000"])
def test_job_names_are_strict(name: str) -> None:
    """A name is data that ends up in paths, so only harmless ones are taken."""
    (problem,) = problems(f'[jobs."{name}"]\nimage = "host"\ncommand = "x"')
    assert "is not a job name" in problem
    assert problem.isprintable()


@pytest.mark.parametrize("name", ["a", "0", "a.b", "A_b-c", "a" * 63])
def test_good_job_names_are_kept(name: str) -> None:
    """Letters, digits, dots, dashes and underscores make a name."""
    assert list(read(f'[jobs."{name}"]\nimage = "host"\ncommand = "x"').jobs) == [name]


def test_all_problems_come_at_once() -> None:
    """One look at a file finds every mistake in it, in the order of its lines."""
    text = """\
concurency = 2
[defaults]
memory = "1x"
[jobs.a]
image = "host"
command = "${NOPE}"
retries = "3"
cpus = -1
[jobs.b]
image = "host"
user = "0x0"
volumes = ["x", "y"]
depends_on = ["c"]
"""
    assert [problem.split(": ")[1] for problem in problems(text)] == [
        "concurency",
        "defaults.memory",
        "jobs.a.command",
        "jobs.a.retries",
        "jobs.a.cpus",
        "jobs.b",
        "jobs.b.user",
        "jobs.b.volumes[0]",
        "jobs.b.volumes[1]",
        "jobs.b.depends_on[0]",
    ]


def test_unreadable_key_hides_the_conflicts_it_may_have() -> None:
    """No problem is invented because of a key that could not be read."""
    assert len(problems(in_job("memory = 'x'\nmemory_swap = '1m'"))) == 1
    assert len(problems("[jobs.a]\nimage = 'host'\ncommand = 5")) == 1


def test_whole_cycle_is_named() -> None:
    """A cycle is one problem that goes all the way around, and each cycle has its own."""
    text = "".join(
        f"[jobs.{name}]\nimage = 'host'\ncommand = 'x'\ndepends_on = {needs}\n"
        for name, needs in [("a", ["b"]), ("b", ["c"]), ("c", ["a"]), ("d", ["e"]), ("e", ["d"])]
    )
    assert problems(text) == [
        "jobs.toml:4: jobs.a.depends_on: cycle: a -> b -> c -> a",
        "jobs.toml:16: jobs.d.depends_on: cycle: d -> e -> d",
    ]


def test_waiting_for_the_end_of_an_endless_job_is_refused() -> None:
    """A job that is always restarted never completes, so nothing may wait for that."""
    text = in_job("restart = 'always'") + in_job(
        "depends_on = { load = { condition = 'service_completed_successfully' } }"
    ).replace("jobs.load", "jobs.next")
    assert problems(text) == [
        "jobs.toml:8: jobs.next.depends_on.load: load never completes, as its restart is always"
    ]


def test_waiting_for_the_health_of_an_untested_job_is_refused() -> None:
    """Without a healthcheck, nothing would ever find it healthy."""
    text = in_job("") + in_job("depends_on = { load = { condition = 'service_healthy' } }").replace(
        "jobs.load", "jobs.next"
    )
    assert problems(text) == [
        "jobs.toml:8: jobs.next.depends_on.load: load has no healthcheck that could find it healthy"
    ]
    assert len(read(text.replace("'host'", "'app'")).jobs) == 2, "its image may have one"
    disabled = text.replace("'host'", "'app'").replace(
        "[jobs.next]", "healthcheck = { disable = true }\n[jobs.next]"
    )
    assert "load has no healthcheck" in problems(disabled)[0]


def test_defaults_hold_for_every_job() -> None:
    """A job's own key wins; variables and labels are put together."""
    jobs = read("""
        [defaults]
        image = "host"
        memory = "64m"
        environment = { A = "default", B = "default" }
        labels = ["team=etl"]
        log = { max_files = 9, merge = true }
        [jobs.plain]
        command = "x"
        [jobs.own]
        command = "x"
        memory = "128m"
        environment = ["B=own", "C=own"]
        labels = { n = 1 }
        log = { max_files = 2 }
    """).jobs
    assert jobs["plain"].limits.memory == 64 << 20
    assert jobs["own"].limits.memory == 128 << 20
    assert jobs["own"].environment == {"A": "default", "B": "own", "C": "own"}
    assert jobs["own"].labels == {"team": "etl", "n": "1"}
    assert (jobs["own"].log.max_files, jobs["own"].log.merge) == (2, False)


def test_job_puts_the_default_of_an_excluding_key_aside() -> None:
    """A job that says how it is restarted, or what its root is, needs not undo the defaults."""
    jobs = read("""
        [defaults]
        image = "host"
        retries = 3
        command = "x"
        [jobs.a]
        restart = "always"
        rootfs = "/r"
        [jobs.b]
    """).jobs
    assert (jobs["a"].retries, jobs["a"].restart.kind) == (0, RestartKind.ALWAYS)
    assert (jobs["a"].image, jobs["a"].rootfs) == (None, "/r")
    assert (jobs["b"].retries, jobs["b"].image) == (3, "host")


def test_mistake_in_the_defaults_is_reported_where_it_is() -> None:
    """What defaults make impossible in many jobs is one problem, in the line of the default."""
    jobs = "".join(f"[jobs.{name}]\nimage = 'host'\ncommand = 'x'\n" for name in "abc")
    assert problems(f"[defaults]\nmemory_swap = '1m'\n{jobs}") == [
        "jobs.toml:2: defaults.memory_swap: needs a memory limit beside it"
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/Nightly ETL/jobs.toml", "nightlyetl"),
        ("/srv/_My-App.v2/jobs.toml", "my-appv2"),
        (f"/{'x' * 60}/jobs.toml", "x" * 50),
    ],
)
def test_project_is_named_after_its_directory(path: str, name: str) -> None:
    """The name follows Compose's rule: lower case, without what does not fit."""
    assert load(in_job("").encode(), path, {}).name == name


def test_directory_without_a_usable_name_needs_one() -> None:
    """Where the directory cannot name the project, the file has to."""
    with pytest.raises(JobsFileError, match="needs a name: that of the directory has no letter"):
        load(in_job("").encode(), "/jobs.toml", {})
    assert load(("name = 'x'\n" + in_job("")).encode(), "/jobs.toml", {}).name == "x"


def test_jobs_keep_the_order_of_the_file() -> None:
    """What is shown first is what is written first."""
    text = "concurrency = 3\n" + in_job("") + in_job("").replace("load", "alpha")
    assert list(read(text).jobs) == ["load", "alpha"]
    assert read(text).concurrency == 3


def test_variables_are_replaced_in_values_only() -> None:
    """Strings may hold variables anywhere below a key; keys themselves are taken as written."""
    jobs = read(in_job("environment = { '${SET}' = 'a${SET}b', X = '${NOPE:-x}$$' }")).jobs
    assert jobs["load"].environment == {"${SET}": "avalueb", "X": "x$"}


@given(
    st.dictionaries(
        st.sampled_from(
            ["memory", "cpus", "retries", "user", "volumes", "environment", "log", "x"]
        ),
        st.sampled_from(
            ["1", "-1", "'x'", "'1m'", "true", "[]", "{}", "[1, 'a:b']", "{ a = { b = 1 } }", "nan"]
        ),
    )
)
def test_reading_never_fails_in_another_way(keys: dict[str, str]) -> None:
    """Whatever stands behind a key, the file is read or refused with placed problems."""
    text = in_job("\n".join(f"{key} = {value}" for key, value in keys.items()))
    try:
        load(text.encode(), PATH, {})
    except JobsFileError as error:
        assert all(problem.line and problem.key for problem in error.problems)


@given(st.text(alphabet=string.printable, max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text at all gets past the reader as an accident."""
    with pytest.raises(JobsFileError):
        load(text.encode(), PATH, {})


def test_correct_file_pays_for_no_positions() -> None:
    """The parser that knows lines, and the search for near names, are loaded for mistakes only."""
    program = (
        "import sys, supervisor.jobsfile as j\n"
        "j.load(b'[jobs.a]\\nimage=\"host\"\\ncommand=\"x\"', '/x/jobs.toml', {})\n"
        "print({'tree_sitter', 'difflib', 'trio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"set()\n"
