# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The limits, kept as system parameters (ir.config_parameter)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields

from odoo.api import Environment
from odoo.tools import config

_logger = logging.getLogger(__name__)

PREFIX = "fusion_centralize_billing."
#: What a server without workers, which has threads instead, counts as.
_THREADS = 8


@dataclass(frozen=True)
class Settings:
    """Each can be set as ``fusion_centralize_billing.NAME``, a whole number; these are the defaults.

    :param request_seconds: how long a request may run; 0 for no limit
    :param preview_seconds: how long a preview may run; 0 for no limit of its own
    :param batch_cost: the greatest cost of a JSON-RPC batch, see costs.py
    :param costly_at_once: costly requests of one key at a time; 0 for half of the workers
    :param reads_per_second: plain reads of one key, in the long run; 0 for no limit, as for the next two
    :param writes_per_second: writes of one key
    :param costly_per_second: previews, aggregations, proofs and PDFs of one key
    :param customer_reads_per_second: plain queries of one customer, over all of its access tokens; 0 for no limit
    :param customer_costly_per_second: queries of one customer that add up usage; 0 for no limit
    :param failures_at_once: failed authentications of one address before one a second is left; 0 for no limit
    :param customers_per_day: new customers of one service in a day of UTC; 0 for no limit, as for the next
    :param subscriptions_per_day: new subscriptions of one service
    """

    request_seconds: int = 15
    preview_seconds: int = 5
    batch_cost: int = 500
    costly_at_once: int = 0
    reads_per_second: int = 500
    writes_per_second: int = 500
    costly_per_second: int = 20
    customer_reads_per_second: int = 10
    customer_costly_per_second: int = 2
    failures_at_once: int = 60
    customers_per_day: int = 0
    subscriptions_per_day: int = 0

    @classmethod
    def load(cls, env: Environment) -> Settings:
        """Return the settings of a database."""
        # sudo: services and billing users read no system parameters; only these, and none of them is a secret.
        parameters = env["ir.config_parameter"].sudo()
        texts = {field.name: parameters.get_param(PREFIX + field.name) for field in fields(cls)}
        return cls(**{name: _read(name, text) for name, text in texts.items() if text})

    @property
    def slots_of_key(self) -> int:
        return min(self.costly_at_once or max(1, _workers() // 2), 1000)

    @property
    def slots_of_node(self) -> int:
        """One worker stays free, whatever the keys ask for."""
        return max(1, min(_workers() - 1, 1000))


def _workers() -> int:
    return int(config["workers"]) or _THREADS


def _read(name: str, text: str) -> int:
    """Return a parameter's value; for one that is no number the default, which is logged."""
    if text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 9:
        return int(text)
    default: int = getattr(Settings, name)
    _logger.warning("%s%s is no number: %s is taken", PREFIX, name, default)
    return default
