"""What is refused as the value of a key, and how that is said."""

from __future__ import annotations

import pytest

from supervisor.jobspec import JobsFile, JobSpec
from supervisor.kinds import keys_of
from supervisor.resources import Resources
from supervisor.structuring import make_converter
from tests.supervisor.documents import in_job, problems

WRONG_KEYS = r"""
memory = '10x'
=> 4: memory: '10x' is not a size: use bytes, or a number with k, m, g or t, such as 512k or 1.5g

memory = true
=> 4: memory: must be a string or a number, not true or false

memory = '100k'
=> 4: memory: 102400 bytes is below the minimum of 512k

memory_swap = '1m'
=> 4: memory_swap: needs a memory limit beside it

cpus = 0.001
=> 4: cpus: 0.001 is below the minimum of 0.01

cpuset = '3-1'
=> 4: cpuset: '3-1' is not a list of CPUs such as '0-3,6'

cpu_weight = 0
=> 4: cpu_weight: 0 is not between 1 and 10000

cpu_weight = '5'
=> 4: cpu_weight: must be a whole number, not a string

pids_limit = 0
=> 4: pids_limit: 0 is neither 1 or more nor -1 for no limit

io = { device = '/dev/sda' }
=> 4: io: must be a list, not a table

io = [{ device = 'sda' }]
=> 4: io[0].device: 'sda' is not an absolute path

io = [{ device = '/dev/sda', read_bytes = 0 }]
=> 4: io[0].read_bytes: 0 is not a rate: it must be above zero

io = [{ device = '/dev/sda', read_operations = 0 }]
=> 4: io[0].read_operations: 0 is below 1

io = [{}]
=> 4: io[0]: needs the key device

timeout = '5'
=> 4: timeout: '5' is not a duration: use seconds, or numbers with d, h, m, s, ms or us, such as 90s or 1h30m

timeout = 0
=> 4: timeout: is zero; leave it out for no limit

timeout = 1979-05-27
=> 4: timeout: must be a string or a number, not a date or time

init = 'no'
=> 4: init: must be true or false, not a string

retries = -1
=> 4: retries: -1 is below 0

backoff = { jitter = 2 }
=> 4: backoff.jitter: 2 is not between 0 and 1

backoff = { factor = nan }
=> 4: backoff.factor: nan is not between 1 and 1000

backoff = { factor = true }
=> 4: backoff.factor: must be a number, not true or false

backoff = { initial = 9, max = 1 }
=> 4: backoff.max: is below initial, which is 9s

backoff = { intial = 9 }
=> 4: backoff.intial: unknown key; did you mean "initial"?

restart = 'alwys'
=> 4: restart: 'alwys' is not one of no, on-failure, always, unless-stopped, on-failure:N

restart = 'always:3'
=> 4: restart: 'always:3': only on-failure takes a number, and it is 1 or more

restart = 'on-failure:0'
=> 4: restart: 'on-failure:0': only on-failure takes a number, and it is 1 or more

stop_signal = 'SIGTRM'
=> 4: stop_signal: 'SIGTRM' is not a signal; did you mean "SIGTERM"?

stop_signal = 65
=> 4: stop_signal: 65 is not a signal number between 1 and 64

stop_signal = 'RTMIN+40'
=> 4: stop_signal: 'RTMIN+40' is not a signal; did you mean "SIGRTMIN"?

success_codes = [256]
=> 4: success_codes[0]: 256 is not an exit code between 0 and 255

success_codes = []
=> 4: success_codes: is empty, and then no exit code at all would be a success

entrypoint = "a 'b"
=> 4: entrypoint: "a 'b": no closing quotation

entrypoint = []
=> 4: entrypoint: is empty

entrypoint = ['a', 1]
=> 4: entrypoint[1]: must be a string, not a whole number

entrypoint = 1
=> 4: entrypoint: must be a list or a string, not a whole number

working_dir = 'srv'
=> 4: working_dir: 'srv' is not an absolute path

working_dir = '/a/../b'
=> 4: working_dir: '/a/../b' contains '..'

hostname = '-x'
=> 4: hostname: '-x' is not a host name of at most 64 letters, digits, '-' and '.'

user = '0x0'
=> 4: user: '0x0' is neither a name nor an id between 0 and 4294967294

user = 4294967295
=> 4: user: '4294967295' is neither a name nor an id between 0 and 4294967294

user = -1
=> 4: user: '-1' is neither a name nor an id between 0 and 4294967294

user = 'a:b:c'
=> 4: user: 'a:b:c' is not NAME, UID, or either with :GROUP or :GID

user = true
=> 4: user: must be a string or a whole number, not true or false

group_add = ['a:b']
=> 4: group_add[0]: 'a:b' is neither a name nor an id between 0 and 4294967294

environment = { '' = 'x' }
=> 4: environment."": '' is not the name of a variable

environment = ['=x']
=> 4: environment[0]: '' is not the name of a variable

environment = { A = [] }
=> 4: environment.A: must be a string or a number, not a list

environment = 'A=1'
=> 4: environment: must be a table or a list, not a string

environment = { A = "a\u0000b" }
=> 4: environment.A: contains a NUL character

env_file = ''
=> 4: env_file: is empty, not a path

volumes = ['data:/x']
=> 4: volumes[0].source: 'data' is the name of a volume, and only paths are accepted; write './data' for one beside the file

volumes = ['~/x:/x']
=> 4: volumes[0].source: '~/x': '~' is not replaced; write ${HOME}, or an absolute path

volumes = ['/x']
=> 4: volumes[0]: '/x' is not SRC:DST, SRC:DST:ro or SRC:DST:rw

volumes = ['/a:/b:z']
=> 4: volumes[0]: '/a:/b:z': the mode 'z' is neither ro nor rw

volumes = ['/a:b']
=> 4: volumes[0].target: 'b' is not an absolute path

volumes = ['/a:/']
=> 4: volumes[0].target: the root itself cannot be a mount target

volumes = ['/a:/sys/x']
=> 4: volumes[0].target: '/sys/x': nothing may be mounted in /proc or /sys

volumes = ['/a:/b', '/c:/b/']
=> 4: volumes[1]: '/b' is already the target of a mount

volumes = ['/a:/b']
tmpfs = ['/b']
=> 5: tmpfs[0]: '/b' is already the target of a mount

volumes = [1]
=> 4: volumes[0]: must be a string or a table, not a whole number

tmpfs = ['/t:exec']
=> 4: tmpfs[0]: '/t:exec': the option 'exec' is neither size=SIZE nor mode=MODE

tmpfs = ['/t:mode=8']
=> 4: tmpfs[0].mode: '8' is not an octal mode such as '1777'

tmpfs = [{ target = '/t', mode = 1777 }]
=> 4: tmpfs[0].mode: must be a string, not a whole number

devices = ['/dev/x:/dev/y:rx']
=> 4: devices[0]: '/dev/x:/dev/y:rx': the access 'rx' is not made of r, w and m

devices = ['/a:/b:r:w']
=> 4: devices[0]: '/a:/b:r:w' is not SRC, SRC:DST or SRC:DST:ACCESS

cap_add = ['NET_ADMN']
=> 4: cap_add[0]: 'NET_ADMN' is not a capability; did you mean NET_ADMIN?

security_opt = ['label=disable']
=> 4: security_opt[0]: 'label=disable' is not one of no-new-privileges, no-new-privileges:true, no-new-privileges:false, seccomp=unconfined

ulimits = { nofiles = 1 }
=> 4: ulimits.nofiles: unknown limit; did you mean "nofile"?

ulimits = { nofile = { soft = 2, hard = 1 } }
=> 4: ulimits.nofile.soft: is above the hard value, which is 1

ulimits = { nofile = { soft = 2 } }
=> 4: ulimits.nofile: needs the key hard

sysctls = { net.core.somaxconn = 1 }
=> 4: sysctls.net: must be a string or a number; write the sysctl's whole name in quotes

network_mode = 'bridge'
=> 4: network_mode: 'bridge' is not one of none, host

log = 5
=> 4: log: must be a table, not a whole number

log = { max_size = 1 }
=> 4: log.max_size: 1 bytes is below the minimum of 4k

log = { max_files = 0 }
=> 4: log.max_files: 0 is below 1

mem_limit = '1g'
=> 4: mem_limit: unknown key; did you mean "memory"?

privileged = true
=> 4: privileged: unknown key; single capabilities are given with cap_add

memroy = '1g'
=> 4: memroy: unknown key; did you mean "memory"?

name = 'x'
=> 4: name: unknown key; did you mean "hostname"?

limits = {}
=> 4: limits: unknown key; did you mean "ulimits"?

retries = 1
restart = 'always'
=> 4: retries: stands beside restart, but both say when another attempt follows; keep one, such as restart = 'on-failure:N'

rootfs = '/r'
=> 4: rootfs: stands beside image, but a job has one root

depends_on = ['load']
=> 4: depends_on[0]: depends on itself

depends_on = ['laod']
=> 4: depends_on[0]: no job has the name 'laod'; did you mean "load"?

depends_on = { x = { condition = 'service_healthy' } }
=> 4: depends_on.x.condition: 'service_healthy' is not one of service_started, service_completed_successfully

depends_on = { x = {} }
=> 4: depends_on.x: needs the key condition

depends_on = { x = { condition = 'service_started', job = 'y' } }
=> 4: depends_on.x.job: unknown key

depends_on = ['x', 'x']
=> 4: depends_on[1]: 'x' is listed twice

hostname = '${NOPE}'
=> 4: hostname: variable NOPE is not set; give a default with ${NOPE:-default} or write $${NOPE} to keep it for the shell
"""
"""Lines of a job's table, from line 4 of the file on, and after => the line and the problem."""


