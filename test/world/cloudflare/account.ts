// A fake Cloudflare account as wrangler 4.156 sees it: databases that really run SQL, KV namespaces, Workers with their secrets.
import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

export interface Worker {
  name: string
  secrets: Map<string, string>
  /** Plain settings of the last upload, by binding name. */
  vars: Map<string, string>
  /** Ids of the bound resources, by binding name. */
  bindings: Map<string, string>
  uploads: number
  /** False for a Worker that setting a secret created: it has no code and answers nothing yet. */
  hasCode: boolean
}

export interface CloudflareAccount {
  id: string
  name: string
  subdomain: string | null
  maxDatabases: number
  databases: Map<string, { name: string; sql: DatabaseSync }>
  namespaces: Map<string, string>
  workers: Map<string, Worker>
}

export function createAccount(name: string): CloudflareAccount {
  return {
    id: randomUUID().replaceAll('-', ''),
    name,
    subdomain: 'tester',
    maxDatabases: 10,
    databases: new Map(),
    namespaces: new Map(),
    workers: new Map(),
  }
}

export function ensureWorker(account: CloudflareAccount, name: string): Worker {
  const known = account.workers.get(name)
  if (known !== undefined) return known
  const made: Worker = {
    name,
    secrets: new Map(),
    vars: new Map(),
    bindings: new Map(),
    uploads: 0,
    hasCode: false,
  }
  account.workers.set(name, made)
  return made
}

/** Runs SQL like D1's /query. Returns the rows of the last statement. */
export function query(sql: DatabaseSync, text: string, params: (string | number | null)[]): unknown[] {
  if (/^\s*(?:select|pragma)\b/i.test(text)) return sql.prepare(text).all(...params)
  if (params.length > 0) sql.prepare(text).run(...params)
  else sql.exec(text)
  return []
}
