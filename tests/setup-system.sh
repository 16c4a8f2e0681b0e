#!/bin/sh
# Installs what tests need from the system, where that is possible; tests say clearly what they missed.
set -u
if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null || echo "chromium could not be installed: browser tests will not run" >&2
    else
        echo "no Chromium here and no right to install it: browser tests will not run" >&2
    fi
fi
if ! command -v pg_ctl >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null || echo "PostgreSQL could not be installed: its tests will not run" >&2
    else
        echo "no PostgreSQL here and no right to install it: its tests will not run" >&2
    fi
fi
if ! command -v redis-server >/dev/null 2>&1; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null || echo "Redis could not be installed: its tests will not run" >&2
    else
        echo "no Redis here and no right to install it: its tests will not run" >&2
    fi
fi
exit 0
