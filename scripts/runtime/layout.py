"""Where things lie. ``FUSION_RUNTIME`` lets several checkouts share one runtime."""

import hashlib
import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
RUNTIME = Path(os.environ.get("FUSION_RUNTIME") or CHECKOUT / ".runtime").resolve()

DOWNLOADS = RUNTIME / "downloads"
ODOO_PREFIX = RUNTIME / "odoo"
FILESTORE = RUNTIME / "data"
CONFIGURATIONS = RUNTIME / "conf"
LOGS = RUNTIME / "log"
SECRET_KEY = RUNTIME / "secret.key"

#: What scripts/run fills and scripts/serve shows unless told otherwise.
MAIN_DATABASE = "fusion_main_job"

#: Distinguishes this runtime from others in places that all of them share (/tmp, /var/tmp).
RUNTIME_ID = hashlib.sha256(str(RUNTIME).encode()).hexdigest()[:10]


def digest(*parts: object) -> str:
    """Return a short stable digest, used to know whether something must be made anew."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]


REQUIREMENTS = SCRIPTS / "requirements"


def environment(kind: str, *files: str) -> Path:
    """Return the folder of what these files under requirements/ pin.

    It is named after what is in them: checkouts that share a runtime but need other packages do not replace
    each other's.
    """
    return RUNTIME / f"{kind}-{digest(*((REQUIREMENTS / name).read_text() for name in sorted(files)))}"


#: What Odoo, our addons and our tools import.
WITH_DEPENDENCIES = ("odoo.txt", "addons.txt", "tools.txt")
WITHOUT_DEPENDENCIES = ("addons-no-deps.txt",)
VENV = environment("venv", *WITH_DEPENDENCIES, *WITHOUT_DEPENDENCIES)
VENV_PYTHON = VENV / "bin" / "python"
