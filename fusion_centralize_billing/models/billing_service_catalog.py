# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api import payloads


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
    return {
        "plan_code": charge.plan_code,
        "name": charge.name,
        "metric": charge.metric_id.code,
        "charge_model": charge.charge_model,
        "currency": charge.sudo().currency_id.name,
        "included_quota": charge.included_quota,
        "price_per_unit": charge.price_per_unit,
        "unit_batch": charge.unit_batch,
        "free_units": charge.free_units,
        "rate": charge.rate,
        "fixed_fee": charge.fixed_fee,
        "free_rows": charge.free_rows,
        "free_amount": charge.free_amount,
        "row_minimum": charge.row_minimum or None,
        "row_maximum": charge.row_maximum or None,
        "tiers": [
            {
                "up_to": tier.up_to or None,
                "price_per_unit": tier.price_per_unit,
                "flat_fee": tier.flat_fee,
                "rate": tier.rate,
            }
            for tier in charge.tier_ids
        ],
    }


def _describe_plan(plan):
    return {
        "code": plan.code,
        "name": plan.name,
        "plan_id": plan.plan_id.id,
        "billing_period_value": plan.plan_id.billing_period_value,
        "billing_period_unit": plan.plan_id.billing_period_unit,
        "price": plan.price,
        "currency": plan.currency_id.name,
    }
