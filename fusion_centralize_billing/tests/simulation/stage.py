# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import datetime
import random
import time
from collections import defaultdict
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command

from ...models.usage_row import UsageRow
from .agreements import OFFERS, PRICE_RISE, TAXES
from .expectation import COMMITMENT, FEE

_DAY = datetime.timedelta(days=1)
#: Usage is rated at least so often between invoices, in days; in production it is every minute.
_RATED_EVERY = 30
#: In which order the events of a day happen.
_ORDER = ("open", "prices", "push", "amend", "void", "end")


class Stage:
    """Leads Odoo through a story: what happens, the crons of each day, and the jobs that they make.

    Keeps its own books of what customers paid and were credited by hand.

    :param case: a test class with the creators of BillingMixin
    """

    def __init__(self, case, story, freezer):
        self.case, self.env, self.story, self.freezer = case, case.env, story, freezer
        self._random = random.Random(7)
        self._customers = {}
        self.orders, self.partners, self.payments, self.credited = {}, {}, defaultdict(Decimal), set()
        self.counts = defaultdict(int)
        self.seconds = defaultdict(float)
        self._seen_moves = set()
        self._payments_due = defaultdict(list)

    # === BEFORE THE CURTAIN === #

    def prepare(self):
        company, env = self.case.company, self.env
        self.service = self.case.service
        self.listening_service = self.case._listen(self.case._create_service())
        self.recurrences = {
            (months, aligned): env["sale.subscription.plan"].create(
                {
                    "name": f"{months} months",
                    "billing_period_value": 1 if months == 12 else months,
                    "billing_period_unit": "year" if months == 12 else "month",
                    "billing_first_day": aligned,
                }
            )
            for months in (1, 3, 12)
            for aligned in (False, True)
        }
        self.taxes = {
            name: env["account.tax"].create(
                {
                    "name": name,
                    "amount": percent,
                    "type_tax_use": "sale",
                    "price_include_override": "tax_included" if included else "tax_excluded",
                }
            )
            for name, (percent, included) in TAXES.items()
        }
        rates = {"JPY": 108.17, "KWD": 0.2213}
        for currency, rate in rates.items():
            self.case._get_currency(currency)
            env["res.currency.rate"].create(
                {
                    "currency_id": self.case._get_currency(currency).id,
                    "company_id": company.id,
                    "name": self.story.first_day - 30 * _DAY,
                    "rate": rate,
                }
            )
        self.journal = env["account.journal"].search([("type", "=", "bank"), ("company_id", "=", company.id)], limit=1)
        clearing = env["account.account"].create(
            {"name": "Received", "code": "101998", "account_type": "asset_current", "reconcile": True}
        )
        self.journal.inbound_payment_method_line_ids.payment_account_id = clearing
        self.products, self.charges, self.plans, self.metrics = {}, {}, {}, {}
        for currency, tax, codes in OFFERS:
            self._prepare_offer(currency, tax, codes)

    def _prepare_offer(self, currency, tax, codes):
        for item in (FEE, COMMITMENT, *codes):
            if (item, tax) not in self.products:
                self.products[item, tax] = self.case._create_product(
                    name=item, recurring_invoice=item == FEE, taxes_id=[Command.set(self.taxes[tax].ids)]
                )
        plan = self.case._create_plan(
            currency,
            product_id=self.products[FEE, tax].id,
            price=1,
            commitment_product_id=self.products[COMMITMENT, tax].id,
        )
        self.plans[currency, tax, codes] = plan

    def _get_plan(self, offer):
        key = offer.currency, offer.tax, tuple(charge.code for charge in offer.charges)
        plan = self.plans[key]
        for charge in offer.charges:
            if (plan, charge.code) not in self.charges:
                self.charges[plan, charge.code] = self._create_charge(plan, offer, charge)
        return plan

    def _create_charge(self, plan, offer, charge):
        if charge.code not in self.metrics:
            self.metrics[charge.code] = self.case._create_metric(charge.aggregation)
        values = self._get_price_values(offer, charge, 1)
        tiers = values.pop("tiers")
        return self.case._create_charge(
            plan,
            tiers=tiers,
            name=charge.code,
            metric_id=self.metrics[charge.code].id,
            product_id=self.products[charge.code, offer.tax].id,
            charge_model=charge.model,
            group_by="region" if charge.by_region else False,
            **values,
        )

    def _get_price_values(self, offer, charge, rise):
        scale = offer.scale
        return {
            "included_quota": float(charge.quota),
            "price_per_unit": float(charge.price * rise * scale),
            "unit_batch": float(charge.batch),
            "free_units": float(charge.free_units),
            "rate": float(charge.rate * rise),
            "fixed_fee": float(charge.row_fee * scale),
            "free_rows": charge.free_rows,
            "free_amount": float(charge.free_amount * scale),
            "tiers": [
                {
                    "sequence": number,
                    "up_to": float(up_to or 0),
                    "price_per_unit": float(price * scale * (1 if number else rise)),
                    "flat_fee": float(flat_fee * scale),
                }
                for number, (up_to, price, flat_fee) in enumerate(charge.tiers)
            ],
        }

    # === THE PLAY === #

    def run(self):
        self._environments = [self.env, *self.env.transaction.envs]
        day = self.story.first_day
        while day <= self.story.settled_on:
            self._run_day(day, is_rated=(day - self.story.first_day).days % _RATED_EVERY == 0)
            day += _DAY
        self._run_day(self.story.settled_on, is_rated=True)

    def run_last_day_again(self):
        self._run_day(self.story.settled_on, is_rated=True)

    def _run_day(self, day, is_rated):
        self.freezer.move_to(datetime.datetime.combine(day, datetime.time(6)))
        self.env.invalidate_all()
        with trap_jobs() as trap:
            with self._timed("events"):
                self._happen(self.story.events.pop(day, ()))
            self._perform(trap)
            if is_rated:
                with self._timed("crons"):
                    self.env["fusion.billing.usage"]._cron_rate_open_periods()
                self._perform(trap)
            with self._timed("crons"):
                self.env["sale.order"]._cron_create_recurring_invoices()
            self._perform(trap)
            with self._timed("crons"):
                self.env["fusion.billing.webhook"]._cron_dispatch()
            self._perform(trap)
            self._visit_invoices(day)
            self._perform(trap)
        # The trap stores a job whose identity is known already; it would keep later ones from being made.
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM queue_job")

    def _perform(self, trap):
        """Run jobs until none is left."""
        while trap.enqueued_jobs:
            jobs, trap.enqueued_jobs = trap.enqueued_jobs, []
            for job in jobs:
                with self._timed(job.method_name):
                    job.perform()
                    self._forget_environments()
                self.counts[job.method_name] += 1

    def _happen(self, events):
        pushed = defaultdict(list)
        for event in sorted(events, key=lambda event: _ORDER.index(event.kind)):
            if event.kind == "push":
                pushed[self._get_service(event.agreement)].append(event)
            elif event.kind == "prices":
                self._raise_prices()
            else:
                self._record_pushed(pushed)
                getattr(self, f"_{event.kind}")(event)
        self._record_pushed(pushed)

    def _get_service(self, agreement):
        return self.listening_service if agreement.number % 4 == 0 else self.service

    def _get_customer(self, agreement):
        """Return the customer: some have several subscriptions of one currency, which share invoices."""
        key = agreement.offer.currency, agreement.number // 25
        if key not in self._customers:
            self._customers[key] = self.env["res.partner"].create({"name": f"Customer {agreement.number}"})
        return self._customers[key]

    def _open(self, event):
        agreement = event.agreement
        plan = self._get_plan(agreement.offer)
        partner = self._get_customer(agreement)
        order = self.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "plan_id": self.recurrences[agreement.months, agreement.aligned].id,
                "pricelist_id": plan.pricelist_id.id,
                "start_date": agreement.start,
                "x_fc_service_id": self._get_service(agreement).id,
                "x_fc_external_id": f"simulated-{agreement.number}",
                "x_fc_plan_code": plan.code,
                "x_fc_fee_timing": "advance" if agreement.in_advance else "arrears",
                "x_fc_proration": "day" if agreement.prorated else "none",
                "x_fc_trial_days": agreement.trial_days,
                "x_fc_grace_days": agreement.grace_days,
                "x_fc_minimum_commitment": float(agreement.minimum),
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.products[FEE, agreement.offer.tax].id,
                            "price_unit": float(agreement.fee),
                        }
                    )
                ],
            }
        )
        order.action_confirm()
        self.orders[agreement.number], self.partners[agreement.number] = order.with_env(self.env), partner

    def _record_pushed(self, pushed):
        for service, events in pushed.items():
            rows = [self._as_row(event) for event in events]
            self.env["fusion.billing.usage"]._upsert(service, rows)
            self.counts["counters"] += len(rows)
            for event in events:
                event.agreement.counters[event.counter.key] = event.counter
        pushed.clear()

    def _as_row(self, event):
        counter = event.counter
        return UsageRow(
            self.orders[event.agreement.number].id,
            self.metrics[counter.charge].id,
            Decimal(counter.quantity.numerator) / Decimal(counter.quantity.denominator),
            counter.start,
            counter.end,
            counter.key,
            {"region": counter.region} if counter.region else None,
        )

    def _amend(self, event):
        quantity = event.quantity
        usage = self._find_usage(event)
        usage._amend(Decimal(quantity.numerator) / Decimal(quantity.denominator), "Meter was off")
        event.agreement.counters[event.counter.key].quantity = quantity
        self.counts["corrections"] += 1

    def _void(self, event):
        self._find_usage(event)._void("Counted twice")
        event.agreement.counters[event.counter.key].is_void = True
        self.counts["voids"] += 1

    def _find_usage(self, event):
        service = self._get_service(event.agreement)
        domain = [("idempotency_key", "=", event.counter.key), ("service_id", "=", service.id)]
        return self.env["fusion.billing.usage"].search(domain)

    def _end(self, event):
        self.orders[event.agreement.number]._fc_terminate(event.agreement.ends_on)
        self.counts["ends"] += 1

    def _raise_prices(self):
        for currency, tax, codes in OFFERS:
            agreements = [each for each in self.story.agreements if self._is_of(each, currency, tax, codes)]
            offer = agreements[0].offer if agreements else None
            for charge in offer.charges if offer else ():
                self._get_plan(offer)
                self._raise_price(self.charges[self.plans[currency, tax, codes], charge.code], offer, charge)

    @staticmethod
    def _is_of(agreement, currency, tax, codes):
        offer = agreement.offer
        return (offer.currency, offer.tax, tuple(charge.code for charge in offer.charges)) == (currency, tax, codes)

    def _raise_price(self, record, offer, charge):
        values = self._get_price_values(offer, charge, PRICE_RISE)
        tiers = values.pop("tiers")
        if tiers:
            values["tier_ids"] = [
                Command.update(tier.id, prices)
                for tier, prices in zip(record.tier_ids.sorted("sequence"), tiers, strict=True)
            ]
        record.write({name: value for name, value in values.items() if name == "tier_ids" or record[name] != value})

    # === AFTER AN INVOICE === #

    def _visit_invoices(self, day):
        """Let some customers pay, in full or in part, some days later, and some be credited by hand."""
        orders = [order.id for order in self.orders.values()]
        domain = [("x_fc_subscription_ids", "in", orders), ("id", "not in", list(self._seen_moves))]
        if day < self.story.last_day:
            for move in self.env["account.move"].search(domain, order="id"):
                self._seen_moves.add(move.id)
                if move.move_type != "out_invoice" or move.amount_total <= 0:
                    continue
                dice = self._random.random()
                if dice < 0.1:
                    later = min(day + self._random.randrange(1, 20) * _DAY, self.story.last_day)
                    self._payments_due[later].append((move, dice < 0.03))
                elif dice > 0.985 and "advance" not in move.x_fc_subscription_ids.mapped("x_fc_fee_timing"):
                    with self._timed("credit notes by hand"):
                        self.credited.add(move._reverse_moves(cancel=True).id)
        with self._timed("payments"):
            for move, in_part in self._payments_due.pop(day, ()):
                self._pay(move, in_part)

    def _pay(self, move, in_part):
        amount = move.amount_residual / 2 if in_part else move.amount_residual
        amount = move.currency_id.round(amount)
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=move.ids)
        wizard.create({"journal_id": self.journal.id, "amount": amount})._create_payments()
        self.payments[move.partner_id.id] += Decimal(str(amount))
        self.counts["payments"] += 1

    def _forget_environments(self):
        """Keep Odoo from looking through the environments of all former jobs: theirs was another transaction.

        Those of before the first day stay, since an environment that is forgotten may keep outdated values.
        """
        environments = self.env.transaction.envs
        environments.clear()
        environments.update(self._environments)

    @contextlib.contextmanager
    def _timed(self, what):
        begun = time.process_time()
        yield
        self.seconds[what] += time.process_time() - begun
