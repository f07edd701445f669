# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Fields of types that show what an operation of the API answered: a dict, with numbers and times as text."""

import datetime
import decimal

import graphene

from . import scalars


def text(name, description, required=True):
    return _field(graphene.String, name, description, required, str)


def integer(name, description, required=True):
    return _field(graphene.Int, name, description, required, int)


def boolean(name, description, required=True):
    return _field(graphene.Boolean, name, description, required, bool)


def number(name, description, required=True):
    return _field(scalars.Decimal, name, description, required, decimal.Decimal)


def day(name, description, required=True):
    return _field(scalars.Date, name, description, required, datetime.date.fromisoformat)


def instant(name, description, required=True):
    return _field(scalars.DateTime, name, description, required, _read_instant)


def _field(type_, name, description, required, read):
    def resolve(answer, _info):
        return None if answer[name] is None else read(answer[name])

    return type_(required=required, description=description, resolver=resolve)


def _read_instant(value):
    return datetime.datetime.fromisoformat(value.removesuffix("Z"))
