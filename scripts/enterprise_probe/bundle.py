# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Prints the probe as one Python file: ``bundle.py ADDONS_PATH table|json``.

The file holds the modules of this package and imports them by itself, since the user that runs Odoo on the sandbox
reads it from its standard input and may not be able to read any folder that we could unpack it to.
"""

import sys
from pathlib import Path

#: In the order in which they import each other.
MODULES = ("verdicts", "assumptions", "subscriptions", "sandbox", "table")
_LOADER = """
import sys, types

package = sys.modules["enterprise_probe"] = types.ModuleType("enterprise_probe")
package.__path__ = []
for name, source in SOURCES.items():
    module = types.ModuleType(f"enterprise_probe.{name}")
    module.__package__ = "enterprise_probe"
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(source, f"enterprise_probe/{name}.py", "exec"), module.__dict__)
"""


def bundle(addons_path: str, form: str) -> str:
    """Return the text of the file, which runs the probe in ``odoo shell``.

    :param addons_path: the folder that holds our addons on the sandbox
    :param form: "table" for people, "json" for programs
    """
    folder = Path(__file__).parent
    sources = {name: (folder / f"{name}.py").read_text() for name in MODULES}
    call = f"package.table.main(env, {addons_path!r}, as_json={form == 'json'})"
    return f"SOURCES = {sources!a}\n{_LOADER}\n{call}\n"


if __name__ == "__main__":
    print(bundle(*sys.argv[1:]))
