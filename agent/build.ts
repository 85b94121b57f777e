// Bundles the agent into one file that a VM can run without packages, and writes bootstrap.sh and the file's SHA-256 beside it.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { slim } from './build-slim.ts'

const MAX_BYTES = 850_000
const here = import.meta.dirname
const assets = resolve(here, '../dist/assets')

mkdirSync(assets, { recursive: true })
const outfile = join(assets, 'ralph.mjs')
const result = await build({
  entryPoints: [join(here, 'main.ts')],
  outfile,
  bundle: true,
  minify: true,
  write: false,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  plugins: [slim],
  legalComments: 'none',
  logLevel: 'warning',
  // The CommonJS parts of packages need require().
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
})
const bytes = result.outputFiles[0]?.contents ?? new Uint8Array()
if (bytes.byteLength > MAX_BYTES)
  throw new Error(`ralph.mjs has ${bytes.byteLength} bytes; at most ${MAX_BYTES} are meant to reach a VM.`)
const ralphSha256 = createHash('sha256').update(bytes).digest('hex')
put('ralph.mjs', bytes, 0o755)
put('manifest.json', Buffer.from(`${JSON.stringify({ ralphSha256 })}\n`), 0o644)
put('bootstrap.sh', readFileSync(join(here, 'bootstrap.sh')), 0o644)

/** Writes a file as a whole and only when it changed, because tests and a running stack may be reading it. */
function put(name: string, content: Uint8Array, mode: number): void {
  const file = join(assets, name)
  if (existsSync(file) && readFileSync(file).equals(content)) return
  writeFileSync(`${file}.${process.pid}`, content, { mode })
  renameSync(`${file}.${process.pid}`, file)
}
