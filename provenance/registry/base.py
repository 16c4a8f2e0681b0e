"""What all tables of the registry have in common: names of constraints, kinds of keys, the base class."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Gives every constraint a name that a later migration can use."""

# SQLite only makes INTEGER keys aliases of the row id; PostgreSQL needs 64 bits said aloud.
_BIG = BigInteger().with_variant(Integer(), "sqlite")
Key = Annotated[int, mapped_column(_BIG, primary_key=True)]
"""A key that the database counts up and never reuses."""
Position = Annotated[int, mapped_column(_BIG, primary_key=True, autoincrement=False)]
"""0-based place in an ordered list."""
VersionKey = Annotated[int, mapped_column(_BIG, ForeignKey("dataset_versions.id"), primary_key=True, autoincrement=False)]
StepKey = Annotated[int, mapped_column(_BIG, ForeignKey("derivation_steps.number"), primary_key=True, autoincrement=False)]
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, on both databases: what begins with a word is one stretch of the index."""
ScanKey = Annotated[int, mapped_column(_BIG, ForeignKey("scans.number"), primary_key=True, autoincrement=False)]
COUNTED: dict[str, Any] = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """Base of all tables. Text has no length limit; numbers have 64 bits."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[type, Any]] = {str: Text(), int: BigInteger()}
