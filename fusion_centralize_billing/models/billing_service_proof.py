# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api import list_payloads
from ..api.plain_values import day, instant, money, number, text
from ..proof import Scope, prove
from .usage_row import naive_utc

#: The most findings in an answer; the answer counts them all.
_MOST_FINDINGS = 100


class BillingService(models.Model):
    """Handler: the proof, for the subscriptions that are the service's own."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_billing_proof(self, payload):
        """Tell what has become of every counter of a window of time."""
        request = list_payloads.BillingProof.parse(payload)
        service = self._as_technical_user()
        start, end = naive_utc(request.from_), naive_utc(request.to)
        # sudo: the scope holds this service's subscriptions only.
        scope = Scope((self.sudo().company_id.id,), start, end, service.id)
        outcome = prove(service.sudo().env, scope)
        return {
            "status": "ok",
            "from": instant(start),
            "to": instant(end),
            "balanced": outcome.is_balanced,
            "counters": outcome.counters,
            "unexplained": outcome.unexplained,
            "lines": service.sudo()._describe_proof_lines(outcome.lines),
            "findings_total": len(outcome.findings),
            "findings": service.sudo()._describe_proof_findings(outcome.findings[:_MOST_FINDINGS]),
        }

    # === HELPERS === #

    def _describe_proof_lines(self, lines):
        metrics = self.env["fusion.billing.metric"].browse({line.metric_id for line in lines if line.metric_id})
        codes = {metric.id: metric.code for metric in metrics}
        return [_describe_line(line, codes, self.env["res.currency"].browse(line.currency_id)) for line in lines]

    def _describe_proof_findings(self, findings):
        orders = self.env["sale.order"].browse({finding.subscription_id for finding in findings} - {None})
        names = {order.id: text(order.x_fc_external_id) for order in orders}
        metrics = self.env["fusion.billing.metric"].browse({finding.metric_id for finding in findings} - {None})
        codes = {metric.id: metric.code for metric in metrics}
        describe = self.env["fusion.billing.proof.finding"]._describe
        return [
            {
                "code": finding.code,
                "message": describe(finding.code),
                "subscription_id": finding.subscription_id,
                "subscription_external_id": names.get(finding.subscription_id),
                "rating_id": finding.rating_id,
                "invoice_line_id": finding.invoice_line_id,
                "metric_code": codes.get(finding.metric_id),
                "period_start": day(finding.start_on),
                "counters": finding.counters,
                "expected": finding.expected,
                "found": finding.found,
            }
            for finding in findings
        ]


def _describe_line(line, codes, currency):
    return {
        "plan_code": text(line.plan_code),
        "metric_code": codes.get(line.metric_id),
        "period_start": day(line.start_on),
        "period_end": day(line.end_on),
        "status": line.status,
        "reason": line.reason,
        "due_on": day(line.due_on),
        "counters": line.counters,
        "quantity": number(line.quantity),
        "currency": currency.name,
        "amount": money(line.amount, currency),
    }
