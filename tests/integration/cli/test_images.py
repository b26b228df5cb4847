"""Images from the command line: in, seen, used by jobs, and out again."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from runtime.container import Container, Runtime
from runtime.directories import Directories
from supervisor.detached.attended import attended
from tests.integration.cli.pocker import PATIENCE, Pocker, read_until, wait_until

pytestmark = pytest.mark.root


def test_a_job_runs_on_an_imported_image(pocker: Pocker, root_archive: str) -> None:
    """What the image says of its containers holds for the job."""
    changes = ['CMD ["sh", "-c", "id -un; pwd; echo $WORD"]', "USER nobody", "WORKDIR /etc"]
    options = [word for change in (*changes, "ENV WORD=hello") for word in ("-c", change)]
    imported = pocker.run("import", *options, root_archive, "box:1")
    assert (imported.returncode, imported.stdout[:7]) == (0, "sha256:")
    file = pocker.file(
        '[jobs.own]\nimage = "box:1"\n[jobs.given]\nimage = "box:1"\ncommand = "pwd"'
    )
    ended = pocker.run("up", file)
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.splitlines()) == [
        "given | /etc", "own   | /etc", "own   | hello", "own   | nobody",
    ]  # fmt: skip


def test_run_takes_an_image(pocker: Pocker, root_archive: str) -> None:
    """Its own command, another one behind its entrypoint, and another entrypoint."""
    changes = ["-c", 'ENTRYPOINT ["echo", "from"]', "-c", 'CMD ["image"]']
    pocker.run("import", *changes, root_archive, "box")
    assert pocker.run("run", "box").stdout == "from image\n"
    assert pocker.run("run", "box", "me").stdout == "from me\n"
    assert pocker.run("run", "--entrypoint", "pwd", "box").stdout == "/\n"
    missing = pocker.run("run", "--pull", "never", "nope")
    assert (missing.returncode, missing.stderr) == (125, "pocker: image nope: not in the store\n")


def test_a_missing_image_is_a_mistake_of_the_file(pocker: Pocker) -> None:
    """Each is named with its line, and nothing starts."""
    file = pocker.file('[jobs.a]\nimage = "nope"\n[jobs.b]\nimage = "nope:2"\ndepends_on = ["a"]')
    ended = pocker.run("up", file)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"{file}:3: jobs.a.image: image nope: not in the store",
        f"{file}:5: jobs.b.image: image nope:2: not in the store",
    ]


def test_an_image_from_its_first_name_to_its_last(pocker: Pocker, root_archive: str) -> None:
    """Listed as Docker lists it, named again, inspected, verified, removed."""
    identifier = pocker.run("import", "-m", "first", root_archive, "box").stdout.strip()
    assert pocker.run("tag", "box", "quay.io/team/box:v2").returncode == 0
    listed = pocker.run("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout
    short = identifier[7:19]
    assert listed.splitlines() == [f"box:latest {short}", f"quay.io/team/box:v2 {short}"]
    headers = pocker.run("images").stdout.splitlines()[0].split("  ")
    assert [word.strip() for word in headers if word] == [
        "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE",
    ]  # fmt: skip
    assert pocker.run("images", "-q").stdout == f"{short}\n"
    (document,) = json.loads(pocker.run("image", "inspect", short).stdout)
    assert document["RepoTags"] == ["box:latest", "quay.io/team/box:v2"]
    assert pocker.json_of("inspect", "box") == [document], "no container is called so"
    either = pocker.run("image", "inspect", "-f", "{{.Id}}", "nope", "box")
    assert (either.returncode, either.stdout) == (1, f"{identifier}\n")
    assert either.stderr == "pocker: image nope: not in the store\n"
    assert "first" in pocker.run("image", "history", "box").stdout
    assert pocker.run("image", "verify").stdout == "1 image, nothing wrong\n"
    assert pocker.run("rmi", short).returncode == 1
    assert pocker.run("rmi", "box").stdout == "Untagged: docker.io/library/box:latest\n"
    assert "Deleted: " in pocker.run("rmi", "quay.io/team/box:v2").stdout
    assert pocker.run("images", "-q").stdout == ""


def test_what_is_pruned_is_told_once(pocker: Pocker, root_archive: str) -> None:
    """Names first, then every digest that has gone; a layer may have that of its blob."""
    pocker.run("import", root_archive, "box")
    plain = pocker.top / "root.tar"
    plain.write_bytes(gzip.decompress(Path(root_archive).read_bytes()))
    pocker.run("import", str(plain), "plain")
    first, second, *gone = pocker.stdout("system", "prune", "-af").splitlines()
    assert {first, second} == {
        f"Untagged: docker.io/library/{name}:latest" for name in ("box", "plain")
    }
    assert gone.pop().startswith("Total reclaimed space: ")
    assert len(gone) == len({*gone}) >= 5
    assert all(line.startswith("Deleted: sha256:") for line in gone)


@contextmanager
def paused(directories: Directories) -> Iterator[Container]:
    """The only container of `run` stands still meanwhile."""
    runtime = Runtime.open(directories)
    (entry,) = attended(directories).values()
    assert entry.container is not None
    held = Container.adopt(entry.container, directories, runtime.cgroups)
    trio.run(held.pause)
    yield held
    held.unpause()
    held.release()
    runtime.close()


def test_a_container_becomes_an_image(pocker: Pocker, root_archive: str) -> None:
    """What it changed is there, and what it deleted is not; it goes on, whatever happens."""
    pocker.run("import", "-c", "ENV A=b", root_archive, "box")
    script = "echo new >/made; rm /etc/group; truncate -s 8G /big; echo on; exec sleep 1000"
    options = ["-e", "C=d", "-u", "0:0", "-w", "/etc", "-l", "x=y", "--name", "one", "--init"]
    container = pocker.start("run", *options, "box", "sh", "-c", script)
    read_until(container, "on")
    incoming = Path(pocker.directories.state, "images/incoming")
    killed = pocker.start("commit", "one")
    wait_until(lambda: any(incoming.iterdir()))
    killed.kill()
    assert pocker.stdout("exec", "one", "rm", "/big") == "", "it goes on"
    changes = ["-c", 'CMD ["sh", "-c", "cat /made; echo $A; test ! -e /etc/group"]']
    identifier = pocker.stdout("commit", "-m", "why", "-a", "me", *changes, "one", "box:2").strip()
    assert pocker.stdout("exec", "one", "cat", "/made") == "new\n"
    assert pocker.run("run", "box:2").stdout == "new\nb\n"
    (document,) = json.loads(pocker.ask("image", "inspect", "box:2"))
    assert document["Config"] == {
        "User": "0:0", "WorkingDir": "/etc", "Env": ["A=b", "C=d"], "Labels": {"x": "y"},
        "Cmd": ["sh", "-c", "cat /made; echo $A; test ! -e /etc/group"],
    }  # fmt: skip
    assert (document["Id"], document["Author"]) == (identifier, "me")
    assert document["Comment"] == "why"
    shown = pocker.ask("image", "history", "box:2")
    assert shown.splitlines()[1].endswith("why")
    assert pocker.ask("history", "box:2") == shown
    absent = pocker.run("history", "box:3")
    assert (absent.returncode, absent.stderr) == (1, "pocker: no such container: box:3\n")
    assert pocker.ask("image", "verify") == "2 images, nothing wrong\n"
    with paused(pocker.directories.detached) as held:
        pocker.stdout("commit", "one")
        assert held.paused, "by somebody else"
    container.terminate()
    assert container.wait(PATIENCE) == 128 + signal.SIGTERM


def test_a_container_is_what_its_image_says_of_it(pocker: Pocker, root_archive: str) -> None:
    """It is tested, has labels beside its own, and tells which ports it serves."""
    changes = ("HEALTHCHECK --interval=50ms CMD echo fine", "LABEL a=1 b=2", "EXPOSE 80")
    options = [word for each in changes for word in ("-c", each)]
    pocker.stdout("import", *options, root_archive, "box")
    pocker.stdout("run", "-d", "--name", "one", "-l", "b=mine", "box", "sleep", "1000")
    shown = ("ps", "--filter", "label=a=1")
    wait_until(lambda: [row["health"] for row in pocker.json(*shown)] == ["healthy"])
    (document,) = json.loads(pocker.ask("inspect", "one"))
    assert document["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert document["Config"]["Labels"] == {"a": "1", "b": "mine"}
    pocker.stdout("rm", "-f", "one")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["commit", "nope"], 1, "no such container: nope"),
        (["rmi", "nope"], 1, "image nope: not in the store"),
        (["tag", "nope", "x"], 1, "image nope: not in the store"),
        (["import", "/nope"], 1, "/nope: no such file or directory"),
        (["import", "/"], 1, "/: is a directory"),
        (["import", "-"], 1, "the archive is empty"),
        (["images", "--filter", "x=y"], 125, "no such key"),
        (["images", "--format", "{{.Nope}}"], 1, "no field Nope"),
        (["image", "lss"], 1, 'unknown command: pocker image lss; did you mean "ls"?'),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, message: str, pocker: Pocker
) -> None:
    """One line, and Docker's habits for the rest."""
    ended = pocker.run(*arguments)
    assert ended.returncode == code
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
