# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The one place that talks to the servers of source apps."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3
from requests_hardened import Config, HTTPSession

#: Seconds to wait for the receiver, as fixed by the contract with the source apps.
TIMEOUT = 10
_EXCERPT = 500


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt; ``status`` is 0 when there was no HTTP answer."""

    status: int
    error: str = ""

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300


def check_url(url: str) -> None:
    """Refuse what cannot be a webhook's address. Raises ValueError with the reason."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a webhook URL begins with https:// or http:// and names a host")
    if parts.username or parts.password:
        raise ValueError("a webhook URL must not hold a user name or password; use the secret")


def post(url: str, body: bytes, headers: dict[str, str], *, allow_loopback: bool) -> Outcome:
    """POST once. Private and local addresses are refused, redirects are not followed.

    The host is resolved once and that address is connected to, so that a name which changes its
    address between check and use (DNS rebinding) gains nothing.
    """
    config = Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=allow_loopback,
        never_redirect=True,
        default_timeout=(TIMEOUT, TIMEOUT),
    )
    try:
        with HTTPSession(config) as session:
            session.trust_env = False  # a proxy of the environment would resolve names past the filter
            with session.post(url, data=body, headers=headers, stream=True) as answer:
                if 200 <= answer.status_code < 300:
                    return Outcome(answer.status_code)
                excerpt = answer.raw.read(_EXCERPT, decode_content=True).decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
                return Outcome(answer.status_code, f"HTTP {answer.status_code}: {excerpt}".rstrip(": "))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        return Outcome(0, f"{type(exc).__name__}: {exc}"[:_EXCERPT])
