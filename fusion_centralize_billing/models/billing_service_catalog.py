# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models

from ..api import payloads
from .price_terms import NUMBERS


class BillingService(models.Model):
    """Handlers of the API's operations (see api/operations.py): the catalogue; more in billing_service_*.py.

    Each takes a payload object, or the dict it is made from, and returns plain values. They work as
    the service's technical user, so that its record rules confine them, whoever calls.
    """

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_catalog(self, payload=None):
        """List the charges, and the plans, that this service may sell."""
        payloads.Empty.parse(payload or {})
        service = self._as_technical_user()
        charges = service.env["fusion.billing.charge"].search([])
        plans = service.env["fusion.billing.plan"].search([])
        return {
            "status": "ok",
            "charges": [_describe_charge(charge) for charge in charges],
            "plans": [_describe_plan(plan) for plan in plans.sudo()],
        }


def _describe_charge(charge):
    """Return a charge with the prices of billing periods that begin today, and those that are to come."""
    return {
        "plan_code": charge.plan_code,
        "name": charge.name,
        "metric": charge.metric_id.code,
        "currency": charge.sudo().currency_id.name,
        **_describe_terms(charge._get_price_terms_today()),
        "effective_from": fields.Date.to_string(charge._get_first_day()) or None,
        "effective_until": fields.Date.to_string(charge.effective_until) or None,
        "upcoming": [
            {"effective_from": fields.Date.to_string(day), **_describe_terms(charge._get_price_terms(day))}
            for day in charge._get_upcoming_days()
        ],
    }


def _describe_terms(price_terms):
    terms = price_terms.terms
    return {
        "charge_model": price_terms.charge_model,
        **{name: float(getattr(terms, name)) for name in NUMBERS},
        "free_rows": terms.free_rows,
        "row_minimum": _float(terms.row_minimum),
        "row_maximum": _float(terms.row_maximum),
        "tiers": [
            {
                "up_to": _float(tier.up_to),
                "price_per_unit": float(tier.price_per_unit),
                "flat_fee": float(tier.flat_fee),
                "rate": float(tier.rate),
            }
            for tier in terms.tiers
        ],
        "filters": [{"property": name, "values": list(values)} for name, values in price_terms.filters],
        "group_by": list(price_terms.group_by),
        "amount_rounding": price_terms.amount_rounding,
    }


def _float(number):
    return None if number is None else float(number)


def _describe_plan(plan):
    return {
        "code": plan.code,
        "name": plan.name,
        "plan_id": plan.plan_id.id,
        "billing_period_value": plan.plan_id.billing_period_value,
        "billing_period_unit": plan.plan_id.billing_period_unit,
        "price": plan.price,
        "currency": plan.currency_id.name,
        "fee_timing": plan.fee_timing,
        "proration": plan.proration,
        "trial_days": plan.trial_days,
        "grace_days": plan.grace_days,
        "change_timing": plan.change_timing,
        "minimum_commitment": plan.minimum_commitment,
    }
