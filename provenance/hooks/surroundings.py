"""What may have come between Python and the check by accident: files of the job's folder that bear the names of modules of Python's own library.

Nothing here stops somebody who means it: who chooses the interpreter, or writes where it imports from, chooses what runs. See docs/SECURITY.md.
"""

from __future__ import annotations

import os
import sys
import sysconfig


def shadowed_modules() -> list[str]:
    """Return the modules of Python's own library that were loaded from elsewhere, as ``name (file)``."""
    homes = tuple({os.path.realpath(sysconfig.get_path(kind)) + os.sep for kind in ("stdlib", "platstdlib")})
    found = []
    for name in sorted(set(sys.modules) & sys.stdlib_module_names):
        file = getattr(sys.modules[name], "__file__", None)
        if isinstance(file, str) and name != "__main__" and not os.path.realpath(file).startswith(homes):
            found.append(f"{name} ({file})")
    return found


def forget_current_folder() -> None:
    """Take the folder that ``python -m`` puts first on the path off it, so that what is imported later does not come from the job's folder."""
    if not sys.flags.safe_path and sys.path and os.path.realpath(sys.path[0] or os.curdir) == os.path.realpath(os.curdir):
        del sys.path[0]
