# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from . import test_periods
from . import test_subscription_plan
from . import test_subscription_lifecycle
from . import test_subscription_invoicing
from . import test_subscription_pause
from . import test_subscription_close
from . import test_subscription_jobs
from . import test_subscription_access
