// The package managers as every plan finds them: those on the PATH of this run, else pnpm and yarn through the corepack of our own
// packages, because a machine's own may be too old to install today's. Plans get no variable of ours, so the scripts pass on the one
// that names a certificate of this network, and keep the machine's pnpm from fetching another version of itself.
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { TOOLS_PATH } from '../exercises/workbench.ts'

const PROJECT = resolve(import.meta.dirname, '../..')
const COREPACK = join(PROJECT, 'node_modules/corepack/dist/corepack.js')

/** Returns the PATH of the machine; the scripts are written into the folder. */
export function toolsPath(folder: string): string {
  mkdirSync(folder, { recursive: true })
  const certificate = process.env['NODE_EXTRA_CA_CERTS']
  const exported = certificate === undefined ? '' : `export NODE_EXTRA_CA_CERTS='${certificate}'\n`
  const corepack = `'${process.execPath}' '${COREPACK}'`
  for (const name of ['npm', 'npx', 'pnpm', 'yarn']) {
    const own = whereIs(name)
    const command = own === null ? `${corepack} ${name}` : `'${own}'`
    const kept = name === 'pnpm' ? 'export npm_config_manage_package_manager_versions=false\n' : ''
    writeFileSync(join(folder, name), `#!/bin/sh\n${exported}${kept}exec ${command} "$@"\n`, { mode: 0o755 })
  }
  return [folder, TOOLS_PATH].join(delimiter)
}

/** npm run puts the programs of our own packages first, which are none of the machine. */
function whereIs(name: string): string | null {
  const places = (process.env['PATH'] ?? '').split(delimiter).filter((place) => !place.startsWith(PROJECT))
  return places.map((place) => join(place, name)).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
