"""What may have come between Python and the check by accident: files of the job's folder that bear the names of modules of Python's own library.

Nothing here stops somebody who means it: who chooses the interpreter, or writes where it imports from, chooses what runs. See docs/SECURITY.md.
"""

from __future__ import annotations

import os
import sys


def shadowed_modules() -> list[str]:
    """Return the modules of Python's own library that were loaded from elsewhere, as ``name (file)``."""
    named = {name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) & sys.stdlib_module_names if name != "__main__"}
    files = {name: file for name, file in named.items() if isinstance(file, str) and not os.path.realpath(file).startswith(_usual_home())}
    if not files:
        return []
    import sysconfig  # reads a large table of how Python was built, so only where it is needed

    homes = tuple({os.path.realpath(sysconfig.get_path(kind)) + os.sep for kind in ("stdlib", "platstdlib")})
    return [f"{name} ({file})" for name, file in sorted(files.items()) if not os.path.realpath(file).startswith(homes)]


def _usual_home() -> tuple[str, ...]:
    """Return where Python's library lies in nearly every installation, nothing where it does not lie below the interpreter's own folder."""
    home = os.path.realpath(os.path.dirname(os.__file__)) + os.sep  # noqa: PTH120 – text in, text out
    return (home,) if home.startswith(os.path.realpath(sys.base_prefix).rstrip(os.sep) + os.sep) else ()


def forget_current_folder() -> None:
    """Take the folder that ``python -m`` puts first on the path off it, so that what is imported later does not come from the job's folder."""
    if not sys.flags.safe_path and sys.path and os.path.realpath(sys.path[0] or os.curdir) == os.path.realpath(os.curdir):
        del sys.path[0]
