"""What the options of `pocker run` become: the keys of a job, and errors that name the option."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from runtime.cgroups.settings import cpu_shares
from runtime.spec import HostRootfs, Terminal, Volume
from supervisor.jobsfile import read_tables
from supervisor.policies import SecurityOptions
from supervisor.runorder import (
    OPTIONS,
    OrderError,
    by_option,
    check_lasting,
    cpu_weight,
    lasting_table,
    order_spec,
    read_limits,
    read_order,
    table_of_log,
    table_of_mount,
)
from tests.supervisor.test_containerspec import image

LEAST = {"image": "host", "command": ["true"]}


def test_a_table_becomes_a_container() -> None:
    """By the same rules as the table of a job; paths begin at the user's directory."""
    table = {**LEAST, "volumes": ["./in:/in:ro"], "environment": ["A=b", "USER"], "memory": "1m"}
    job = read_order(table, "/work", {"USER": "me", "OTHER": "x"})
    spec = order_spec(
        job, "abc", "box", image=None, terminal=Terminal(rows=1, columns=2), stdin=False
    )
    assert spec.rootfs == HostRootfs()
    assert spec.volumes == (Volume(source="/work/in", target="/in", read_only=True),)
    assert spec.environment == {"A": "b", "USER": "me"}
    assert (spec.id, spec.hostname, spec.limits.memory) == ("abc", "box", 1 << 20)
    assert spec.terminal == Terminal(rows=1, columns=2)


def test_a_host_name_that_was_given_wins() -> None:
    """The other one is for who gave none."""
    job = read_order({**LEAST, "hostname": "mine"}, "/", {})
    assert order_spec(job, "abc", "box", image=None, terminal=None, stdin=True).hostname == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory": "1x"}, "--memory: '1x' is not a size"),
        ({"memory": "1k"}, "--memory: 1024 bytes is below the minimum"),
        ({"cpus": "0"}, "--cpus: '0' is not a number of cores"),
        ({"user": "a:b:c"}, "--user: "),
        ({"security_opt": ["apparmor=x"]}, "--security-opt: 'apparmor=x' is not one of"),
        ({"extra_hosts": ["db"]}, "--add-host: 'db' is not HOST:IP"),
        ({"extra_hosts": ["up:host-gateway"]}, "--add-host: up:host-gateway: a container has no"),
        ({"ulimits": {"files": 1}}, "--ulimit files: unknown limit"),
        ({"log": {"max_size": "1k"}}, "--log-opt max-size: 1024 bytes is below the minimum of 64k"),
        ({"log": {"max_files": 0}}, "--log-opt max-file: 0 is below 1"),
        ({"healthcheck": {"test": "x", "interval": 0}}, "--health-interval: must be above zero"),
        ({"sysctls": {"kernel.core_pattern": "x"}}, "--sysctl: "),
        ({"security_opt": ["seccomp="]}, "--security-opt: is empty, not a path"),
        ({"security_opt": ["seccomp={}"]}, "--security-opt: needs the key defaultAction"),
    ],
)
def test_what_is_wrong_is_told_by_its_option(changes: dict[str, object], message: str) -> None:
    """Not by the key of a file that there is none of."""
    with pytest.raises(OrderError) as error:
        read_order({**LEAST, **changes}, "/", {})
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("volumes[0]: source /a does not exist", "--volume or --mount: source /a does not exist"),
        ("user: no user 'a'", "--user: no user 'a'"),
        ("image a: not in the store", "image a: not in the store"),
        ("colours[1]: unknown", "colours[1]: unknown"),
        ("command not found: user: a", "command not found: user: a"),
    ],
)
def test_what_the_runtime_says_is_told_by_its_option(message: str, told: str) -> None:
    """Where it begins with a key; all else is left as it is."""
    assert by_option(message) == told


def test_a_table_of_limits_has_nothing_else() -> None:
    """Whoever may ask for limits asks for no other key."""
    assert read_limits({"memory": "1m", "pids_limit": -1}).memory == 1 << 20
    with pytest.raises(OrderError, match=r"^--memory: '1x' is not a size"):
        read_limits({"memory": "1x"})
    for table in ({"image": "host"}, {"absent": 1}, ["memory"], "memory", None):
        with pytest.raises(OrderError, match=r"^limits: not a table of memory, "):
            read_limits(table)


