// Bundles the Worker as wrangler deploys it, once for each state of its sources: a start of the local stack then needs no wrangler,
// which costs many seconds of processor time each time it runs.
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { ROOT, signalGroup, spawnWrangler } from './child-groups.ts'

const CACHE = join(ROOT, 'node_modules/.cache/worker')
/** All that the bundle and its settings are made of. */
const SOURCES = ['src', 'migrations', 'wrangler.toml', 'package-lock.json']
const KEPT_MS = 24 * 3_600_000

/** Returns the folder that holds worker.json (for serve-worker.ts) and bundle/index.js. Errors: throws the end of wrangler's words. */
export async function builtWorker(): Promise<string> {
  const folder = join(CACHE, hashOf(SOURCES))
  if (existsSync(folder)) return folder
  removeOld()
  const made = join(CACHE, `${randomUUID()}.new`)
  mkdirSync(made, { recursive: true })
  await bundle(made)
  writeFileSync(join(made, 'worker.json'), JSON.stringify(await settings()))
  try {
    renameSync(made, folder)
  } catch {
    rmSync(made, { recursive: true }) // another process was quicker
  }
  return folder
}

async function bundle(folder: string): Promise<void> {
  const logFile = join(folder, 'wrangler.log')
  const log = createWriteStream(logFile)
  const child = spawnWrangler(['deploy', '--dry-run', `--outdir=${join(folder, 'bundle')}`], log)
  const [code] = await once(child, 'close')
  signalGroup(child, 'SIGKILL')
  log.end()
  await finished(log)
  if (code === 0) return
  const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
  rmSync(folder, { recursive: true })
  throw new Error(`The Worker could not be bundled. wrangler deploy --dry-run ended with:\n${tail}`)
}

/** wrangler is loaded only here, because that alone takes a second or more. */
async function settings() {
  const { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } = await import('wrangler')
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'))
  const folder = join(ROOT, 'migrations')
  const migrations = readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, queries: unstable_splitSqlQuery(readFileSync(join(folder, name), 'utf8')) }))
  // The bundle is one module, for which Miniflare takes no rules.
  return { options: { ...workerOptions, modulesRules: undefined }, migrations }
}

function hashOf(sources: string[]): string {
  const hash = createHash('sha256').update(ROOT)
  for (const path of sources.flatMap(filesOf))
    hash.update(`\0${path}\0`).update(readFileSync(join(ROOT, path)))
  return hash.digest('hex').slice(0, 32)
}

function filesOf(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path]
  return readdirSync(join(ROOT, path))
    .toSorted()
    .flatMap((name) => filesOf(join(path, name)))
}

function removeOld(): void {
  for (const name of existsSync(CACHE) ? readdirSync(CACHE) : []) {
    const path = join(CACHE, name)
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true })
  }
}
