// Bundles the agent into one file a VM can run without packages, beside bootstrap.sh and the SHA-256 by which it is named.
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { slim } from './build-slim.ts'

const MAX_BYTES = 700_000
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
  // CommonJS parts of packages ask for require.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
})
const bytes = result.outputFiles[0]?.contents ?? new Uint8Array()
if (bytes.byteLength > MAX_BYTES)
  throw new Error(`ralph.mjs has ${bytes.byteLength} bytes; at most ${MAX_BYTES} are meant to reach a VM.`)
const ralphSha256 = createHash('sha256').update(bytes).digest('hex')
// Tests of several projects may read it while this runs: an unchanged file is left alone.
if (!existsSync(outfile) || !readFileSync(outfile).equals(bytes))
  writeFileSync(outfile, bytes, { mode: 0o755 })
writeFileSync(join(assets, 'manifest.json'), `${JSON.stringify({ ralphSha256 })}\n`)
if (existsSync(join(here, 'bootstrap.sh')))
  copyFileSync(join(here, 'bootstrap.sh'), join(assets, 'bootstrap.sh'))
