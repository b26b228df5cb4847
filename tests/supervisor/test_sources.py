"""What a jobs file names on the host, found or missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.jobsfile import load
from supervisor.policies import SecurityOptions
from supervisor.problems import JobsFileError
from supervisor.sources import (
    MAX_BYTES,
    add_env_files,
    check_sources,
    open_jobsfile,
    read_file,
)

JOB = "[jobs.a]\nimage = 'host'\ncommand = 'x'\n"


def write(directory: Path, text: str) -> Path:
    """A jobs file with this text."""
    path = directory / "jobs.toml"
    path.write_text(text)
    return path


def problems(path: Path) -> list[str]:
    """What is wrong with this file and what it names, without the directory's own name."""
    with pytest.raises(JobsFileError) as caught:
        open_jobsfile(path, {})
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def test_file_with_all_its_sources_is_opened(tmp_path: Path) -> None:
    """Files, directories and devices that exist are no problem; variables come from env_files."""
    (tmp_path / "data").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "a.env").write_text("A=a\nB=a\n")
    (tmp_path / "b.env").write_text("B=b\nC=b\n")
    path = write(
        tmp_path,
        f"{JOB}volumes = ['./data:/d', './file:/f']\ndevices = ['/dev/null:/dev/x']\n"
        "env_file = ['a.env', 'b.env']\nenvironment = { C = 'own' }\n",
    )
    job = open_jobsfile(path, {}).jobs["a"]
    assert job.environment == {"A": "a", "B": "b", "C": "own"}
    assert [volume.source for volume in job.volumes] == [f"{tmp_path}/data", f"{tmp_path}/file"]


PROFILE = '{ "defaultAction": "SCMP_ACT_LOG" }'


def test_a_seccomp_profile_is_read_with_the_file(tmp_path: Path) -> None:
    """Its content is the job's; where it lies and how it is laid out changes nothing."""
    options = []
    for name, text in (("a.json", PROFILE), ("b.json", PROFILE.replace(" ", "\n\n"))):
        (tmp_path / name).write_text(text)
        path = write(tmp_path, f"{JOB}security_opt = ['seccomp={name}']\n")
        options.append(open_jobsfile(path, {}).jobs["a"].security_opt)
    assert options == [SecurityOptions(seccomp_profile='{"defaultAction":"SCMP_ACT_LOG"}')] * 2


def test_what_is_wrong_with_a_profile_is_told_at_its_key(tmp_path: Path) -> None:
    """Once, where the defaults of all jobs name it."""
    (tmp_path / "p.json").write_text('{"defaultAction": "SCMP_ACT_LOG", "syscalls": [1]}')
    options = "security_opt = ['seccomp=p.json']\n"
    path = write(tmp_path, f"[defaults]\n{options}{JOB}{JOB.replace('a', 'b', 1)}")
    where = "jobs.toml:2: defaults.security_opt: p.json"
    assert problems(path) == [f"{where}: syscalls[0]: must be an object, not a whole number"]
    (tmp_path / "p.json").write_bytes(b"\xff")
    assert problems(path) == [f"{where}: is not UTF-8"]


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems call the file as the user did, and its directory is where its paths begin."""
    write(tmp_path, f"{JOB}rootfs = './r'\n".replace("image = 'host'\n", ""))
    monkeypatch.chdir(tmp_path.parent)
    given = Path(tmp_path.name) / "jobs.toml"
    with pytest.raises(JobsFileError) as caught:
        open_jobsfile(given, {})
    assert str(caught.value) == (
        f"{given}:3: jobs.a.rootfs: {tmp_path}/r: no such file or directory"
    )


def test_all_missing_sources_come_with_all_other_problems(tmp_path: Path) -> None:
    """What is missing on the host is reported together with what is wrong in the text."""
    (tmp_path / "file").touch()
    (tmp_path / "bad.env").write_text("A=1\nnonsense\n")
    path = write(
        tmp_path,
        "[defaults]\nvolumes = ['./none:/d']\ncommand = 'x'\n"
        "[jobs.a]\nimage = './file'\nmemory = []\ndevices = ['./file']\n"
        "[jobs.b]\nimage = 'host'\ndevices = ['/dev/none', '/etc/hostname']\n"
        "env_file = ['bad.env', 'none.env']\n"
        "[jobs.c]\nrootfs = './none'\nio = [{ device = '/dev/null', read_bytes = 1 }]\n",
    )
    assert problems(path) == [
        "jobs.toml:2: defaults.volumes[0]: none: no such file or directory",
        "jobs.toml:5: jobs.a.image: file: is not a directory",
        "jobs.toml:6: jobs.a.memory: must be a string or a number, not a list",
        "jobs.toml:7: jobs.a.devices[0]: './file' is not an absolute path",
        "jobs.toml:10: jobs.b.devices[0]: /dev/none: no such file or directory",
        "jobs.toml:10: jobs.b.devices[1]: /etc/hostname: is not a device",
        "jobs.toml:11: jobs.b.env_file[1]: none.env: no such file or directory",
        "jobs.toml:13: jobs.c.rootfs: none: no such file or directory",
        "jobs.toml:14: jobs.c.io[0].device: /dev/null: is not a block device",
        "bad.env:2: is not KEY=VALUE",
    ]


def test_missing_jobs_file_is_one_problem(tmp_path: Path) -> None:
    """A file that is not there, or a directory, is said so with its path."""
    assert problems(tmp_path / "jobs.toml") == ["jobs.toml: no such file or directory"]
    assert problems(tmp_path / ".." / tmp_path.name) == [f"{tmp_path.name}: is not a regular file"]


def test_reading_is_bounded(tmp_path: Path) -> None:
    """A fifo without a writer, a device and an endless file are errors, at once."""
    os.mkfifo(tmp_path / "fifo")
    with open(tmp_path / "large", "wb") as large:
        large.truncate(1 << 30)
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(ValueError, match="is not a regular file"):
            read_file(path)
    with pytest.raises(ValueError, match="is larger than 4 MiB"):
        read_file(tmp_path / "large")
    (tmp_path / "full").write_bytes(b"#" * MAX_BYTES)
    assert len(read_file(tmp_path / "full")) == MAX_BYTES


def test_env_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    """A binary file in the place of an env_file is a problem of the key that names it."""
    (tmp_path / "x.env").write_bytes(b"A=\xff")
    path = write(tmp_path, f"{JOB}env_file = './x.env'\n")
    assert problems(path) == ["jobs.toml:4: jobs.a.env_file[0]: x.env: is not UTF-8"]


def test_looking_changes_nothing() -> None:
    """A file without env_files and sources comes back as it was."""
    jobsfile = load(JOB.encode(), "/srv/x/jobs.toml", {})
    assert check_sources(jobsfile) == []
    assert add_env_files(jobsfile) == (jobsfile, [])
