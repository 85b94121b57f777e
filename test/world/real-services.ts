// Reads the keys that a person put into .dev.vars: with a key, the real service replaces its stand-in. Only `npm run dev` reads the
// file; demo and tests stay offline.
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

export type RealServices = {
  ORGO_API_KEY?: string
  ANTHROPIC_API_KEY?: string
  /** Lines for remotes outside the stand-in git host. */
  GIT_CREDENTIALS?: string
  /** Address at which computers at Orgo reach this machine: a tunnel to the tap's port. */
  VM_URL?: string
}

export function readRealServices(file: string): RealServices {
  if (!existsSync(file)) return {}
  const found = parseEnv(readFileSync(file, 'utf8'))
  const names = ['ORGO_API_KEY', 'ANTHROPIC_API_KEY', 'GIT_CREDENTIALS', 'VM_URL'] as const
  return Object.fromEntries(names.flatMap((name) => (found[name] ? [[name, found[name]]] : [])))
}

/** Returns the secrets that the secret watch looks for: the keys, and the token of each credential line. */
export function secretsOf(real: RealServices): Record<string, string> {
  const tokens = (real.GIT_CREDENTIALS ?? '')
    .split('\n')
    .filter((line) => URL.canParse(line.trim()))
    .map((line) => decodeURIComponent(new URL(line.trim()).password))
    .filter((token) => token !== '')
  return {
    ...(real.ORGO_API_KEY === undefined ? {} : { 'ORGO_API_KEY of .dev.vars': real.ORGO_API_KEY }),
    ...(real.ANTHROPIC_API_KEY === undefined
      ? {}
      : { 'ANTHROPIC_API_KEY of .dev.vars': real.ANTHROPIC_API_KEY }),
    ...Object.fromEntries(
      tokens.map((token, index) => [`GIT_CREDENTIALS line ${index + 1} of .dev.vars`, token]),
    ),
  }
}
