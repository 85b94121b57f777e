// An npm registry in small, for tests: serves packages that lie on this machine as folders, packed by `npm pack`, and remembers
// what it was asked and with which credential.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { listen, shut } from './listen.ts'

const NPM = join(import.meta.dirname, '../../node_modules/npm/bin/npm-cli.js')
const Manifest = z.looseObject({ name: z.string(), version: z.string() })

export interface Registry extends AsyncDisposable {
  url: string
  asked: { path: string; authorization: string | undefined }[]
}

/** `folders`: one for each version of a package. Errors: throws npm's words when one cannot be packed. */
export async function startRegistry(folders: string[]): Promise<Registry> {
  const packages = await Promise.all(folders.map(pack))
  const asked: Registry['asked'] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    asked.push({ path, authorization: request.headers.authorization })
    const archive = packages.find(({ file }) => file === path)?.bytes
    const versions = packages.filter(({ manifest }) => `/${manifest.name}` === path)
    if (archive === undefined && versions.length === 0) response.writeHead(404)
    response.end(archive ?? JSON.stringify(describe(versions, request.headers.host ?? '')))
  })
  return { url: await listen(server, 0), asked, [Symbol.asyncDispose]: () => shut(server) }
}

/** What a registry says of a package at its name. */
function describe(versions: Packed[], host: string) {
  const listed = versions.map(({ manifest, file, integrity }) => {
    const dist = { tarball: `http://${host}${file}`, integrity }
    return [manifest.version, { ...manifest, dist }] as const
  })
  const latest = versions.at(-1)?.manifest
  return {
    name: latest?.name,
    'dist-tags': { latest: latest?.version },
    versions: Object.fromEntries(listed),
  }
}

type Packed = Awaited<ReturnType<typeof pack>>

async function pack(folder: string) {
  const scratch = mkdtempSync(join(tmpdir(), 'npm-pack-'))
  try {
    const flags = [
      '--ignore-scripts',
      '--silent',
      '--pack-destination',
      scratch,
      '--cache',
      join(scratch, 'c'),
    ]
    const { stdout } = await promisify(execFile)(process.execPath, [NPM, 'pack', folder, ...flags])
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
    const bytes = readFileSync(join(scratch, stdout.trim()))
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
    return { manifest, bytes, integrity, file: `/${manifest.name}/-/${manifest.version}.tgz` }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
