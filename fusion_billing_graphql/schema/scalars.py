# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Values without fields: numbers and times as text, so that no client rounds or shifts them."""

import contextlib
import datetime
import decimal
import re

import graphene
from graphql import GraphQLError, Undefined
from graphql.language import FloatValueNode, IntValueNode, StringValueNode

from odoo.addons.fusion_centralize_billing.api import numbers
from odoo.addons.fusion_centralize_billing.rating import has_plain_digits, plain_text

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Decimal(graphene.Scalar):
    """An exact decimal number. Answers have it as a string such as "1200.50"; input may be a string or a number."""

    @staticmethod
    def serialize(value):
        return format(value, "f")

    @classmethod
    def parse_literal(cls, node, _variables=None):
        if isinstance(node, (StringValueNode, IntValueNode, FloatValueNode)):
            return cls.parse_value(node.value)
        return Undefined

    @staticmethod
    def parse_value(value):
        if isinstance(value, bool) or not isinstance(value, (str, int, float, decimal.Decimal)):
            raise GraphQLError("Decimal cannot represent this value: a number, as text or not, is needed.")
        text = str(value)
        if numbers.is_out_of_range(text):
            raise GraphQLError(numbers.MESSAGE, extensions={"code": numbers.CODE})
        with contextlib.suppress(decimal.InvalidOperation):
            if has_plain_digits(text):
                return decimal.Decimal(text)
        raise GraphQLError("Decimal cannot represent this text: it is no number.")


class DateTime(graphene.Scalar):
    """An instant such as "2026-05-01T00:00:00Z" (RFC 3339). Answers are in UTC; input without a zone is UTC.

    A day such as "2026-05-01" begins at midnight in the time zone of the subscription that the input names,
    else of UTC.
    """

    @staticmethod
    def serialize(value):
        return value.isoformat(timespec="microseconds" if value.microsecond else "seconds") + "Z"

    @classmethod
    def parse_literal(cls, node, _variables=None):
        return cls.parse_value(node.value) if isinstance(node, StringValueNode) else Undefined

    @staticmethod
    def parse_value(value):
        if isinstance(value, str):
            try:
                if _DAY.match(value):
                    return datetime.date.fromisoformat(value)
                instant = datetime.datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00"))
                zone = instant.tzinfo or datetime.timezone.utc
                return instant.replace(tzinfo=zone).astimezone(datetime.timezone.utc)
            except (ValueError, OverflowError):
                pass
        raise GraphQLError('DateTime needs a text such as "2026-05-01T00:00:00Z".')


class Date(graphene.Scalar):
    """A day such as "2026-05-01"; billing days begin at midnight in the subscription's time zone."""

    @staticmethod
    def serialize(value):
        return value.isoformat()

    @classmethod
    def parse_literal(cls, node, _variables=None):
        return cls.parse_value(node.value) if isinstance(node, StringValueNode) else Undefined

    @staticmethod
    def parse_value(value):
        if isinstance(value, str):
            try:
                return datetime.date.fromisoformat(value)
            except ValueError:
                pass
        raise GraphQLError('Date needs a text such as "2026-05-01".')


class JSON(graphene.Scalar):
    """Any JSON value."""

    @staticmethod
    def serialize(value):
        return value


def plain_decimal(number):
    """Return a Decimal without exponent and needless zeros."""
    return decimal.Decimal(plain_text(number))
