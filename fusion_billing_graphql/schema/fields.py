# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Fields of types that show records. Odoo's False for "nothing" becomes null."""

import decimal
import enum

import graphene

from odoo.addons.fusion_centralize_billing.api.plain_values import number

from . import scalars


def text(attribute, description, required=False):
    return graphene.String(
        required=required, description=description, resolver=lambda record, _info: record[attribute] or None
    )


def integer(attribute, description):
    return graphene.Int(required=True, description=description, resolver=lambda record, _info: record[attribute])


def boolean(attribute, description):
    return graphene.Boolean(required=True, description=description, resolver=lambda record, _info: record[attribute])


def quantity(attribute, description):
    return scalars.Decimal(
        required=True,
        description=description,
        resolver=lambda record, _info: decimal.Decimal(number(record[attribute])),
    )


def optional_quantity(attribute, description):
    """Return a field of a number of which 0 means that there is none."""
    return scalars.Decimal(
        description=description,
        resolver=lambda record, _info: decimal.Decimal(number(record[attribute])) if record[attribute] else None,
    )


def money(attribute, description):
    return scalars.Decimal(
        required=True,
        description=description,
        resolver=lambda record, _info: in_currency(record[attribute], record.currency_id),
    )


def currency(description="The currency of the amounts, as ISO 4217 code."):
    return graphene.String(
        required=True, description=description, resolver=lambda record, _info: record.currency_id.name
    )


def instant(attribute, description, required=False):
    return scalars.DateTime(
        required=required, description=description, resolver=lambda record, _info: record[attribute] or None
    )


def day(attribute, description, required=False):
    return scalars.Date(
        required=required, description=description, resolver=lambda record, _info: record[attribute] or None
    )


def created_at():
    return instant("create_date", "When the record was made.", required=True)


def choice(type_, attribute, description):
    """Return a field of an enumeration; a value that another addon has added to the selection is null."""
    known = {member.value for member in type_._meta.enum}
    return graphene.Field(
        type_,
        description=description,
        resolver=lambda record, _info: record[attribute] if record[attribute] in known else None,
    )


def enumeration(name, description, **values):
    """Return an enumeration.

    :param values: by name in GraphQL a pair (value in Odoo, description)
    """
    members = enum.Enum(name, [(member, value) for member, (value, _text) in values.items()])
    texts = {member: text_ for member, (_value, text_) in values.items()}
    return graphene.Enum.from_enum(
        members, description=lambda member: texts[member.name] if member is not None else description
    )


def in_currency(amount, currency_record):
    """Return an amount, of Odoo or exact, with the decimals of its currency."""
    return decimal.Decimal(f"{amount:.{currency_record.decimal_places}f}")
