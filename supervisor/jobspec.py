"""What a job is: frozen values that stand for the tables of jobs.toml.

Every field that is a key of the file carries its documentation. All paths on the host are
absolute, all units are plain numbers, all names have been checked; whether a path exists is
not known here.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from runtime.limits import Limits
from supervisor.kinds import (
    Capabilities,
    CgroupMode,
    Command,
    ContainerPath,
    Count,
    Duration,
    Environment,
    ExitCodes,
    ExtraHosts,
    Flag,
    Groups,
    Hostname,
    HostPath,
    HostPaths,
    Image,
    Labels,
    NetworkMode,
    ProjectName,
    Retries,
    Signal,
    Signals,
    Sysctls,
    Timeout,
    User,
    Whole,
    Words,
)
from supervisor.mounts import Devices, TmpfsMounts, Volumes
from supervisor.policies import (
    DependsOn,
    Health,
    Log,
    LogOptions,
    Pauses,
    Restart,
    RestartPolicy,
    SecurityOpt,
    SecurityOptions,
)
from supervisor.resources import Ulimits


@frozen(kw_only=True)
class JobSpec:
    """One job: what runs, in what surroundings, after what, and what counts as success."""

    name: str

    image: Image | None = None
    """The root file system that each attempt gets a private copy of. `host` is a read-only view of
    the host's own programs and libraries. An image of the store also says how the job starts, as
    far as the job does not say so itself. A directory stays as it is. What the job writes goes to a
    layer that is dropped at its end.

    Unset: required, unless `rootfs` is given.
    Example: image = "./rootfs"
    """
    rootfs: HostPath | None = None
    """A directory that is the job's root itself, in place of an image: what the job writes stays
    in it.

    Unset: `image` is used.
    Example: rootfs = "./machine"
    """
    command: Command = ()
    """What runs. It follows `entrypoint`, the job's or the image's, where there is one.

    Unset: `entrypoint` alone, or the image's own; a job of another root needs one of the two.
    Example: command = ["python3", "-m", "http.server", "8000"]
    """
    entrypoint: Words = ()
    """What every command of the job is started by. A string is split into words as a shell would
    split it, but no shell runs. With it, the image's own command does not apply.

    Unset: the image's own, if it has one.
    Example: entrypoint = "nice -n 10"
    """
    working_dir: ContainerPath | None = None
    """The directory that the command starts in.

    Unset: the image's own, or `/`.
    Example: working_dir = "/srv"
    """
    user: User | None = None
    """Who the command runs as, by name (from the image's own /etc/passwd) or number.

    Unset: the image's own, or `0`.
    Example: user = "nobody"
    """
    group_add: Groups = ()
    """Further groups of that user.

    Example: group_add = ["audio", 4000]
    """
    hostname: Hostname | None = None
    """The host name that the job sees.

    Unset: made from the job's name.
    Example: hostname = "worker-1"
    """
    extra_hosts: ExtraHosts = ()
    """Names of hosts that the job finds in its /etc/hosts, and their addresses.

    Example: extra_hosts = ["db:10.0.0.7", "db:fd00::7"]
    """
    init: Flag = True
    """Whether a small PID 1 reaps orphans and forwards signals; without it the command itself is
    PID 1.

    Example: init = false
    """
    tty: Flag = False
    """Whether the command gets a terminal of its own. What it writes there is its log; nobody need
    be attached to it. Not without `init`.

    Example: tty = true
    """
    stdin_open: Flag = False
    """Whether the command's input stays open, although nobody may be there to write to it; without
    it there is nothing to read.

    Example: stdin_open = true
    """
    environment: Environment = field(factory=dict)
    """The variables of the command. `KEY` alone passes the supervisor's own variable on, where it
    is set; nothing else of the supervisor's environment reaches a job. Added to `[defaults]`.

    Example: environment = { MODE = "fast", WORKERS = 4 }
    """
    env_file: HostPaths = ()
    """Files of `KEY=VALUE` lines; `environment` wins over them, a later file over an earlier one.

    Example: env_file = ["./common.env", "./secret.env"]
    """
    labels: Labels = field(factory=dict)
    """Texts for people and programs; they change nothing. Added to `[defaults]`.

    Example: labels = { team = "etl" }
    """
    volumes: Volumes = ()
    """Files and directories of the host, and volumes, that the job sees. A volume without a name,
    such as `"/scratch"`, is new for each attempt and goes with it, as do those that the image asks
    for; what is mounted at the target of one of the image's comes in its place.

    Example: volumes = ["./in:/in:ro", "results:/out", "/scratch", { source = "/a", target = "/b" }]
    """
    tmpfs: TmpfsMounts = ()
    """Empty file systems in memory.

    Example: tmpfs = ["/tmp:size=64m,mode=1777"]
    """
    devices: Devices = ()
    """Devices of the host that the job may use, beyond null, zero, random and the like.

    Example: devices = ["/dev/fuse", "/dev/sda:/dev/disk:r"]
    """
    read_only: Flag = False
    """Whether the root file system is read-only.

    Example: read_only = true
    """
    depends_on: DependsOn = ()
    """Jobs that come first. A list waits until each has completed successfully, or, for one that
    `restart` keeps running, until it has started. If one fails, this job is skipped.

    Example: depends_on = { database = { condition = "service_started" } }
    """
    retries: Retries = 0
    """Further attempts after a failed one. Not together with `restart`.

    Example: retries = 3
    """
    backoff: Pauses | None = None
    """Pauses between attempts.

    Unset: for `retries` the defaults of the table, for `restart` 100ms, doubled up to 1m.
    Example: backoff = { initial = "2s", factor = 3, max = "5m" }
    """
    restart: Restart = field(factory=RestartPolicy)
    """Whether the job is started again when it fails (N times at most), or whenever it ends. The
    pause begins anew after an attempt of 10 seconds or more.

    Unset: `"no"`.
    Example: restart = "on-failure:5"
    """
    timeout: Timeout | None = None
    """How long one attempt may run; then all its processes are killed and it ends as
    DeadlineExceeded.

    Unset: no limit.
    Example: timeout = "1h30m"
    """
    healthcheck: Health | None = None
    """How it is found out, while the job runs, whether it does its work. The answer is an event, is
    shown by `ps`, and lets jobs begin that depend on this one being healthy. It ends nothing. What
    is not set here is as the image has it.

    Unset: the image's own, if it has one.
    Example: healthcheck = { test = "wget -qO- localhost:8000", interval = "10s" }
    """
    stop_signal: Signal | None = None
    """The signal that asks the job to end.

    Unset: the image's own, or `"SIGTERM"`.
    Example: stop_signal = "SIGINT"
    """
    stop_grace_period: Duration = 10.0
    """How long the job has to end after `stop_signal` before all its processes are killed.

    Example: stop_grace_period = "1m"
    """
    forward_signals: Signals = ()
    """Signals that the job is sent, too, when the supervisor receives them, as by `kill -USR1`.

    Example: forward_signals = ["USR1", "USR2", "WINCH"]
    """
    success_codes: ExitCodes = (0,)
    """Exit codes that mean success. A job ended by signal n has code 128+n.

    Example: success_codes = [0, 3]
    """
    allow_failure: Flag = False
    """Whether everything else may succeed although this job fails. Jobs that wait for its success
    are skipped all the same.

    Example: allow_failure = true
    """
    limits: Limits = field(factory=Limits)
    ulimits: Ulimits = field(factory=dict)
    """Limits of setrlimit(2) for each process; a number is both the soft and the hard value.

    Example: ulimits = { nofile = 4096, core = { soft = 0, hard = -1 } }
    """
    cap_add: Capabilities = ()
    """Capabilities beyond the default set.

    Example: cap_add = ["NET_ADMIN"]
    """
    cap_drop: Capabilities = ()
    """Capabilities taken away from the default set, before `cap_add` is added.

    Example: cap_drop = ["ALL"]
    """
    privileged: Flag = False
    """Whether the job may do what root on the host may: all capabilities that there are but those
    of `cap_drop`, no seccomp filter, all devices of the host, nothing of /proc and /sys masked or
    read-only, and its control groups writable. It is no boundary any more: use it for what you
    would run on the host itself.

    Example: privileged = true
    """
    security_opt: SecurityOpt = field(factory=SecurityOptions)
    """Protections to turn off, and the seccomp profile: a JSON file as Docker and Podman take it,
    at a path on the host, in place of the built-in one. Its content counts, and is read with the
    jobs file. The profile itself may stand there as well, beginning with `{`. The last
    one counts. `privileged` leaves no profile in force.

    Unset: all protections are on, with the built-in profile.
    Example: security_opt = ["seccomp=./profile.json"]
    """
    sysctls: Sysctls = field(factory=dict)
    """Kernel settings of the job's own namespaces: kernel.shm*, kernel.msg*, kernel.sem,
    fs.mqueue.* and, unless `network_mode` is host, net.*.

    Example: sysctls = { "net.core.somaxconn" = 1024 }
    """
    network_mode: NetworkMode = "none"
    """`none` is a loopback interface of the job's own, `host` the host's network.

    Example: network_mode = "host"
    """
    cgroup: CgroupMode = "private"
    """What the job sees of control groups: `private` is its own, read-only. With `private-rw` it
    may divide its own further, as systemd or a container engine in it does; its limits stay out of
    its reach. Needs a machine with cgroup v2 only.

    Example: cgroup = "private-rw"
    """
    keep_runs: Whole = 100
    """How many ended runs are remembered, with their logs, 0 or more.

    Example: keep_runs = 10
    """
    log: Log = field(factory=LogOptions)
    """What becomes of the job's output.

    Unset: the defaults of the table.
    Example: log = { max_size = "1m", max_files = 3, merge = true }
    """


@frozen(kw_only=True)
class JobsFile:
    """A whole jobs file: `jobs` by name in file order, `concurrency` None for no bound.

    `text` is the file itself, kept so that a later problem can name its line.
    """

    path: str
    name: ProjectName
    """Names the project; the names of its containers begin with it.

    Unset: the directory's name, as far as it fits.
    Example: name = "nightly"
    """
    concurrency: Count | None = None
    """How many jobs may run at once.

    Unset: no limit.
    Example: concurrency = 4
    """
    jobs: Mapping[str, JobSpec]
    text: bytes = field(default=b"", repr=False, eq=False)
