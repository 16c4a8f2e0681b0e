"""Record derivations, sums over the shards of versions, words to find datasets by, and views for other tools.

Data effects: upwards, sums and words of the versions that are there are made from their facts. Downwards derivations are removed; the rest can be made again.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TABLES = ("version_totals", "search_terms", "derivation_steps", "derivation_inputs", "derivation_shards")
ABSENT = ("", "NOT_STATED", "UNREADABLE", "UNKNOWN")
MAX_WORD, MAX_WORDS = 64, 5_000
ROWS = 5_000

NEWEST = "SELECT MAX(id) FROM dataset_versions GROUP BY name"
VIEWS = {
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

TOTALS = """INSERT INTO version_totals (version_id, shards, size_bytes, records, words, uncounted, unread_records)
SELECT v.id, COUNT(s.version_id), COALESCE(SUM(s.size_bytes), 0), COALESCE(SUM(s.records), 0), COALESCE(SUM(s.words), 0),
  COALESCE(SUM(CASE WHEN s.version_id IS NOT NULL AND (s.records IS NULL OR s.words IS NULL) THEN 1 ELSE 0 END), 0), COALESCE(SUM(s.unread_records), 0)
FROM dataset_versions v LEFT JOIN shards s ON s.version_id = v.id
GROUP BY v.id"""


def upgrade() -> None:
    op.create_table("version_totals", _version(), *_numbers("shards", "size_bytes", "records", "words", "uncounted", "unread_records"))
    op.create_table(
        "search_terms",
        _version(),
        sa.Column("facet", sa.Text(), primary_key=True, nullable=False),
        sa.Column("value", BYTEWISE, primary_key=True, nullable=False),
    )
    op.create_index("ix_search_terms_facet_value", "search_terms", ["facet", "value"])
    op.create_table(
        "derivation_steps",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_texts("output", "root_digest", "transform", "tool", "tool_version", "parameters", "note", "at", "actor"),
        sa.CheckConstraint("output <> ''", name=op.f("ck_derivation_steps_named")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_derivation_steps_output", "derivation_steps", ["output"])
    op.create_table("derivation_inputs", _step(), _position("position"), *_texts("dataset", "root_digest"))
    op.create_index("ix_derivation_inputs_dataset", "derivation_inputs", ["dataset"])
    op.create_table("derivation_shards", _step(), _position("side"), _position("position"), *_texts("sha256"))
    op.create_index("ix_derivation_shards_sha256", "derivation_shards", ["sha256"])
    if not op.get_context().as_sql:
        op.execute(TOTALS)
        _fill_terms(op.get_bind())
    for table in TABLES:
        _guard(table)
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS\n" + query.replace("NEWEST", NEWEST))


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    for table in reversed(TABLES):
        op.drop_table(table)


def _fill_terms(bind: sa.Connection) -> None:
    """Write the words and facets of every version, as ``registry.terms`` made them when this migration was written."""
    facets = sa.text("INSERT INTO search_terms (version_id, facet, value) VALUES (:version, :facet, :value)")
    rows: list[dict[str, object]] = []
    versions = sa.text("SELECT id, name, title, source_kind, source_url, collector, synthetic, domain, owner FROM dataset_versions ORDER BY id")
    for row in bind.execute(versions).mappings().all():
        rows += [{"version": row["id"], "facet": facet, "value": value} for facet, value in _terms(bind, row)]
        if len(rows) >= ROWS:
            bind.execute(facets, rows)
            rows = []
    if rows:
        bind.execute(facets, rows)


def _terms(bind: sa.Connection, row: sa.RowMapping) -> list[tuple[str, str]]:
    def column(table: str, name: str = "value") -> list[str]:
        query = sa.text(f"SELECT {name} FROM {table} WHERE version_id = :version ORDER BY position")  # noqa: S608 - names from this module only
        return [str(value) for value in bind.execute(query, {"version": row["id"]}).scalars()]

    licenses = bind.execute(sa.text("SELECT standing, value FROM licenses WHERE version_id = :version"), {"version": row["id"]}).all()
    by_standing = {r.standing: r.value for r in licenses}
    details = _details(bind, row["id"])
    tags, languages = column("dataset_tags"), column("dataset_languages")
    said = [by_standing["declared"], by_standing["concluded"], *column("stated_licenses")]
    effective = by_standing["declared"] if by_standing["concluded"] in ABSENT else by_standing["concluded"]
    found = {("license", v) for v in said if v not in ABSENT} or {("license", effective)}
    found |= {("source", row["source_kind"]), ("domain", row["domain"]), ("owner", row["owner"]), ("synthetic", row["synthetic"])}
    found |= {("language", v) for v in languages} | {("tag", v) for v in tags}
    found |= {("provider", v) for v in column("generators", "provider")} | {("model", v) for v in column("generators", "model")}
    found |= {("modality", str(v)) for v in details.get("modalities", ())}
    texts = [details.get("description", ""), *details.get("creators", ()), details.get("publisher", "")]
    texts += [v for key in ("identifiers", "purposes", "content_types") for v in details.get(key, ())]
    texts += [row["domain"], row["owner"], *tags, *column("derivations"), row["source_url"], row["collector"]]
    for facet, part in (("word.name", [row["name"]]), ("word.title", [row["title"]]), ("word.text", texts)):
        found |= {(facet, word) for word in _words(part)}
    return sorted((facet, value) for facet, value in found if value)


def _details(bind: sa.Connection, version: int) -> dict[str, Any]:
    text = bind.execute(sa.text("SELECT details FROM dataset_details WHERE version_id = :version"), {"version": version}).scalar()
    return {} if text is None else json.loads(text)


def _words(texts: list[str]) -> list[str]:
    words: dict[str, None] = {}
    for text in texts:
        if text in ABSENT:
            continue
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        for match in re.finditer(r"\w+", folded):
            words[match.group()[:MAX_WORD]] = None
            if len(words) >= MAX_WORDS:
                return list(words)
    return list(words)


def _version() -> sa.Column[int]:
    return sa.Column("version_id", BIG, sa.ForeignKey("dataset_versions.id"), primary_key=True, autoincrement=False, nullable=False)


def _step() -> sa.Column[int]:
    return sa.Column("step_number", BIG, sa.ForeignKey("derivation_steps.number"), primary_key=True, autoincrement=False, nullable=False)


def _position(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, primary_key=True, autoincrement=False, nullable=False)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}\nBEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
