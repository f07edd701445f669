# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How often an address may fail to authenticate.

A good key is let through in any case: many clients share an address, behind a proxy or a NAT, and 256 random bits are
not guessed. What is limited is the work that failures make, and the noise.
"""

from __future__ import annotations

import ipaddress

from ..api.errors import TooManyRequestsError
from . import buckets
from .settings import Settings

_PER_SECOND = 1


def note(dbname: str, address: str | None, settings: Settings) -> None:
    """Count a failure, or raise TooManyRequestsError beyond the limit."""
    if not settings.failures_at_once:
        return
    limit = buckets.Limit(_PER_SECOND, settings.failures_at_once)
    state = buckets.spend(dbname, f"failures {network(address)}", limit)
    if not state.allowed:
        message = "Too many requests without a valid API key came from this address."
        raise TooManyRequestsError(message, code="too_many_failures", retry_after=state.retry_after)


def network(address: str | None) -> str:
    """Return what counts as one address: of IPv6 the first 64 bits, of which one client has all."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))
