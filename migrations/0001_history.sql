-- The history of all workspaces. Each object writes it through its outbox; the object's own SQLite holds the truth.
CREATE TABLE workspaces (
  name        TEXT PRIMARY KEY,
  git_remote  TEXT NOT NULL,
  status      TEXT NOT NULL,
  revision    INTEGER NOT NULL,
  snapshot    TEXT NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX workspaces_by_remote ON workspaces (git_remote);

CREATE TABLE plans (
  id          TEXT PRIMARY KEY,
  workspace   TEXT NOT NULL,
  branch      TEXT NOT NULL,
  status      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  snapshot    TEXT NOT NULL
) STRICT;
CREATE INDEX plans_by_workspace ON plans (workspace, created_at DESC, id DESC);
CREATE INDEX plans_by_time ON plans (created_at DESC, id DESC);

CREATE TABLE events (
  plan  TEXT NOT NULL,
  seq   INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  type  TEXT NOT NULL,
  text  TEXT NOT NULL,
  data  TEXT,
  PRIMARY KEY (plan, seq)
) STRICT, WITHOUT ROWID;
