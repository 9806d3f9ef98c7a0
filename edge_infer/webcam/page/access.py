"""Who may use the page: not the web sites that its viewers visit.

A site open in the same browser could name this server by a DNS name of its own (DNS
rebinding), or post to it across origins. A request is therefore taken only when it
names the server by an address or by a name of this machine, and a button only when it
was pressed on the page itself.
"""

import ipaddress
import socket
from email.message import Message
from functools import cache
from urllib.parse import urlsplit


def is_own_host(host: str | None) -> bool:
    """Return whether a `Host` header names this server: an IP address or a name of this machine.

    The port is left open: it may be forwarded, as by `ssh -L`.
    """
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if not host or not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in _own_names()
    return True


def is_own_page(headers: Message) -> bool:
    """Return whether a POST comes from the page itself, or from a program, which sends no `Origin`."""
    origin, host = headers.get("Origin"), headers.get("Host")
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    return origin is None or origin == f"http://{host}"


@cache
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower().removesuffix(".local")
    return frozenset({"localhost", name, f"{name}.local"})
