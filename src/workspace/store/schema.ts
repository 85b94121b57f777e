// Tables of the object and their ordered migrations. A migration only adds, so that older code can run on a newer schema (after a
// rollback, or with two versions at once). Migrations run on register only, so junk names leave no database behind. Records are
// kept as JSON beside the columns that are queried. One row is one record, read and written whole in one synchronous block; that
// makes compare-and-set on (attempt, status) a plain `if`.

// leases has no index besides its key: each would be one more row to pay for with every write, and a workspace has few leases.
const MIGRATIONS: string[] = [
  `CREATE TABLE workspace (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL) STRICT;
   CREATE TABLE plans (
     id TEXT PRIMARY KEY, ord INTEGER NOT NULL, status TEXT NOT NULL, watched INTEGER NOT NULL, revision INTEGER NOT NULL, record TEXT NOT NULL
   ) STRICT;
   CREATE INDEX plans_by_status ON plans (status, ord);
   CREATE INDEX plans_finished ON plans (json_extract(record, '$.finishedAtMs')) WHERE watched = 0;
   CREATE TABLE texts (plan TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
   CREATE TABLE events (
     plan TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL, data TEXT,
     PRIMARY KEY (plan, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE event_sources (plan TEXT NOT NULL, attempt INTEGER NOT NULL, last_n INTEGER NOT NULL, kept INTEGER NOT NULL, PRIMARY KEY (plan, attempt)) STRICT;
   CREATE TABLE pending (kind TEXT NOT NULL, plan TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (kind, plan)) STRICT, WITHOUT ROWID;
   CREATE TABLE messages (plan TEXT NOT NULL, n INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (plan, n)) STRICT;
   CREATE TABLE submissions (key TEXT PRIMARY KEY, plan TEXT NOT NULL, arguments TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
   CREATE TABLE deliveries (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
   CREATE TABLE adopted_lines (ref TEXT PRIMARY KEY, plan TEXT NOT NULL) STRICT;
   CREATE TABLE notifications (id TEXT PRIMARY KEY, body TEXT NOT NULL, tries INTEGER NOT NULL, due INTEGER NOT NULL) STRICT;
   CREATE TABLE diffs (plan TEXT NOT NULL, head TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (plan, head)) STRICT;
   CREATE TABLE diff_pages (
     plan TEXT NOT NULL, head TEXT NOT NULL, n INTEGER NOT NULL, paths TEXT NOT NULL, files TEXT NOT NULL,
     PRIMARY KEY (plan, head, n)
   ) STRICT;
   CREATE TABLE leases (
     id TEXT PRIMARY KEY, plan TEXT NOT NULL, state TEXT NOT NULL, deadline INTEGER NOT NULL, record TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
]

/** True once register has made the tables. */
export function hasTables(sql: SqlStorage): boolean {
  return (
    sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'").toArray()
      .length > 0
  )
}

export function migrate(sql: SqlStorage): void {
  sql.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT')
  const row = sql.exec<{ version: number }>('SELECT version FROM schema_version').toArray()[0]
  const current = row?.version ?? 0
  for (const migration of MIGRATIONS.slice(current)) sql.exec(migration)
  // The number is only ever raised, so older code leaves a newer schema's number alone.
  if (row === undefined) sql.exec('INSERT INTO schema_version (version) VALUES (?)', MIGRATIONS.length)
  else if (current < MIGRATIONS.length) sql.exec('UPDATE schema_version SET version = ?', MIGRATIONS.length)
}
