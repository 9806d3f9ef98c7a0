"""Who may use the page: not the web sites that its viewers visit.

A site open in the same browser could name this server by a DNS name of its own (DNS
rebinding), or post to it across origins. A request is therefore taken only when it
names the server by an address, by a name of this machine, or by one that was admitted
(`--allow-host`), and a button only when it was pressed on the page itself.

A name of this machine is its host name, alone or under a domain in which nobody else
can have a name resolved as they like: that of its network, or one that cannot be
registered. `raspberrypi.example.org` could be anybody's.
"""

import ipaddress
import socket
from collections.abc import Iterator, Set
from email.message import Message
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

_HOSTS, _RESOLVER = Path("/etc/hosts"), Path("/etc/resolv.conf")
# Reserved (RFC 6761, 6762, 8375, ICANN), never delegated, or given out by routers and overlay networks.
_PRIVATE_DOMAINS = (
    *("local", "localhost", "localdomain", "home.arpa", "internal", "lan", "home", "corp", "intranet", "private"),
    *("fritz.box", "speedport.ip", "ts.net", "netbird.cloud"),
)
_NOBODY: frozenset[str] = frozenset()


def is_own_host(host: str | None, admitted: Set[str] = _NOBODY) -> bool:
    """Return whether a `Host` header names this server: an IP address, a name of this machine or an admitted one.

    The port is left open: it may be forwarded, as by `ssh -L`.

    Args:
        host: The header.
        admitted: Names as of `host_name`.
    """
    name = _name_in(f"//{host}")
    if not host or not name:
        return False
    return _is_address(name) or name in admitted or _is_own_name(name)


def is_own_page(headers: Message, admitted: Set[str] = _NOBODY) -> bool:
    """Return whether a POST comes from the page itself, or from a program, which sends no `Origin`.

    Args:
        headers: Of the request.
        admitted: Names as of `host_name`; a proxy that the page is reached by may replace the `Host`.
    """
    origin, host = headers.get("Origin"), headers.get("Host")
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    return origin is None or any(origin in (f"http://{name}", f"https://{name}") for name in (host, *admitted))


def host_name(text: str) -> str | None:
    """Return a host name as requests have it, such as `xn--kche-0ra.lan` for `Küche.lan.`; None for anything else."""
    try:
        name = text.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        return None
    is_plain = name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return name if is_plain and _name_in(f"//{name}") == name else None


def _name_in(url: str) -> str | None:
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name and name.removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_own_name(name: str) -> bool:
    if name in _own_names():
        return True
    first, _, domain = name.partition(".")
    return first in _own_names() and any(
        domain == own or domain.endswith(f".{own}") for own in (*_PRIVATE_DOMAINS, *_own_domains())
    )


@cache
def _own_names() -> frozenset[str]:
    """Return this machine's names: the system's, with and without its domain, and those in its table of hosts."""
    name = socket.gethostname().lower().removesuffix(".")
    short = name.partition(".")[0]
    names = {"localhost", name, short}
    for address, *given in _words_of_lines(_HOSTS):
        if short in given or (_is_address(address) and ipaddress.ip_address(address).is_loopback):
            names.update(given)
    return frozenset(names - {""})


@cache
def _own_domains() -> frozenset[str]:
    """Return the domains of the network that this machine is in."""
    lines = _words_of_lines(_RESOLVER)
    domains = {domain.strip(".") for key, *given in lines if key in ("search", "domain") for domain in given}
    return frozenset(domain for domain in domains if "." in domain)  # not a whole `com`


def _words_of_lines(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return
    for line in text.lower().splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words
