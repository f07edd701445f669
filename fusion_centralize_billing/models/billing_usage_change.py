# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.tools import SQL


class BillingUsageChange(models.Model):
    """The change feed: which subscriptions have usage that is not rated yet.

    Written in the transaction that writes the usage, only ever appended to; the rating job deletes
    the rows it has seen. So ingestion never waits for rating, and no change is overlooked.
    """

    _name = "fusion.billing.usage.change"
    _description = "Billing Usage Change"
    _log_access = False

    subscription_id = fields.Many2one("sale.order", required=True, ondelete="cascade", index=True)
    from_at = fields.Datetime(required=True, help="The earliest instant to which changed usage belongs.")
    to_at = fields.Datetime(required=True, help="The latest instant to which changed usage belongs.")

    @api.model
    def _append(self, spans):
        """Note changes.

        :param spans: ``{subscription id: (earliest instant, latest instant)}``, naive UTC
        """
        if spans:
            rows = [(subscription_id, from_at, to_at) for subscription_id, (from_at, to_at) in sorted(spans.items())]
            self.env.cr.execute_values(
                "INSERT INTO fusion_billing_usage_change (subscription_id, from_at, to_at) VALUES %s", rows
            )

    @api.model
    def _take(self, subscription):
        """Delete the feed's rows of a subscription and return its span, or None if it has none.

        Only rows in this transaction's snapshot are deleted: the same snapshot in which it sees their usage.
        """
        self.env.cr.execute(
            SQL(
                "WITH taken AS"
                " (DELETE FROM fusion_billing_usage_change WHERE subscription_id = %s RETURNING from_at, to_at)"
                " SELECT MIN(from_at), MAX(to_at) FROM taken",
                subscription.id,
            )
        )
        from_at, to_at = self.env.cr.fetchone()
        return (from_at, to_at) if from_at else None

    @api.model
    def _get_last_ids(self, subscriptions):
        """Return ``{subscription id: id of its last change}`` of those with unrated changes."""
        if not subscriptions:
            return {}
        query = SQL(
            "SELECT subscription_id, MAX(id) FROM fusion_billing_usage_change WHERE subscription_id IN %s GROUP BY 1",
            tuple(subscriptions.ids),
        )
        return dict(self.env.execute_query(query))

    @api.model
    def _get_changed_subscriptions(self):
        """Return the subscriptions with unrated changes."""
        self.env.cr.execute("SELECT DISTINCT subscription_id FROM fusion_billing_usage_change ORDER BY 1")
        return self.env["sale.order"].browse(row[0] for row in self.env.cr.fetchall())
