"""The launcher, over clearances that are taken to allow what only later versions can say: ``python -m tests.fakes.eased_launcher WHAT[,WHAT] ARGUMENTS``."""

from __future__ import annotations

import sys

from provenance.clearance import allowances
from provenance.hooks import launcher

if __name__ == "__main__":
    allowed = allowances.Allowances(**dict.fromkeys(sys.argv.pop(1).split(","), True))
    setattr(allowances, "allowances", lambda _: allowed)  # noqa: B010 - a stand-in for what this version cannot read
    launcher.main()
