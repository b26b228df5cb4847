"""The order of a plan's steps is the safety argument, whatever the specification asks for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime.plan import Step, Surroundings, build_plan, describe, encode
from runtime.plan.mounts import Layers, SystemFiles
from runtime.rootfs import HostView, Identity
from runtime.security.capabilities import ALL_CAPABILITIES
from runtime.security.masks import MASKED_PATHS, READ_ONLY_PATHS
from runtime.spec import (
    ContainerSpec,
    Device,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Rootfs,
    Terminal,
    Tmpfs,
    Ulimit,
    Volume,
)

CREDENTIALS = {"bounding_set", "groups", "ids", "capabilities", "no_new_privileges", "seccomp"}
ATTACHING = ("mount", "bind", "bind_followed")
MOUNTING = {
    "root_bind",
    "root_mount",
    "root_overlay",
    *ATTACHING,
    "mask",
    "read_only",
    "read_only_root",
}

COMPONENTS = st.lists(st.sampled_from(["a", "b", "c", ".", "", "data"]), min_size=1, max_size=4)
PATHS = COMPONENTS.map(lambda parts: "/" + "/".join(parts))
TARGETS = PATHS.filter(lambda path: path.replace("/", "").replace(".", "") != "")
NAMES = st.sampled_from(["net.ipv4.ip_forward", "kernel.shmmax", "fs.mqueue.msg_max"])
ROOTS: st.SearchStrategy[Rootfs] = st.one_of(
    st.just(HostRootfs()),
    PATHS.map(DirectoryRootfs),
    st.builds(
        OverlayRootfs,
        st.lists(PATHS, min_size=1, max_size=3).map(tuple),
        keep=st.none() | st.just("web"),
    ),
)
SPECS = st.builds(
    ContainerSpec,
    id=st.just("job"),
    command=st.lists(st.text("abc", min_size=1), min_size=1, max_size=3).map(tuple),
    rootfs=ROOTS,
    environment=st.dictionaries(st.text("AB", min_size=1), st.text("ab"), max_size=2),
    working_dir=PATHS,
    hostname=st.none() | st.just("box"),
    volumes=st.lists(
        st.builds(
            Volume,
            source=PATHS,
            target=TARGETS,
            read_only=st.booleans(),
            followed=st.booleans(),
        ),
        max_size=4,
    ).map(tuple),
    tmpfs=st.lists(
        st.builds(Tmpfs, target=TARGETS, size=st.none() | st.integers(1, 2**40)), max_size=3
    ).map(tuple),
    devices=st.lists(st.builds(Device, source=PATHS, target=TARGETS), max_size=2).map(tuple),
    ulimits=st.lists(
        st.builds(
            Ulimit,
            name=st.sampled_from(["nofile", "core"]),
            soft=st.integers(-1, 9),
            hard=st.integers(-1, 9),
        ),
        max_size=2,
    ).map(tuple),
    sysctls=st.dictionaries(NAMES, st.just("1"), max_size=2),
    network=st.just("none"),
    read_only=st.booleans(),
    init=st.booleans(),
    capabilities=st.frozensets(st.sampled_from(sorted(ALL_CAPABILITIES))),
    no_new_privileges=st.booleans(),
    seccomp=st.booleans(),
    seccomp_profile=st.sampled_from((None, '{"defaultAction":"SCMP_ACT_LOG"}')),
    umask=st.integers(0, 0o777),
    terminal=st.none() | st.just(Terminal(rows=24, columns=80)),
)
SURROUNDINGS = st.builds(
    Surroundings,
    mountpoint=st.just("/run/pocker/mountpoint"),
    identity=st.builds(
        Identity,
        uid=st.sampled_from([0, 1000]),
        gid=st.sampled_from([0, 50]),
        groups=st.sampled_from([(), (7,)]),
        home=st.just("/"),
    ),
    host=st.just(HostView(("/usr", "/etc/ssl/certs"), (("/bin", "usr/bin"),))),
    files=st.just(SystemFiles(binds=(("/run/pocker/hosts", "/etc/hosts"),))),
    layers=st.just(Layers(upper="/var/upper", work="/var/work", skeleton="/run/skeleton")),
    seccomp=st.just(b"12345678"),
    cgroup_mounts=st.sampled_from(
        [
            (),
            (("cgroup2", (), "/sys/fs/cgroup"),),
            (
                ("cgroup", ("memory",), "/sys/fs/cgroup/memory"),
                ("cgroup", ("pids",), "/sys/fs/cgroup/pids"),
            ),
        ]
    ),
)


def named(plan: tuple[Step, ...], *names: str) -> list[Step]:
    """The steps of these names, in their order."""
    return [step for step in plan if step.name in names]


def place(plan: tuple[Step, ...], name: str) -> int:
    """Where the only step of this name is."""
    (found,) = [index for index, step in enumerate(plan) if step.name == name]
    return found


@given(SPECS, SURROUNDINGS)
def test_host_paths_end_with_the_pivot(spec: ContainerSpec, around: Surroundings) -> None:
    """All mounting is done before the old root goes, and the command's process comes after."""
    plan = build_plan(spec, around)
    pivot = place(plan, "pivot")
    mounting = [index for index, step in enumerate(plan) if step.name in MOUNTING]
    assert max(mounting) < pivot
    assert pivot < min(index for index, step in enumerate(plan) if step.name in CREDENTIALS)
    assert [step.name for step in plan].count("init") == spec.init
    if spec.init:
        assert place(plan, "init") == pivot + 1
        assert plan[pivot + 2] == Step("session")


