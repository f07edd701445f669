# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which URLs may be a webhook's address, as far as their text tells; http_client looks at where they lead."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

import urllib3

#: Where web servers listen. Other ports belong to other services, which a webhook could be aimed at.
WEB_PORTS = (80, 443, 8000, 8080, 8443, 8888)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535


def check_url(url: str, ports: Collection[int] | None = WEB_PORTS) -> int:
    """Refuse what cannot be a webhook's address, with a ValueError that tells the reason; return the port.

    :param ports: those that are allowed; None for any
    """
    # Before the URL is split: urlsplit() drops tabs and line ends without a word.
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise ValueError("a webhook URL holds no blanks, control characters or backslashes")
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("a webhook URL begins with https:// or http:// and names a host")
    if "@" in parts.netloc:
        raise ValueError("a webhook URL must not hold a user name or password; use the secret")
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    if port != _port_of_sender(url, parts.scheme):
        raise ValueError("the port of a webhook URL must be a plain number")
    if ports is not None and port not in ports:
        listed = ", ".join(str(allowed) for allowed in sorted(ports))
        raise ValueError(f"port {port} is not one that webhooks may use ({listed})")
    return port


def parse_ports(text: str | None) -> tuple[int, ...]:
    """Return the ports that a setting lists, separated by commas or blanks; WEB_PORTS if it lists none.

    :raises ValueError: one of them is no port
    """
    words = re.split(r"[,\s]+", (text or "").strip())
    if words == [""]:
        return WEB_PORTS
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= 5 and 0 < int(word) <= _HIGHEST_PORT):
            raise ValueError(f"{word} is no port")
    return tuple(int(word) for word in words)


def _port_of_sender(url: str, scheme: str) -> int:
    """Return the port that the library which sends takes from a URL, whatever other readers find there."""
    try:
        port = urllib3.util.parse_url(url).port
    except urllib3.exceptions.LocationParseError as exc:
        raise ValueError("the host of a webhook URL cannot be understood") from exc
    return _DEFAULT_PORTS[scheme] if port is None else port
