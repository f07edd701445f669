# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Who asks: an API key, a back-office user with a session, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError, UnauthenticatedError
from odoo.addons.fusion_centralize_billing.api.http_request import authenticated_key
from odoo.addons.fusion_centralize_billing.limits import admission
from odoo.api import SUPERUSER_ID, Environment
from odoo.http import request

_GROUP = "fusion_centralize_billing.group_billing_user"


@dataclass(frozen=True)
class Caller:
    """:param env: in which the resolvers read; without rights if nobody asks
    :param key: the API key; None for a session
    """

    env: Environment
    key: Any = None
    is_known: bool = True

    def check_at_all(self, settings):
        """Refuse who is nobody, unless the schema is shown to everybody."""
        if settings.introspection != "public":
            self.check((), False)

    def check(self, scopes, is_mutation):
        """Refuse what this caller may not ask."""
        if not self.is_known:
            admission.begin(self.env)
            admission.note_failure(self.env)
            raise UnauthenticatedError("A valid API key is needed: Authorization: Bearer KEY.")
        if self.key is None and is_mutation:
            raise ForbiddenError("Mutations are for services: use an API key.")
        missing = [scope for scope in scopes if self.key is not None and not self.key._allows(scope)]
        if missing:
            raise ForbiddenError(f"This key is not allowed to use {', '.join(missing)}.", code="insufficient_scope")


def identify() -> Caller:
    """Return who sends this request; a key goes before a session."""
    if "Authorization" in request.httprequest.headers:
        key = authenticated_key()
        return Caller(key.service_id._as_technical_user().env, key)
    # Odoo has checked the session, and ended it if it was not good (ir.http, _authenticate_explicit).
    uid = request.session.uid
    if not uid:
        return Caller(request.env, is_known=False)
    env = request.env(user=uid, context=dict(request.session.context))
    if not env.user.has_group(_GROUP):
        raise ForbiddenError("This user has no access to usage billing.")
    request.update_env(user=uid)
    admission.begin(env)
    return Caller(env)


def settings_env() -> Environment:
    """Return an environment in which system parameters can be read."""
    return request.env(user=SUPERUSER_ID)
