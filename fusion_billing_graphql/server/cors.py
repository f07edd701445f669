# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Pages of other origins: which may ask, and read what they are answered.

Each service lists its web sites. Odoo's own ``cors`` of routes names one origin, or all, for everybody. Before a
request with a token, browsers ask without it (preflight): that is granted to an origin that any service lists. The
answer to the request itself is shown to an origin that the token's own service lists. Cookies are never let in: there
is no Access-Control-Allow-Credentials.
"""

from __future__ import annotations

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError
from odoo.api import SUPERUSER_ID, Environment
from odoo.http import Response, request
from odoo.models import BaseModel

from .wire import VARY

#: Where the request keeps the ids of the services that list its origin, as far as they matter to it.
_ATTRIBUTE = "fusion_billing_cors"
_METHODS = "GET, POST"
_SENT = "Authorization, Content-Type, X-Request-Id"
_SHOWN = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
#: Seconds that a browser may remember what it was granted. Each answer is decided anew.
_MAX_AGE = "600"


def begin(env: Environment) -> None:
    """Look up who lists the origin of the request that runs."""
    origin = _foreign_origin()
    listing = env(user=SUPERUSER_ID)["fusion.billing.service"]._find_by_origin(origin).ids if origin else []
    setattr(request, _ATTRIBUTE, frozenset(listing))


def is_preflight() -> bool:
    """Tell whether a browser asks whether a page may make a request."""
    headers = request.httprequest.headers
    return (
        request.httprequest.method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers
    )


def answer_preflight() -> Response:
    """Return what the browser asked for, or raise ForbiddenError. Who will ask, and for whom, is not known yet."""
    if not _listing():
        raise _not_allowed()
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Max-Age": _MAX_AGE,
        "Vary": VARY,
    }
    response = Response(status=204, headers=headers)
    response.headers.remove("Content-Type")  # there is no content
    return response


def check_token(service: BaseModel) -> None:
    """Refuse an access token from a page of an origin that its service does not list."""
    _keep(service)
    if _foreign_origin() and not _listing():
        raise _not_allowed()


def check_key(service: BaseModel) -> None:
    """Refuse an API key from a page of another origin: whoever opens the page could read the key."""
    _keep(service)
    if _foreign_origin():
        message = "API keys are for servers: a page in a browser needs an access token (createCustomerToken)."
        raise ForbiddenError(message, code="key_in_browser")


def forbid() -> None:
    """Show the answer to no page of another origin: a back-office session asks."""
    setattr(request, _ATTRIBUTE, frozenset())


def add_headers(response: Response) -> None:
    """Let the page read the answer, errors included, if its origin may."""
    response.headers["Vary"] = VARY
    if _listing():
        response.headers["Access-Control-Allow-Origin"] = request.httprequest.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = _SHOWN


def _listing() -> frozenset[int]:
    found: frozenset[int] = getattr(request, _ATTRIBUTE, frozenset())
    return found


def _keep(service: BaseModel) -> None:
    setattr(request, _ATTRIBUTE, _listing() & {service.id})


def _foreign_origin() -> str | None:
    """Return the origin of the page that asks, or None if it is ours, or no page."""
    origin: str | None = request.httprequest.headers.get("Origin")
    # By the host: behind a proxy that ends TLS the scheme that we see may be another one. Not parsed: whoever asks
    # writes it, and what is no URL has to be a foreign origin as well.
    return None if origin is None or origin.partition("://")[2] == request.httprequest.host else origin


def _not_allowed() -> ForbiddenError:
    message = "The service does not list the web site of this page: see Web Sites on the service."
    return ForbiddenError(message, code="origin_not_allowed")
