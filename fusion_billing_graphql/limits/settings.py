# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The settings, kept as system parameters (ir.config_parameter)."""

import logging
from dataclasses import dataclass, fields

_logger = logging.getLogger(__name__)

PREFIX = "fusion_billing_graphql."
_CHOICES = {"introspection": ("public", "authenticated", "off"), "graphiql": ("users", "public", "off")}


@dataclass(frozen=True)
class Settings:
    """Each can be set as ``fusion_billing_graphql.NAME``; these are the defaults.

    :param introspection: who may ask for the schema: ``public`` (everybody, also without a key),
        ``authenticated``, or ``off`` (nobody)
    :param graphiql: who gets the GraphiQL page: ``users`` (billing users), ``public`` (everybody; for
        development), or ``off``
    :param max_tokens: lexical tokens of a document
    :param max_depth: how deep fields are nested
    :param max_aliases: aliases in a document
    :param max_cost: objects that an operation can ask for, see cost.py
    :param customer_max_cost: those that one with an access token of a customer can ask for
    """

    introspection: str = "authenticated"
    graphiql: str = "users"
    max_tokens: int = 2000
    max_depth: int = 20
    max_aliases: int = 50
    max_cost: int = 25000
    customer_max_cost: int = 2500

    @classmethod
    def load(cls, env):
        """Return the settings of a database; the caller's rights do not matter."""
        parameters = env["ir.config_parameter"].sudo()
        values = {}
        for field in fields(cls):
            text = parameters.get_param(PREFIX + field.name)
            if text:
                values[field.name] = _read(field, text.strip())
        return cls(**values)


def _read(field, text):
    """Return a parameter's value; one that makes no sense is logged, and the strictest or the default is taken."""
    if field.name in _CHOICES:
        if text in _CHOICES[field.name]:
            return text
        _logger.warning("%s%s is none of %s: off is taken", PREFIX, field.name, ", ".join(_CHOICES[field.name]))
        return "off"
    if text.isascii() and text.isdigit():
        return int(text)
    _logger.warning("%s%s is no number: %s is taken", PREFIX, field.name, field.default)
    return field.default
