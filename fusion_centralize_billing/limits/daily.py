# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How much a service may create in a day of UTC."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from odoo import fields
from odoo.models import BaseModel

from ..api.errors import TooManyRequestsError
from .settings import Settings


def check_customers(service: BaseModel) -> None:
    """Raise TooManyRequestsError if the service may make no more customers today."""
    limit = Settings.load(service.env).customers_per_day
    _check(service, "fusion.billing.account.link", "service_id", limit, "customers")


def check_subscriptions(service: BaseModel) -> None:
    """Raise TooManyRequestsError if the service may open no more subscriptions today."""
    limit = Settings.load(service.env).subscriptions_per_day
    _check(service, "sale.order", "x_fc_service_id", limit, "subscriptions")


def _check(service: BaseModel, model: str, field: str, limit: int, what: str) -> None:
    if not limit:
        return
    now = fields.Datetime.now()
    midnight = datetime.combine(now.date(), time.min)
    # sudo: counted are the rows that the service made, whether or not it may still read them.
    made = service.env[model].sudo().with_context(active_test=False)
    today = [(field, "=", service.id), ("create_uid", "=", service.env.uid), ("create_date", ">=", midnight)]
    if made.search_count(today, limit=limit) >= limit:
        seconds = int((midnight + timedelta(days=1) - now).total_seconds()) + 1
        message = f"This service may create {limit} {what} a day."
        raise TooManyRequestsError(message, code="daily_limit", retry_after=seconds)
