# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from .rated_counters import rated_counters

_RATING = SQL("rating")


class BillingRatedCounter(models.Model):
    """The counters of the ledger row that the context names (``rating_id``), as they were when it was rated.

    No table: worked out when it is read. A counter has the number that it has in the usage, also if it was deleted.
    """

    _name = "fusion.billing.rated.counter"
    _description = "Rated Counter"
    _auto = False
    _order = "attributed_at desc, id desc"
    _rec_name = "idempotency_key"

    # === FIELDS === #

    rating_id = fields.Many2one("fusion.billing.rating", readonly=True)
    subscription_id = fields.Many2one("sale.order", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    metric_id = fields.Many2one("fusion.billing.metric", readonly=True)
    service_id = fields.Many2one("fusion.billing.service", readonly=True)
    idempotency_key = fields.Char(readonly=True)
    attributed_at = fields.Datetime(readonly=True)
    period_start = fields.Datetime(readonly=True)
    period_end = fields.Datetime(readonly=True)
    quantity = fields.Float(min_display_digits=0, readonly=True, string="Rated Quantity")
    properties_text = fields.Char(readonly=True, string="Dimensions")
    usage_id = fields.Many2one("fusion.billing.usage", readonly=True, string="Counter Now")
    current_quantity = fields.Float(
        min_display_digits=0,
        readonly=True,
        string="Now",
        help="What the counter counts now; 0 if it is void or deleted.",
    )
    correction = fields.Selection(
        [("amended", "Amended"), ("voided", "Voided"), ("deleted", "Deleted")],
        readonly=True,
        string="Since Then",
        help="What has happened to the counter since it was rated; the period is rated anew with it.",
    )
    corrected_at = fields.Datetime(readonly=True, string="Corrected On")

    # === BUSINESS === #

    @property
    def _table_query(self):
        rating_id = self.env.context.get("rating_id")
        ratings = self.env["fusion.billing.rating"]
        # The record rules of ratings decide whose counters are shown.
        ratings = ratings.search([("id", "=", rating_id)]) if type(rating_id) is int else ratings
        return SQL(
            """
            SELECT counter.counter_id AS id, rating.id AS rating_id, rating.subscription_id, rating.company_id,
                   counter.metric_id, counter.service_id, counter.idempotency_key, counter.attributed_at,
                   counter.period_start, counter.period_end, counter.quantity, now.id AS usage_id,
                   CASE WHEN now.voided_at IS NULL THEN COALESCE(now.quantity, 0) ELSE 0 END AS current_quantity,
                   last.kind AS correction, last.create_date AS corrected_at,
                   (SELECT STRING_AGG(pair.key || ': ' || pair.value, ', ' ORDER BY pair.key)
                      FROM jsonb_each_text(counter.properties) AS pair) AS properties_text
              FROM fusion_billing_rating AS rating CROSS JOIN LATERAL %s
             WHERE rating.id = ANY(%s)
            """,
            _with_present(rated_counters(_RATING)),
            ratings.ids,
        )

    def action_open_counter(self):
        """Show the counter as it is now, with its corrections; of a deleted one, these are all that is left."""
        self.ensure_one()
        if not self.usage_id:
            action = self.env["ir.actions.actions"]._for_xml_id(
                "fusion_centralize_billing.action_billing_usage_history"
            )
            return {**action, "domain": [("counter_id", "=", self.id)], "context": {}}
        return {
            "type": "ir.actions.act_window",
            "res_model": "fusion.billing.usage",
            "view_mode": "form",
            "res_id": self.usage_id.id,
        }

    @api.model
    def _read_pages(self, ratings, limit=None, beyond=None, descending=True, service=None):
        """Return ``{rating id: [counter]}``: of each row the first counters by their numbers.

        :param limit: of each row; all without it
        :param beyond: begin after the counter with this number
        :param service: only its counters
        :return: dicts with what :func:`rated_counters` brings, quantities as Decimal, and metric_code; of the present
            exists, current_quantity (None if it is deleted), voided_at, void_reason, updated_at; and of the last
            correction since the rating correction (its kind) and corrected_at
        """
        self.env.flush_all()
        conditions = [_of_service(service)]
        if beyond is not None:
            conditions.append(SQL("counter.counter_id %s %s", SQL("<" if descending else ">"), beyond))
        query = SQL(
            """
            SELECT page.*
              FROM fusion_billing_rating AS rating CROSS JOIN LATERAL (
                SELECT rating.id AS rating_id, counter.*, counter.quantity::text AS exact_quantity,
                       (SELECT code FROM fusion_billing_metric WHERE id = counter.metric_id) AS metric_code,
                       now.id IS NOT NULL AS exists, now.quantity::text AS current_quantity, now.voided_at,
                       now.void_reason, COALESCE(now.write_date, last.create_date) AS updated_at,
                       last.kind AS correction, last.create_date AS corrected_at
                  FROM %(counters)s
                 WHERE %(conditions)s
                 ORDER BY counter.counter_id %(direction)s LIMIT %(limit)s) AS page
             WHERE rating.id = ANY(%(ids)s)
             ORDER BY page.rating_id, page.counter_id %(direction)s
            """,
            counters=_with_present(rated_counters(_RATING)),
            conditions=SQL(" AND ").join(conditions),
            direction=SQL("DESC" if descending else "ASC"),
            limit=limit,
            ids=ratings.ids,
        )
        self.env.cr.execute(query)
        pages = {rating.id: [] for rating in ratings}
        for row in self.env.cr.dictfetchall():
            pages[row["rating_id"]].append(_with_decimals(row))
        return pages

    @api.model
    def _count_counters(self, ratings, service=None):
        """Return ``{rating id: number of counters}``."""
        self.env.flush_all()
        query = SQL(
            "SELECT rating.id, (SELECT COUNT(*) FROM (%s) AS counter WHERE %s)"
            " FROM fusion_billing_rating AS rating WHERE rating.id = ANY(%s)",
            rated_counters(_RATING),
            _of_service(service),
            ratings.ids,
        )
        return dict(self.env.execute_query(query))


def _of_service(service):
    return SQL("TRUE") if service is None else SQL("counter.service_id = %s", service.id)


def _with_present(counters):
    """Return a FROM clause: counters as they were, with what stands there now and their last correction since."""
    return SQL(
        """
        (%s) AS counter
          LEFT JOIN fusion_billing_usage AS now ON now.id = counter.counter_id
          LEFT JOIN LATERAL (
            SELECT kind, create_date FROM fusion_billing_usage_history
             WHERE counter_id = counter.counter_id ORDER BY id DESC LIMIT 1) AS last ON counter.is_corrected
        """,
        counters,
    )


def _with_decimals(row):
    """Return a row with exact quantities: Odoo reads numeric columns into floats (odoo/sql_db.py)."""
    present = row["current_quantity"]
    return {
        **row,
        "quantity": Decimal(row.pop("exact_quantity")),
        "current_quantity": None if present is None else Decimal(present),
    }
