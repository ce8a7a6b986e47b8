"""What Alembic runs: all migrations on the open connection that it was handed, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from recyclekit.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
