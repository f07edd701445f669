# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL


class Change(NamedTuple):
    """Usage of a metric, or of all (None), that changed in a subscription; both instants are among what changed."""

    metric_id: int | None
    from_at: datetime.datetime
    to_at: datetime.datetime


class BillingUsageChange(models.Model):
    """The change feed: which subscriptions have usage that is not rated yet.

    Written in the transaction that writes the usage, only ever appended to; the rating job deletes
    the rows it has seen. So ingestion never waits for rating, and no change is overlooked.
    """

    _name = "fusion.billing.usage.change"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Usage Change"
    _log_access = False

    subscription_id = fields.Many2one("sale.order", required=True, ondelete="cascade", index=True)
    metric_id = fields.Many2one("fusion.billing.metric", ondelete="cascade", help="Empty: usage of every metric.")
    from_at = fields.Datetime(required=True, help="The earliest instant to which changed usage belongs.")
    to_at = fields.Datetime(required=True, help="The latest instant to which changed usage belongs.")

    @api.model
    def _append(self, changes):
        """Note changes.

        :param changes: pairs (subscription id, Change), instants in naive UTC
        """
        rows = [(subscription_id, *change) for subscription_id, change in changes]
        if rows:
            self.env.cr.execute_values(
                "INSERT INTO fusion_billing_usage_change (subscription_id, metric_id, from_at, to_at) VALUES %s",
                rows,
                page_size=len(rows),
            )

    @api.model
    def _take(self, subscription):
        """Delete the feed's rows of a subscription and return its Changes, at most one per metric and month.

        Only rows in this transaction's snapshot are deleted: the same snapshot in which it sees their usage.
        """
        query = SQL(
            "WITH taken AS (DELETE FROM fusion_billing_usage_change WHERE subscription_id = %s"
            " RETURNING metric_id, from_at, to_at)"
            " SELECT metric_id, MIN(from_at), MAX(to_at) FROM taken GROUP BY metric_id, DATE_TRUNC('month', from_at)"
            " ORDER BY 2, 1",
            subscription.id,
        )
        return [Change(*row) for row in self.env.execute_query(query)]

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

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)
