# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from dataclasses import dataclass

from odoo.tools import SQL


@dataclass(frozen=True)
class Scope:
    """Which counters are proved: of some companies, or of one service's subscriptions, in a window of time.

    :param start: the first last instant of a counter, naive UTC; None for no bound
    :param end: the first one behind the window; None for no bound
    :param service_id: only subscriptions of this service
    """

    company_ids: tuple[int, ...]
    start: datetime.datetime | None = None
    end: datetime.datetime | None = None
    service_id: int | None = None

    def orders(self) -> SQL:
        """Return the condition on the table sale_order."""
        of_company = SQL("sale_order.company_id IN %s", self.company_ids or (0,))
        if self.service_id is None:
            return of_company
        return SQL("%s AND sale_order.x_fc_service_id = %s", of_company, self.service_id)

    def holds(self, instant: SQL) -> SQL:
        """Return the condition that an instant lies in the window."""
        return self.touches(instant, instant, ">=")

    def touches(self, start: SQL, end: SQL, sign: str = ">") -> SQL:
        """Return the condition that a time [start, end) has a part in the window."""
        conditions = [SQL("TRUE")]
        if self.start is not None:
            conditions.append(SQL("%s %s %s", end, SQL(sign), self.start))
        if self.end is not None:
            conditions.append(SQL("%s < %s", start, self.end))
        return SQL(" AND ").join(conditions)
