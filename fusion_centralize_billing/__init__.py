# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import api, controllers, logs, models, wizards
from .hooks import note_running_subscriptions
