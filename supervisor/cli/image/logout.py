"""`pocker logout`: a login that is not kept any more."""

from __future__ import annotations

import click

from supervisor.cli.failure import Failure


@click.command
@click.argument("registry", required=False, metavar="[REGISTRY]", default="docker.io")
def command(registry: str) -> None:
    """Forget the login for REGISTRY, or for Docker's, wherever docker and podman keep it."""
    import trio

    from runtime.errors import RegistryError
    from runtime.registry.keeping import forget_login
    from supervisor.cli.image.registries import own_access, registry_named

    domain = registry_named(registry)
    access = own_access()
    try:
        places = trio.run(forget_login, domain, access.environ, access.uid)
    except RegistryError as error:
        raise Failure(str(error)) from error
    for place in places:
        click.echo(f"Removed the login for {domain} from {place}")
    if not places:
        click.echo(f"Not logged in to {domain}")
