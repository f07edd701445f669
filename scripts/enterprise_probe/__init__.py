# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Holds what we assume of Odoo Enterprise's subscriptions, and of the sandbox, against what is there.

``scripts/fcb_test_on_trial.sh --probe`` ships this package as one file (bundle.py) and runs it
there in ``odoo shell``. It changes nothing: all it asks the database stands in one READ ONLY transaction that is rolled
back. It imports nothing of our addons, which need not be there, and asks for names, types and signatures only; no
record of a customer is shown, and no secret.

Each question is a row: what is assumed, whether that is so, what was found, and what it means for billing. A question
that fails is a row, too. What can only be known by running it is listed with the steps.

assumptions    what is assumed, as tables
subscriptions  looks at fields, methods and names of Enterprise
sandbox        looks at what is installed, configured and stored
table          asks everything and prints the answers
verdicts       what they have in common
bundle         makes one file of them
"""