@pytest.mark.parametrize("case", WRONG_KEYS.strip().split("\n\n"))
def test_wrong_key_is_named_with_its_line(case: str) -> None:
    """Each mistake is one problem that says where it is, what was given and what is accepted."""
    lines, _, expected = case.partition("\n=> ")
    line, _, problem = expected.partition(": ")
    assert problems(in_job(lines)) == [f"jobs.toml:{line}: jobs.load.{problem}"]


@pytest.mark.parametrize("name", ["kernel.panic", "kernel.core_pattern", "vm.swappiness"])
def test_sysctls_of_the_machine_are_refused(name: str) -> None:
    """Only settings of the job's own namespaces can be asked for."""
    (problem,) = problems(in_job(f"sysctls = {{ '{name}' = 1 }}"))
    assert f"{name!r} belongs to the whole machine" in problem


@pytest.mark.parametrize("name", ["net/core/x", "net..x", "../x", "net.core.+x", ""])
def test_sysctl_names_are_strict(name: str) -> None:
    """A name can never lead to another file than its own below /proc/sys."""
    (problem,) = problems(in_job(f"sysctls = {{ '{name}' = 1 }}"))
    assert "is not the name of a sysctl" in problem


def test_host_network_is_not_the_job_s_to_change() -> None:
    """net.* needs a network of the job's own."""
    (problem,) = problems(in_job("sysctls = { 'net.core.x' = 1 }\nnetwork_mode = 'host'"))
    assert problem.startswith("jobs.toml:4: jobs.load.sysctls.\"net.core.x\": 'net.core.x' would")


@pytest.mark.parametrize("cls", [JobSpec, Resources, JobsFile])
def test_every_key_has_a_reader(cls: type) -> None:
    """No declared key is taken over unchecked because its kind was forgotten."""
    converter = make_converter("/", {})
    for annotation in keys_of(cls).values():
        assert converter.get_structure_hook(annotation) is not None
