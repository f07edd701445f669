"""Month boundaries: the scheduled actions that rate and invoice run again and again, as days pass in the year."""

import contextlib
import random
import threading

import requests
from main_job import job_queue
from runtime.progress import Fault

from .site import Site


def pass_until(stopped: threading.Event, site: Site, chance: random.Random) -> int:
    """Run the actions until ``stopped`` and return how often one was done. Each run invoices one period of each."""
    done = 0
    while not stopped.wait(chance.uniform(2, 5)):
        action = chance.choice((job_queue.RATE_USAGE, job_queue.CREATE_INVOICES))
        # Whom a kill has hit is asked again, by another person each time.
        with contextlib.suppress(requests.RequestException, ValueError, Fault):
            job_queue.run_now(site.office(), action)
            done += 1
    return done
