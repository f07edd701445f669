# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from ..api.errors import BusinessRuleError
from ..rating import MAX_STEPS, NOTHING, RatingError, check_range, plain_text, round_half_up, to_decimal
from .billing_usage_change import Change
from .price_terms import PriceTerms
from .rated_counters import take_reading
from .usage_window import group_dimensions


class BillingRating(models.Model):
    """The rating ledger: what a charge costs in a billing period, and which invoice line billed it.

    An item is a charge, a group of it (see the charge's ``group_by``), or the minimum commitment. The
    price of an item in a period is the sum of its rows that are not cancelled. The first row (sequence 0)
    holds the price as it was when the period was invoiced; a later change of usage adds a row with
    the difference. Billed rows never change, so every invoiced cent leads back to a row, its tiers,
    and the usage of its window.
    """

    _name = "fusion.billing.rating"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Rating"
    _order = "period_start desc, subscription_id, charge_id, sequence desc"

    # === FIELDS === #

    subscription_id = fields.Many2one("sale.order", required=True, ondelete="restrict", readonly=True)
    partner_id = fields.Many2one(related="subscription_id.partner_id", string="Customer", store=True)
    service_id = fields.Many2one(related="subscription_id.x_fc_service_id", store=True, index="btree_not_null")
    company_id = fields.Many2one(related="subscription_id.company_id", store=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    kind = fields.Selection(
        [("usage", "Usage"), ("commitment", "Minimum Commitment")], required=True, default="usage", readonly=True
    )
    charge_id = fields.Many2one(
        "fusion.billing.charge", ondelete="restrict", readonly=True, help="Empty for the minimum commitment."
    )
    group_key = fields.Char(readonly=True, help="What the counters of the group have in common, as JSON.")
    dimensions = fields.Char(compute="_compute_dimensions", help="What the counters of the group have in common.")
    metric_id = fields.Many2one(related="charge_id.metric_id", store=True)
    period_start = fields.Datetime(required=True, readonly=True)
    period_end = fields.Datetime(required=True, readonly=True, help="The first instant after the period.")
    first_day = fields.Date(
        compute="_compute_days", store=True, string="From", help="First day of the period, in its time zone."
    )
    last_day = fields.Date(
        compute="_compute_days", store=True, string="To", help="Last day of the period, in its time zone."
    )
    sequence = fields.Integer(readonly=True, help="Counts the rows of one item in one period.")
    is_adjustment = fields.Boolean(readonly=True, help="Bills the difference to what was billed before.")
    total_quantity = fields.Float(min_display_digits=0, readonly=True, string="Used")
    included_quantity = fields.Float(min_display_digits=0, readonly=True, string="Included")
    billable_quantity = fields.Float(min_display_digits=0, readonly=True, string="Billed Quantity")
    period_amount = fields.Monetary(readonly=True, help="The price of the period's whole usage.")
    amount = fields.Monetary(readonly=True, help="What this row bills: the price less what earlier rows billed.")
    terms = fields.Json(readonly=True, help="The charge model and terms that this row was rated with.")
    breakdown = fields.Json(readonly=True, help="How the price came about, tier by tier.")
    breakdown_html = fields.Html(compute="_compute_breakdown_html", string="Price Breakdown")
    rated_at = fields.Datetime(readonly=True)
    usage_until = fields.Datetime(
        readonly=True, help="The first instant whose usage was not rated: in most cases that after the period."
    )
    reading = fields.Json(readonly=True, help="What the rating saw of the database, by which its counters are found.")
    job_uuid = fields.Char(string="Rated by Job", readonly=True)
    state = fields.Selection(
        [("open", "Open"), ("billed", "Billed"), ("cancelled", "Cancelled")],
        required=True,
        default="open",
        readonly=True,
        help="Open: may still change. Billed: frozen. Cancelled: the invoice was cancelled or deleted; rated anew.",
    )
    order_line_id = fields.Many2one("sale.order.line", readonly=True, ondelete="set null", index="btree_not_null")
    invoice_line_id = fields.Many2one("account.move.line", readonly=True, ondelete="set null", index="btree_not_null")
    invoice_id = fields.Many2one(related="invoice_line_id.move_id", store=True, index="btree_not_null")

    # === CONSTRAINTS AND INDEXES === #

    # The hash of a group, because an entry of an index holds 2.7 kB at most, and a group may be longer.
    _period_uniq = models.UniqueIndex(
        "(subscription_id, COALESCE(charge_id, 0), MD5(COALESCE(group_key, '')), period_start, sequence)",
        "This period of the item is rated already.",
    )
    _open_uniq = models.UniqueIndex(
        "(subscription_id, COALESCE(charge_id, 0), MD5(COALESCE(group_key, '')), period_start) WHERE state = 'open'",
        "A period has one open rating per item.",
    )
    _kind_charge = models.Constraint(
        "CHECK((kind = 'usage') = (charge_id IS NOT NULL))", "Usage is rated by a charge, a commitment is not."
    )
    _period_order = models.Constraint("CHECK(period_end > period_start)", "A period cannot end before it starts.")

    # === COMPUTE === #

    @api.depends("breakdown")
    def _compute_breakdown_html(self):
        for rating in self:
            lines = (rating.breakdown or {}).get("lines", [])
            rating.breakdown_html = self.env["ir.qweb"]._render(
                "fusion_centralize_billing.rating_breakdown", {"lines": lines}
            )

    @api.depends("group_key")
    def _compute_dimensions(self):
        for rating in self:
            dimensions = group_dimensions(rating.group_key or "")
            rating.dimensions = ", ".join(f"{name}: {value or '-'}" for name, value in dimensions.items())

    # Not the subscription's time zone: it is fixed once there are ratings.
    @api.depends("period_start", "period_end")
    def _compute_days(self):
        for rating in self:
            order = rating.subscription_id
            rating.first_day = order._fc_day_of(rating.period_start)
            rating.last_day = order._fc_last_day_of(rating.period_end)

    @api.depends("charge_id.name", "subscription_id.name", "first_day", "kind")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for rating in self:
            day = fields.Date.to_string(rating.first_day)
            item = rating.charge_id.name or kinds.get(rating.kind)
            # sudo: lists show the subscription's name to people who may not read orders, too.
            rating.display_name = f"{rating.sudo().subscription_id.name} / {item} / {day}"

    # === ACTIONS === #

    def action_view_usage(self):
        """Show the counters of this row as they were when it was rated, and what has become of them."""
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("fusion_centralize_billing.action_billing_rated_counter")
        name = self.display_name
        if self.kind == "usage":
            used = plain_text(to_decimal(self.total_quantity))
            name = self.env._("%(rating)s: used %(quantity)s", rating=name, quantity=used)
        return {**action, "name": name, "domain": [], "context": {"rating_id": self.id}}

    def action_view_job(self):
        """Show the job that rated."""
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("queue_job.action_queue_job")
        return {**action, "domain": [("uuid", "=", self.job_uuid)], "context": {}}

    # === BUSINESS === #

    @api.model
    def _get_rows(self, subscription, period_starts):
        """Return the ledger's rows of some periods of a subscription."""
        return self.search([("subscription_id", "=", subscription.id), ("period_start", "in", period_starts)])

    @api.model
    def _get_touched_periods(self, subscription, from_at, to_at):
        """Return (start, end) of the ledger's periods of a subscription with an instant in [from_at, to_at]."""
        self.flush_model(["subscription_id", "period_start", "period_end"])
        return self.env.execute_query(
            SQL(
                "SELECT period_start, MIN(period_end) FROM fusion_billing_rating"
                " WHERE subscription_id = %s AND period_start <= %s AND period_end > %s GROUP BY 1",
                subscription.id,
                to_at,
                from_at,
            )
        )

    def _get_billed_terms(self, charge, period_start):
        """Return the PriceTerms with which these rows billed a period last, or None.

        A later price must not be applied to a period that is on an invoice already.
        """
        billed = self.filtered(
            lambda row: (row.charge_id, row.period_start, row.state) == (charge, period_start, "billed")
        )
        last = billed.sorted("id")[-1:]
        return PriceTerms.from_json(last.terms) if last else None

    def _get_billed_before(self):
        """Return ``{row: rows that have billed its item in its period, oldest first}``, for rows of one subscription.

        Only adjustments have any; one search serves them all.
        """
        starts = self.filtered("is_adjustment").mapped("period_start")
        rows = self._get_rows(self.subscription_id, starts) if starts else self.browse()
        billed = rows.filtered(lambda row: row.state == "billed").sorted("sequence")
        by_item = billed.grouped(lambda row: row._get_item())
        return {row: by_item.get(row._get_item(), self.browse()) - row for row in self}

    def _get_item(self):
        return self.kind, self.charge_id.id, self.group_key, self.period_start

    def _record(self, subscription, item, period_start, period_end, terms, rated, amount):
        """Bring the ledger to an item's new price and return the row that stays to be billed, if any.

        Called on rows among which are all of the item in this period.

        :param item: the values of kind, charge_id and group_key that name the item
        :param terms: what it was priced with, as JSON values
        :param rated: the Rated result
        :param amount: its amount, rounded to the currency, as Decimal
        :raises BusinessRuleError: ``amount_out_of_range``, ``quantity_out_of_range``
        """
        self._check_range(subscription, item, rated, amount)
        rows = self.filtered(
            lambda row: (
                (row.kind, row.charge_id.id, row.group_key, row.period_start)
                == (item["kind"], item["charge_id"], item["group_key"], period_start)
            )
        )
        open_row = rows.filtered(lambda row: row.state == "open")
        billed_rows = rows.filtered(lambda row: row.state == "billed")
        billed = sum((to_decimal(row.amount) for row in billed_rows), Decimal(0))
        # A period that an end had cut, and that goes on, has other terms although it costs the same so far.
        keeps_terms = subscription._fc_is_closed(period_start) or billed_rows.sorted("sequence")[-1:].terms == terms
        if billed_rows and not open_row and billed == amount and keeps_terms:
            return self.browse()
        values = {
            **self._prepare_rated(rated),
            "period_end": period_end,
            "period_amount": float(amount),
            "amount": float(amount - billed),
            "is_adjustment": bool(billed_rows),
            "terms": terms,
            "usage_until": period_start if rated is NOTHING else subscription._fc_get_usage_limit(period_end),
            # Jobs rate as superuser; the context of a person who invoices could name any job.
            "job_uuid": self.env.context.get("job_uuid") if subscription.env.su else False,
        }
        if open_row:
            open_row.write(values)
            return open_row
        return self.create(
            {
                **values,
                **item,
                "subscription_id": subscription.id,
                "period_start": period_start,
                "currency_id": subscription.currency_id.id,
                "sequence": max(rows.mapped("sequence"), default=-1) + 1,
            }
        )

    @api.model
    def _prepare_rated(self, rated):
        """Return what a Rated result says of quantities, and how its price came about."""
        return {
            "total_quantity": float(rated.total),
            "included_quantity": float(rated.included),
            "billable_quantity": float(rated.billable),
            "breakdown": rated.as_dict(),
            "rated_at": fields.Datetime.now(),
        }

    def _keep_reading(self):
        """Keep what the database was like when these rows were rated, for all of them at once."""
        if self:
            self.reading = take_reading(self.env)

    def _freeze(self, moves):
        """Mark rows as billed: those on a line of ``moves``, and those that bill nothing."""
        for rating in self:
            rating.invoice_line_id = (rating.order_line_id.invoice_lines & moves.invoice_line_ids)[:1]
        self.state = "billed"

    def _forget(self):
        """Delete open rows and their order lines: nobody was billed, and their periods are no periods any more."""
        lines = self.order_line_id
        self.unlink()
        (lines - lines._check_line_unlink()).unlink()

    def _cancel(self):
        """Give rows back whose invoice is void; the periods are rated anew, on the next invoice."""
        for rating in self.filtered(lambda row: row.state == "billed"):
            rating.state = "cancelled"
            change = Change(rating.metric_id.id or None, rating.period_start, rating.period_start)
            rating.env["fusion.billing.usage.change"]._append([(rating.subscription_id.id, change)])

    # === HELPERS === #

    @api.model
    def _check_range(self, subscription, item, rated, amount):
        """Refuse what Odoo's floats would not keep to the cent, in one of its currencies: no entry would balance."""
        for currency, booked in self._get_booked_amounts(subscription, amount):
            try:
                check_range(rated, booked, to_decimal(currency.rounding))
            except RatingError as exc:
                charge = self.env["fusion.billing.charge"].browse(item["charge_id"])
                raise BusinessRuleError(
                    self.env._(
                        "%(order)s: %(item)s: %(reason)s (%(currency)s).",
                        order=subscription.name,
                        item=charge.name or self.env._("The minimum commitment"),
                        reason=exc,
                        currency=currency.name,
                    ),
                    code=exc.code,
                ) from exc

    @api.model
    def _get_booked_amounts(self, subscription, amount):
        """Yield (currency, amount) of an entry: that of the subscription and, if it is large, about the company's."""
        currency, company = subscription.currency_id, subscription.company_id
        yield currency, amount
        # Asking for a rate costs a query, and no rate makes a large amount of what is a millionth of one.
        if currency != company.currency_id and abs(amount) * 10**6 >= MAX_STEPS * to_decimal(currency.rounding):
            rate = currency._get_conversion_rate(currency, company.currency_id, company, fields.Date.today())
            yield (
                company.currency_id,
                round_half_up(amount * to_decimal(rate), to_decimal(company.currency_id.rounding)),
            )

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)

    def _get_counters(self):
        """Return the counters of this row as they were when it was rated; see ``_read_pages`` of rated counters."""
        self.ensure_one()
        return self.env["fusion.billing.rated.counter"]._read_pages(self)[self.id]
