"""`pocker login`: who one is to a registry."""

from __future__ import annotations

import sys

import click

from supervisor.cli.failure import Failure

_MAX_PASSWORD = 1 << 16


@click.command
@click.option("-u", "--username", metavar="USER", help="Who to log in as.")
@click.option("-p", "--password", metavar="TEXT", help="Others can see it in the process list.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input.")
@click.argument("registry", required=False, metavar="[REGISTRY]", default="docker.io")
def command(
    registry: str, username: str | None, password: str | None, *, password_stdin: bool
) -> None:
    """Log in to REGISTRY, or to Docker's, and keep the login for `pull` and `push`.

    It is kept where docker and podman find it as well.
    """
    import trio

    from runtime.errors import RegistryError
    from runtime.registry.authfile import Login
    from runtime.registry.keeping import keep_login
    from runtime.registry.session import check_login
    from supervisor.cli.image.registries import own_access, registry_named

    if password is not None and password_stdin:
        raise Failure("--password and --password-stdin exclude each other")
    domain = registry_named(registry)
    if password_stdin and username is None:
        raise Failure("--password-stdin needs --username")
    login = Login(
        username=username or _ask("Username"),
        password=_from_stdin() if password_stdin else password or _ask("Password", hidden=True),
    )
    access = own_access()
    try:
        trio.run(check_login, domain, login, access.registries.of(domain))
        place = trio.run(keep_login, domain, login, access.environ, access.uid)
    except RegistryError as error:
        raise Failure(str(error)) from error
    if place.startswith("/"):
        click.echo(f"pocker: the password is in {place}, not encrypted", err=True)
    click.echo("Login Succeeded")


def _from_stdin() -> str:
    try:
        text = sys.stdin.buffer.read(_MAX_PASSWORD).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Failure("the password is not UTF-8") from error
    if not text:
        raise Failure("the password is empty")
    return text


def _ask(what: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        raise Failure(
            f"no terminal to ask for the {what.lower()}; use --username and --password-stdin"
        )
    answer: str = click.prompt(what, hide_input=hidden, err=True)
    return answer
