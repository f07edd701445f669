# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Who asks: an API key, an access token of a customer, a back-office user with a session, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError, UnauthenticatedError
from odoo.addons.fusion_centralize_billing.api.http_request import authenticated_key, customer_token
from odoo.addons.fusion_centralize_billing.limits import admission
from odoo.api import SUPERUSER_ID, Environment
from odoo.http import request

from ..schema.scopes import CUSTOMER_TYPES
from . import cors

_GROUP = "fusion_centralize_billing.group_billing_user"


@dataclass(frozen=True)
class Caller:
    """:param env: in which the resolvers read; without rights if nobody asks
    :param key: the API key; None for others
    :param token: a customer's access token; None for others
    """

    env: Environment
    key: Any = None
    is_known: bool = True
    token: Any = None

    @property
    def client(self):
        """Return whom the limits concern, a key or a token; None for a session."""
        return self.key or self.token

    def max_cost(self, settings):
        """Return what an operation may cost."""
        return min(settings.max_cost, settings.customer_max_cost) if self.token else settings.max_cost

    def check_at_all(self, settings):
        """Refuse who is nobody, unless the schema is shown to everybody."""
        if settings.introspection != "public" and not self.is_known:
            self._refuse_nobody()

    def check(self, analysis, is_mutation):
        """Refuse what this caller may not ask.

        :param analysis: of the operation, see limits/cost.py
        """
        if not self.is_known:
            self._refuse_nobody()
        if self.token:
            self._check_customer(analysis, is_mutation)
        elif self.key is None and is_mutation:
            raise ForbiddenError("Mutations are for services: use an API key.")
        missing = [scope for scope in analysis.scopes if self.key is not None and not self.key._allows(scope)]
        if missing:
            raise ForbiddenError(f"This key is not allowed to use {', '.join(missing)}.", code="insufficient_scope")

    def _check_customer(self, analysis, is_mutation):
        if is_mutation:
            raise ForbiddenError("An access token of a customer only reads.", code="read_only")
        hidden = analysis.types - CUSTOMER_TYPES
        if hidden:
            message = f"An access token of a customer does not show {', '.join(sorted(hidden))}."
            raise ForbiddenError(message, code="not_for_customers")

    def _refuse_nobody(self):
        admission.begin(self.env)
        admission.note_failure(self.env)
        raise UnauthenticatedError("A valid API key is needed: Authorization: Bearer KEY.")


def identify() -> Caller:
    """Return who sends this request; a key or token goes before a session."""
    if "Authorization" in request.httprequest.headers:
        token = customer_token()
        if token is not None:
            cors.check_token(token.service_id)
            return Caller(token.account_link_id._as_customer().env, token=token)
        key = authenticated_key()
        cors.check_key(key.service_id)
        return Caller(key.service_id._as_technical_user().env, key)
    # Odoo has checked the session, and ended it if it was not good (ir.http, _authenticate_explicit).
    uid = request.session.uid
    if not uid:
        return Caller(request.env, is_known=False)
    cors.forbid()
    env = request.env(user=uid, context=dict(request.session.context))
    if not env.user.has_group(_GROUP):
        raise ForbiddenError("This user has no access to usage billing.")
    request.update_env(user=uid)
    admission.begin(env)
    return Caller(env)


def settings_env() -> Environment:
    """Return an environment in which system parameters can be read."""
    return request.env(user=SUPERUSER_ID)
