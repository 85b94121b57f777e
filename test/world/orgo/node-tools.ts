// npm, npx and corepack as Node's own archive brings them: packages in lib/node_modules, links to their programs in bin.
// They are pinned devDependencies of this project; a computer gets them read-only, beside the project's Node.

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const MODULES_DIR = resolve(import.meta.dirname, '../../../node_modules')
const Manifest = z.object({ version: z.string() })
const PACKAGES = ['npm', 'corepack']
const PROGRAMS = {
  npm: 'npm/bin/npm-cli.js',
  npx: 'npm/bin/npx-cli.js',
  corepack: 'corepack/dist/corepack.js',
}

/** Where each package lies on the host, and its version. Errors: throws when one is not installed. */
export function nodePackages(): { name: string; dir: string; version: string }[] {
  return PACKAGES.map((name) => {
    const dir = join(MODULES_DIR, name)
    if (!existsSync(dir)) throw new Error(`${dir} is missing: run npm ci in the project's folder.`)
    const { version } = Manifest.parse(JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')))
    return { name, dir: realpathSync(dir), version }
  })
}

/** Links bin/npm, bin/npx and bin/corepack below `prefix` to lib/node_modules. What stands there already stays. */
export function linkNodeTools(prefix: string): void {
  for (const dir of ['bin', 'lib/node_modules']) {
    mkdirSync(join(prefix, dir), { recursive: true })
    chmodSync(join(prefix, dir), 0o755) // whatever the umask: users of the VM must walk through
  }
  for (const [name, file] of Object.entries(PROGRAMS)) {
    const link = join(prefix, 'bin', name)
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined)
      symlinkSync(`../lib/node_modules/${file}`, link)
  }
}

/** The same programs as scripts in `dir`, where nothing can be mounted: each runs on `nodeBinary` with these variables. */
export function writeNodeTools(dir: string, nodeBinary: string, env: Record<string, string>): void {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  nodePackages()
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}\n`)
  for (const [name, file] of Object.entries(PROGRAMS)) {
    const script = `#!/bin/sh\n${exports.join('')}exec ${quote(nodeBinary)} ${quote(join(MODULES_DIR, file))} "$@"\n`
    writeFileSync(join(dir, name), script, { mode: 0o755 })
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
