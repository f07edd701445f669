# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import models

from ..rating import to_decimal
from .number_text import format_number, format_quantity
from .usage_window import group_dimensions

#: So many parts of a price are told; of more, the last ones together.
_MOST_PARTS = 5


class SaleOrder(models.Model):
    """What lines say of what was rated, in the customer's language: from it a reader can recompute the amount."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_get_line_name(self, rating, billed):
        """Return the text of a line: what, when, and how the amount came about.

        :param billed: the rows that have billed the item in this period before, oldest first
        """
        self = self.with_context(lang=self.partner_id.lang or self.env.lang)
        first, last = self._fc_day_of(rating.period_start), self._fc_last_day_of(rating.period_end)
        title = self._fc_get_line_title(rating)
        if rating.is_adjustment:
            title, explain = self._fc_get_adjustment_title(title, billed), self._fc_explain_adjustment(rating, billed)
        elif rating.kind == "usage":
            explain = self._fc_explain_usage(rating)
        else:
            explain = self._fc_explain_commitment(rating)
        return f"{title}\n{first} - {last}: {explain}"

    # === HELPERS === #

    def _fc_get_line_title(self, rating):
        if rating.kind == "commitment":
            return self.env._("Minimum commitment")
        # not with_env: people who invoice need not read charges
        name = rating.charge_id.with_context(lang=self.env.lang).name
        dimensions = group_dimensions(rating.group_key or "")
        if not dimensions:
            return name
        values = ", ".join(
            f"{key}: {self.env._('none') if value is None else value}" for key, value in dimensions.items()
        )
        return f"{name} ({values})"

    def _fc_get_adjustment_title(self, title, billed):
        # The invoice that has billed the period; those since then have adjusted it. A draft has no number yet.
        original = billed.invoice_id.filtered(lambda move: move.state == "posted")[:1].name
        if original:
            return self.env._("%(item)s (adjustment of %(invoice)s)", item=title, invoice=original)
        return self.env._("%s (adjustment)", title)

    def _fc_explain_adjustment(self, rating, billed):
        before = to_decimal(rating.period_amount) - to_decimal(rating.amount)
        texts = {
            "before": self._fc_format_amount(before),
            "now": self._fc_format_amount(to_decimal(rating.period_amount)),
            "difference": self._fc_format_amount(to_decimal(rating.amount)),
        }
        if rating.kind == "usage":
            return self.env._(
                "before %(before)s (used %(used_before)s), now %(now)s (used %(used)s), difference %(difference)s",
                used_before=self._fc_get_quantities(billed[-1:])["used"],
                used=self._fc_get_quantities(rating)["used"],
                **texts,
            )
        return self.env._("before %(before)s, now %(now)s, difference %(difference)s", **texts)

    def _fc_explain_usage(self, rating):
        numbers = self._fc_get_quantities(rating)
        used = self.env._("used %(used)s, included %(included)s, billed %(billed)s", **numbers)
        price = self._fc_explain_price((rating.breakdown or {}).get("lines", ()))
        return f"{used}\n{price}" if price else used

    def _fc_explain_commitment(self, rating):
        agreed, missing = to_decimal(rating.terms["minimum"]), to_decimal(rating.period_amount)
        return self.env._(
            "agreed %(agreed)s, reached %(reached)s, missing %(missing)s",
            agreed=self._fc_format_amount(agreed),
            reached=self._fc_format_amount(agreed - missing),
            missing=self._fc_format_amount(missing),
        )

    def _fc_get_quantities(self, rating):
        exact = rating.breakdown or {"total": "0", "included": "0", "billable": "0"}
        names = {"used": "total", "included": "included", "billed": "billable"}
        return {name: format_quantity(self.env, Decimal(exact[key])) for name, key in names.items()}

    def _fc_explain_price(self, lines):
        """Return the sum that makes the price, part by part.

        :param lines: the lines of a breakdown, see RatedLine
        """
        told = lines if len(lines) <= _MOST_PARTS else lines[: _MOST_PARTS - 1]
        parts = [part for line in told for part in self._fc_explain_part(line)]
        rest = lines[len(told) :]
        if rest:
            amount = self._fc_format_amount(sum((Decimal(line["subtotal"]) for line in rest), Decimal(0)))
            parts.append(self.env._("%(amount)s for %(count)s further tiers", amount=amount, count=len(rest)))
        signed = (f" - {part[1:]}" if part.startswith("-") else f" + {part}" for part in parts[1:])
        return "".join([*parts[:1], *signed])

    def _fc_explain_part(self, line):
        """Yield what a line of a breakdown adds to the price."""
        units = Decimal(line["units"])
        if units or not Decimal(line["flat_fee"]):
            yield self._fc_explain_quantity(line)
        if Decimal(line["flat_fee"]):
            yield self.env._("flat fee %s", self._fc_format_amount(Decimal(line["flat_fee"])))

    def _fc_explain_quantity(self, line):
        """Return what the quantity of a breakdown's line costs, by what its price is for."""
        _ = self.env._
        quantity = {name: format_quantity(self.env, Decimal(line[name] or 0)) for name in ("units", "batches")}
        price = self._fc_format_amount(Decimal(line["price"]))
        limit = {
            "amount": self._fc_format_amount(Decimal(line["subtotal"])),
            "price": price,
            "units": quantity["units"],
        }
        match line["basis"]:
            case "batch":
                size = format_quantity(self.env, Decimal(line["unit_batch"]))
                return _("%(batches)s × %(price)s per %(size)s", batches=quantity["batches"], price=price, size=size)
            case "percent":
                rate = format_number(self.env, Decimal(line["price"]))
                return _("%(rate)s %% of %(units)s", rate=rate, units=quantity["units"])
            case "row":
                return _("%(units)s × %(price)s per transaction", units=quantity["units"], price=price)
            case "rounding":
                return _("%(amount)s for rounding all groups together", amount=limit["amount"])
            case "row_minimum":
                return _("%(amount)s for the minimum of %(price)s per transaction (%(units)s ×)", **limit)
            case "row_maximum":
                return _("%(amount)s for the maximum of %(price)s per transaction (%(units)s ×)", **limit)
        return f"{quantity['units']} × {price}"

    def _fc_format_amount(self, amount):
        """Return an amount or a price with all its digits, which may be more than the currency has."""
        return format_number(self.env, amount, self.currency_id.decimal_places)
