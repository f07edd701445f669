# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the resolvers of one request share."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from odoo.api import Environment
from odoo.tools.constants import PREFETCH_MAX


@dataclass(frozen=True)
class _Failure:
    cause: Exception


@dataclass
class Context:
    """Who asks, and what was loaded already.

    :param env: of the service's technical user, of the one of its frontends, or of the back-office user: the record
        rules decide what is seen
    :param key: the API key; None for others
    :param token: a customer's access token; None for others
    """

    env: Environment
    key: Any = None
    token: Any = None
    _batches: dict = field(default_factory=dict)

    def batch(self, name, record, load):
        """Return the value of a record, loading it for all records that were listed together with it.

        Without this, a list of 100 would cost 100 times the queries of one.

        :param name: hashable name of what is loaded
        :param load: takes a recordset and returns ``{id: value}``
        """
        values = self._batches.setdefault(name, {})
        if record.id not in values:
            siblings = (id_ for id_ in record._prefetch_ids if id_ not in values and id_ != record.id)
            ids = [record.id, *itertools.islice(siblings, PREFETCH_MAX - 1)]
            try:
                values.update({**dict.fromkeys(ids), **load(record.browse(ids))})
            except Exception as exc:
                # For all of them: trying each by itself would be the many queries that this is to avoid.
                values.update(dict.fromkeys(ids, _Failure(exc)))
        value = values[record.id]
        if isinstance(value, _Failure):
            raise value.cause
        return value

    @property
    def service(self):
        """Return the service of the key or token, or None for a session."""
        client = self.key or self.token
        return client.service_id if client else None

    def allows(self, scope):
        """Tell whether the caller may use a scope; None is no scope. Sessions and customers have rights instead."""
        return scope is None or self.key is None or self.key._allows(scope)

    def forget(self):
        """Forget what was loaded: a mutation is about to change it."""
        self._batches.clear()
