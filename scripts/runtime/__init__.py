"""The runtime of the scripts: a real Odoo 19, its Python, and a PostgreSQL, under one folder.

layout       where everything lies
progress     what the person at the terminal sees
shell        running other programs
debian       packages of the distribution
odoo_source  finding Odoo 19 (ODOO_HOME, installed, Debian's package)
python_env   the virtual environment
web_packages npm files that an addon serves
nginx        the reverse proxy of the tests
postgres     the runtime's own cluster, or an existing server
cluster      one cluster: starting, stopping, killing
configuration, server   odoo.conf, starting and stopping
supervision  starting again what has ended
databases    the template and its clones
setup        the order in which the above happens
entry        how a script starts and ends

Standard library only: these modules run before the virtual environment exists.
"""