def test_a_name_that_is_none_is_told_by_its_option() -> None:
    """It is found out when the container is described."""
    job = read_order(LEAST, "/", {})
    with pytest.raises(OrderError, match=r"^--name: '\.\./x' is not"):
        order_spec(job, "../x", "box", image=None, terminal=None, stdin=False)


def test_every_key_that_an_option_has_is_one_of_a_job() -> None:
    """The table of options cannot name what does not exist."""
    for key in set(OPTIONS) - {"id"}:
        with pytest.raises(OrderError):
            read_order({**LEAST, key: object()}, "/", {})


@pytest.mark.parametrize("shares", [2, 512, 1024, 2048, 102_400])
def test_shares_come_back_as_they_were_given(shares: int) -> None:
    """Where the kernel has shares itself, to the precision of a weight."""
    assert cpu_shares(cpu_weight(shares)) == pytest.approx(shares, abs=11)


def test_shares_stay_in_the_range_of_weights() -> None:
    """Whatever Docker allows."""
    assert (cpu_weight(2), cpu_weight(1024), cpu_weight(262_144)) == (1, 100, 10_000)


def test_docker_s_words_for_a_log_are_keys_of_it() -> None:
    """Sizes are left to the reader of the keys."""
    assert table_of_log(None, []) == {}
    assert table_of_log("journald", []) == {"driver": "journald"}
    assert table_of_log("local", ["max-size=1m", "max-file=3", "compress=true"]) == {
        "driver": "file",
        "max_size": "1m",
        "max_files": 3,
        "compress": True,
    }


@pytest.mark.parametrize(
    ("driver", "option", "message"),
    [
        ("fluentd", "", "--log-driver: 'fluentd' is not one of json-file, local, journald"),
        (None, "max-sise=1m", "--log-opt: 'max-sise=1m' is not .* did you mean .max-size"),
        (None, "max-size", "--log-opt: 'max-size' is not a value of one of max-size, max-file"),
        (None, "max-file=few", "--log-opt max-file: 'few' is not a whole number"),
        (None, "compress=1", "--log-opt compress: '1' is not true or false"),
        ("journald", "max-size=1m", "--log-opt: max-size is about files, and journald keeps none"),
    ],
)
def test_what_is_no_option_of_a_log_is_refused(
    driver: str | None, option: str, message: str
) -> None:
    """Each by its name, and nothing is passed over."""
    with pytest.raises(OrderError, match=message):
        table_of_log(driver, [option] if option else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "type=bind,source=/a,target=/b,readonly",
            ("volumes", {"source": "/a", "target": "/b", "read_only": True}),
        ),
        ("source=a,dst=/b", ("volumes", {"source": "a", "target": "/b"})),
        (
            "type=volume,src=a,dst=/b,volume-nocopy",
            ("volumes", {"source": "a", "target": "/b", "nocopy": True}),
        ),
        ("type=volume,target=/b", ("volumes", {"target": "/b"})),
        ("type=bind,src=/a,dst=/b", ("volumes", {"source": "/a", "target": "/b"})),
        (
            "type=bind,src=/a,dst=/b,bind-propagation=rprivate",
            ("volumes", {"source": "/a", "target": "/b", "propagation": "rprivate"}),
        ),
        (
            "type=bind,src=/a,dst=/b,bind-propagation=rslave",
            ("volumes", {"source": "/a", "target": "/b", "propagation": "rslave"}),
        ),
        ("type=tmpfs,destination=/t,tmpfs-size=1m", ("tmpfs", {"target": "/t", "size": "1m"})),
    ],
)
def test_a_mount_is_a_volume_or_a_tmpfs(text: str, expected: object) -> None:
    """Under all the names that Docker has for their parts."""
    assert table_of_mount(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not an option of a mount"),
        ("type=bind,colour=red", "'colour=red' is not an option of a mount"),
        ("type=bind,src=a,dst=/x", "the source of type=bind is a path"),
        ("source=/a,dst=/b", "the source of type=volume is the name of a volume"),
        ("type=bind,src=/a,dst=/b,volume-nocopy", "volume-nocopy is no option of type=bind"),
        ("src=a,dst=/b,tmpfs-size=1m", "tmpfs-size is no option of type=volume"),
        ("dst=/b,src=/a,type=tmpfs", "src is no option of type=tmpfs"),
        ("type=bind,dst=/b", "source is missing"),
        ("type=bind,bind-propagation=slave", "slave: write rslave"),
        ("type=bind,bind-propagation=rshared", "rshared: mounts are not passed on out of"),
        ("type=bind,bind-propagation=odd", "'odd' is no propagation of mounts"),
        ("type=tmpfs,tmpfs-size=1m", "target is missing"),
        ("type=disk,dst=/b", "type=disk is neither bind, volume nor tmpfs"),
    ],
)
def test_any_other_mount_is_refused(text: str, message: str) -> None:
    """Nothing that was asked for is left out."""
    with pytest.raises(OrderError, match=rf"^--mount: .*{message}"):
        table_of_mount(text)


