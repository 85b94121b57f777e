// A small copy of nodejs.org's download folder: the Node that this project runs on, packed as that site packs it. The packed file
// stays for all later stacks of this project, because packing takes seconds.

import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { Hono } from 'hono'
import { linkNodeTools, nodePackages } from './node-tools.ts'

const run = promisify(execFile)

const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/node-dist')
const NAME = /^node-v([0-9.]+)-linux-(x64|arm64)\.tar\.(xz|gz)$/

/**
 * GET /v{version}/{archive} and /v{version}/SHASUMS256.txt; only the version and architecture of `nodeBinary`. The
 * list of sums names the .tar.xz only once that was downloaded.
 */
export function createNodeDist(nodeBinary: string): Hono {
  const app = new Hono()
  const builds = new Map<string, Promise<string>>()
  let version: Promise<string> | undefined
  const ownVersion = async () => {
    version ??= run(nodeBinary, ['--version']).then(({ stdout }) => stdout.trim())
    return await version
  }
  const archive = (name: string): Promise<string> => {
    const known = builds.get(name) ?? buildArchive(nodeBinary, name)
    builds.set(name, known)
    known.catch(() => builds.delete(name))
    return known
  }
  app.get('/:version/:name', async (c) => {
    const own = await ownVersion()
    const { version: wanted, name } = c.req.param()
    if (wanted !== own) return c.text(`not here: this archive holds ${own} only`, 404)
    const stem = `node-${own}-linux-${process.arch}.tar`
    if (name === 'SHASUMS256.txt') {
      // Packing xz takes seconds, and a client that wants it has already asked for it.
      const names = [`${stem}.gz`, `${stem}.xz`].filter((it) => it.endsWith('.gz') || builds.has(it))
      const sums = await Promise.all(names.map(async (it) => `${await sha256(await archive(it))}  ${it}\n`))
      return c.text(sums.join(''))
    }
    if (!NAME.test(name) || !name.startsWith(stem)) return c.text('not here', 404)
    // Node's stream types and the web's describe the same object.
    const body = Readable.toWeb(createReadStream(await archive(name))) as ReadableStream
    return c.body(body, 200, { 'content-type': 'application/octet-stream' })
  })
  return app
}

/** Returns the cached archive's path. It is made under another name first, so that a killed build is not taken for it. */
async function buildArchive(nodeBinary: string, name: string): Promise<string> {
  const cacheDir = join(CACHE, packageVersions())
  const file = join(cacheDir, name)
  if (existsSync(file)) return file
  const stem = name.replace(/\.tar\.(xz|gz)$/, '')
  const buildDir = join(cacheDir, `build-${randomUUID()}`)
  mkdirSync(join(buildDir, stem, 'bin'), { recursive: true })
  copyFileSync(nodeBinary, join(buildDir, stem, 'bin/node'))
  for (const one of nodePackages())
    await cp(one.dir, join(buildDir, stem, 'lib/node_modules', one.name), { recursive: true })
  linkNodeTools(join(buildDir, stem))
  // The real archive has none; here it leads to what the machine below says of registries.
  mkdirSync(join(buildDir, stem, 'etc'))
  symlinkSync('/usr/local/etc/npmrc', join(buildDir, stem, 'etc/npmrc'))
  // The fastest level is enough, because the archive is read once or twice on this machine.
  const packer = name.endsWith('.xz') ? 'xz -0 -T0' : 'gzip -1'
  const script = `set -o pipefail; tar -cf - --owner=0 --group=0 "$1" | ${packer} > "$2"`
  await run('/bin/bash', ['-c', script, 'pack', stem, 'packed'], { cwd: buildDir })
  renameSync(join(buildDir, 'packed'), file)
  rmSync(buildDir, { recursive: true, force: true })
  return file
}

/** The archive's name says Node's version; this says those of the packages in it. */
const packageVersions = (): string =>
  nodePackages()
    .map(({ name, version }) => `${name}-${version}`)
    .join('-')

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}