@given(SPECS, SURROUNDINGS)
def test_credentials_go_last_and_in_order(spec: ContainerSpec, around: Surroundings) -> None:
    """After the first of them only others of them come, then the directory and the command."""
    plan = build_plan(spec, around)
    names = [step.name for step in plan]
    tail = names[min(names.index(name) for name in CREDENTIALS & set(names)) :]
    expected = ["bounding_set", "groups", "ids", "capabilities"]
    if spec.no_new_privileges:
        expected += ["no_new_privileges"] + ["seccomp"] * spec.seccomp
    else:
        expected[2:2] = ["seccomp"] * spec.seccomp
    assert tail == [*expected, "chdir", "exec"]


@given(SPECS, SURROUNDINGS)
def test_a_terminal_is_made_in_a_devpts_of_our_own(
    spec: ContainerSpec, around: Surroundings
) -> None:
    """Before anything of the user's is mounted; the command's session gets it, not that of init."""
    plan = build_plan(spec, around)
    names = [step.name for step in plan]
    if spec.terminal is None:
        assert not {"terminal", "foreground"} & set(names)
        return
    made = place(plan, "terminal")
    assert plan[made].arguments == (around.identity.uid, 24, 80, 1, 0)
    users = [
        index for index, step in enumerate(plan) if "[" in step.origin and step.name != "mkdir"
    ]
    mounting = [index for index in users if plan[index].name in MOUNTING]
    assert place_of_devpts(plan) < made < min(mounting, default=len(plan))
    taken = place(plan, "foreground")
    assert taken > place(plan, "pivot")
    assert names[taken - 1] == ("session" if spec.init else "pivot")


def place_of_devpts(plan: tuple[Step, ...]) -> int:
    """Where the terminals' file system is mounted."""
    (found,) = [index for index, step in enumerate(plan) if step.arguments[:1] == ("devpts",)]
    return found


@given(SPECS, SURROUNDINGS)
def test_what_is_inherited_is_cut_off_first(spec: ContainerSpec, around: Surroundings) -> None:
    """Nothing is made while it could still be seen outside."""
    names = [step.name for step in build_plan(spec, around)]
    follows = ["follow" for volume in spec.volumes if volume.followed]
    first = ["session", "keyring", *follows, "private_mounts", "cgroup_namespace"]
    assert names[: len(first)] == first
    assert names.count("follow") == len(follows)


@given(SPECS, SURROUNDINGS)
def test_parents_are_mounted_before_their_children(
    spec: ContainerSpec, around: Surroundings
) -> None:
    """A mount hides what is below its target, so an outer one never comes after an inner one."""
    plan = build_plan(spec, around)
    paths = [
        "/" + "/".join(part for part in str(step.arguments[-1]).split("/") if part not in ("", "."))
        for step in named(plan, *ATTACHING)
    ]
    for index, path in enumerate(paths):
        assert not any(before.startswith(f"{path}/") for before in paths[:index])


@given(SPECS, SURROUNDINGS)
def test_no_step_climbs(spec: ContainerSpec, around: Surroundings) -> None:
    """No path in a plan has a component of two dots."""
    for step in build_plan(spec, around):
        for argument in step.arguments:
            texts = argument if isinstance(argument, tuple) else (argument,)
            assert not any(".." in text.split("/") for text in texts if isinstance(text, str))


@given(SPECS, SURROUNDINGS)
def test_every_mount_of_the_user_is_there_once(spec: ContainerSpec, around: Surroundings) -> None:
    """Each has its step, which names the place in the specification that asked for it."""
    origins = [
        *(f"volumes[{index}]" for index in range(len(spec.volumes))),
        *(f"tmpfs[{index}]" for index in range(len(spec.tmpfs))),
        *(f"devices[{index}]" for index in range(len(spec.devices))),
    ]
    plan = build_plan(spec, around)
    found = [step.origin for step in named(plan, *ATTACHING) if "[" in step.origin]
    assert sorted(found) == sorted(origins)


@given(SPECS, SURROUNDINGS)
def test_masks_come_after_all_mounts(spec: ContainerSpec, around: Surroundings) -> None:
    """Nothing is mounted over a mask, and sysctls are written while they can be."""
    plan = build_plan(spec, around)
    last = max(index for index, step in enumerate(plan) if step.name in ATTACHING)
    sysctls = [index for index, step in enumerate(plan) if step.name == "sysctl"]
    assert last < place(plan, "mask")
    assert all(last < index < place(plan, "mask") for index in sysctls)
    assert named(plan, "mask")[0].arguments == (MASKED_PATHS,)
    assert named(plan, "read_only")[-1].arguments == (READ_ONLY_PATHS,)


@given(SPECS, SURROUNDINGS)
def test_the_working_directory_is_made_before_the_root_is_read_only(
    spec: ContainerSpec, around: Surroundings
) -> None:
    """It is made inside the root while that can be written to."""
    plan = build_plan(spec, around)
    made = plan.index(Step("mkdir", (spec.working_dir, 0o755), "working_dir"))
    assert [step.name for step in plan[made + 1 : place(plan, "pivot")]] == (
        ["read_only_root"] if spec.read_only else []
    )


@given(SPECS, SURROUNDINGS)
def test_a_plan_can_be_encoded_and_read(spec: ContainerSpec, around: Surroundings) -> None:
    """Every step that is built has its encoding and its text."""
    plan = build_plan(spec, around)
    assert encode(plan)
    assert all(describe(step) for step in plan)
    assert build_plan(spec, around) == plan