def test_what_is_written_down_means_the_same_anywhere() -> None:
    """No variable of the caller's and no directory of his is needed to read it; `$` is no sign."""
    table = {
        **LEAST,
        "command": ["echo", "${HOME}"],
        "image": "./root",
        "volumes": ["./in:/in:ro"],
        "devices": ["/dev/null:/dev/other:r"],
        "environment": ["A=${B}", "USER"],
        "restart": "on-failure:3",
        "healthcheck": {"test": "true", "interval": "1s"},
        "tty": True,
    }
    job = read_order(table, "/work", {"USER": "me"})
    lasting = json.loads(json.dumps(lasting_table(table, job, None)))
    check_lasting(lasting)
    again = read_tables({"run": lasting}, "/elsewhere/file", "run").jobs["run"]
    assert again == job
    assert again.environment == {"A": "${B}", "USER": "me"}
    assert again.image == "/work/root"


def test_a_profile_is_written_down_with_its_content() -> None:
    """Read anywhere and at any time it is the same; so are the other options."""
    profile = '{"defaultAction":"SCMP_ACT_LOG","syscalls":[]}'
    for options in (
        SecurityOptions(seccomp_profile=profile, no_new_privileges=False),
        SecurityOptions(seccomp=False),
        SecurityOptions(),
    ):
        table = {**LEAST, "security_opt": ["seccomp=./gone"]}
        job = evolve(read_order(table, "/", {}), security_opt=options)
        lasting = json.loads(json.dumps(lasting_table(table, job, None)))
        again = read_tables({"run": lasting}, "/elsewhere/file", "run").jobs["run"]
        assert again.security_opt == options


def test_the_labels_of_the_image_are_the_container_s() -> None:
    """They are written down with its own, which outweigh them; any text may stand in one."""
    table = {**LEAST, "image": "web", "labels": ["a=mine", "b"]}
    labels = {"a": "1", "c": "x=y\n$z", "d": ""}
    job = read_order(table, "/", {})
    lasting = json.loads(json.dumps(lasting_table(table, job, image(labels=labels))))
    again = read_tables({"run": lasting}, "/", "run").jobs["run"]
    assert again.labels == {"a": "mine", "b": "", "c": "x=y\n$z", "d": ""}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sysctls": {"vm.swappiness": "1"}}, "--sysctl: "),
        ({"volumes": ["/a:/b", "/c:/b"]}, "--volume or --mount: '/b' is already the target"),
        ({"tty": True, "init": False}, "--tty: needs init"),
        ({"command": []}, "needs a command"),
    ],
)
def test_what_a_supervisor_could_not_read_is_not_written_down(
    changes: dict[str, object], message: str
) -> None:
    """One container that contradicts itself would hide all others."""
    table = {key: value for key, value in {**LEAST, **changes}.items() if value != []}
    with pytest.raises(OrderError) as caught:
        check_lasting(table)
    assert message in str(caught.value)
