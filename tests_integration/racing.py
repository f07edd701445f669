"""Jobs that race on real connections of a live server's database."""

import json
from collections.abc import Callable

_RACE = """
import json, threading
from psycopg2.errors import OperationalError
from odoo.addons.queue_job.exception import RetryableJobError

orders = {orders}
barrier, retried, results = threading.Barrier(len(orders)), [], []

def run_job(order_id):
    for attempt in range(40):
        with env.registry.cursor() as cr:
            order = env(cr=cr)["sale.order"].browse(order_id)
            order.next_invoice_date  # the transaction's snapshot is taken here
            if not attempt:
                barrier.wait(300)
            try:
                results.append(order._job_create_recurring_invoice())
                cr.commit()
                return
            except (OperationalError, RetryableJobError) as error:
                cr.rollback()
                retried.append(type(error).__name__)

threads = [threading.Thread(target=run_job, args=(order,)) for order in orders]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("RESULT", json.dumps([retried, results]))
"""


def race_invoicing_jobs(odoo_shell: Callable[[str], str], orders: list[int]) -> tuple[list[str], list[str]]:
    """Run the invoicing job of each order at the same time; return the conflicts that were met, and the results."""
    printed = odoo_shell(_RACE.format(orders=orders))
    retried, results = json.loads(printed.split("RESULT", 1)[1].splitlines()[0])
    return retried, results
