"""Views for people who look at the database with other tools: newest versions only, sensible names, nothing hidden behind a join.

The same text on SQLite and PostgreSQL. Attached to the metadata, so that ``create_all`` makes them as the migrations do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, event

NEWEST = "SELECT MAX(id) FROM dataset_versions GROUP BY name"
"""Ids of the newest versions."""

VIEWS: dict[str, str] = {
    "dataset_overview": """SELECT v.name AS dataset, v.title, v.source_kind AS source, v.synthetic, v.domain, v.owner,
  (SELECT l.value FROM licenses l WHERE l.version_id = v.id AND l.standing = 'declared') AS license_declared,
  (SELECT l.value FROM licenses l WHERE l.version_id = v.id AND l.standing = 'concluded') AS license_concluded,
  t.shards, t.size_bytes, t.records, t.words, t.uncounted AS shards_not_counted, t.unread_records,
  v.root_digest AS version, v.created AS registered
FROM dataset_versions v JOIN version_totals t ON t.version_id = v.id
WHERE v.id IN (NEWEST)""",
    "shard_overview": """SELECT v.name AS dataset, s.root, s.path, s.format, s.size_bytes, s.records, s.words, s.unread_records, s.sha256,
  v.root_digest AS version
FROM shards s JOIN dataset_versions v ON v.id = s.version_id
WHERE s.version_id IN (NEWEST)""",
    "license_overview": """SELECT l.value AS license, l.standing, COUNT(*) AS datasets, SUM(t.shards) AS shards, SUM(t.words) AS words
FROM licenses l JOIN version_totals t ON t.version_id = l.version_id
WHERE l.version_id IN (NEWEST)
GROUP BY l.value, l.standing""",
    "generator_overview": """SELECT g.provider, g.model, g.channel, g.role, COUNT(*) AS datasets, MIN(g.generated_from) AS first_day, MAX(g.generated_to) AS last_day
FROM generators g
WHERE g.version_id IN (NEWEST)
GROUP BY g.provider, g.model, g.channel, g.role""",
    "lineage_overview": """SELECT d.output AS dataset, d.root_digest AS version, d.transform, i.dataset AS made_from, i.root_digest AS made_from_version,
  d.tool, d.tool_version, d.note, d.at AS recorded, d.actor
FROM derivation_steps d JOIN derivation_inputs i ON i.step_number = d.number""",
    "alarms_by_dataset": """SELECT v.name AS dataset, COUNT(*) AS scanned_shards, SUM(c.alarms) AS alarms, SUM(c.matches) AS matches
FROM shards s
JOIN dataset_versions v ON v.id = s.version_id
JOIN scans c ON c.shard = s.sha256
WHERE s.version_id IN (NEWEST)
  AND c.number = (SELECT MAX(n.number) FROM scans n WHERE n.shard = s.sha256)
GROUP BY v.name""",
    "audit_overview": """SELECT a.id AS audit, a.model, a.verdict, a.created, a.record_digest
FROM audits a
WHERE a.number IN (SELECT MAX(number) FROM audits GROUP BY id)""",
    "log_overview": """SELECT seq, at, actor, action, reason, entry_hash
FROM audit_log""",
}
"""View → its query; ``NEWEST`` stands for the query above."""


def attach_views(metadata: MetaData) -> None:
    """Attach the views as DDL events that run when all tables are there."""
    event.listen(metadata, "after_create", _create)
    event.listen(metadata, "before_drop", _drop)


def _create(_target: object, connection: Connection, **_details: Any) -> None:
    for name, query in VIEWS.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS\n" + query.replace("NEWEST", NEWEST))


def _drop(_target: object, connection: Connection, **_details: Any) -> None:
    for name in VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
