"""Being a service of systemd: notifications, the passed control socket, the unit files.

Nothing here needs systemd to be there, or a library of it: the interfaces are environment
variables, sockets and the program systemctl.
"""

from __future__ import annotations
