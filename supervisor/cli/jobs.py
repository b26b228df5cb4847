"""Jobs of a file, as a command line names them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from runtime.nearest import did_you_mean
from supervisor.cli.failure import USAGE, Failure
from supervisor.jobspec import JobsFile
from supervisor.sources import open_jobsfile


def read_jobs(path: str, names: Iterable[str] = ()) -> JobsFile:
    """The checked jobs of a file that has `names`. Raises JobsFileError or Failure."""
    jobsfile = open_jobsfile(Path(path), os.environ)
    for name in names:
        if name not in jobsfile.jobs:
            near = did_you_mean(name, jobsfile.jobs)
            raise Failure(f"{path} has no job {name}{near}", code=USAGE)
    return jobsfile
