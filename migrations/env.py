"""Runs the migrations inside the transaction that ``provenance.registry.upgrade`` has opened, or offline as SQL."""

from __future__ import annotations

from alembic import context

from provenance.registry.tables import Base


def run() -> None:
    """Run the migrations that alembic has chosen."""
    settings = {"target_metadata": Base.metadata, "render_as_batch": True, "compare_type": True, "compare_server_default": True}
    connection = context.config.attributes.get("connection")
    if connection is None:
        context.configure(url=context.config.get_main_option("sqlalchemy.url"), literal_binds=True, **settings)
    else:
        context.configure(connection=connection, **settings)
    # The caller's transaction holds: alembic's own would commit halfway.
    with context.begin_transaction():
        context.run_migrations()


run()
