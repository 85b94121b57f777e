// A code to type on a phone instead of the owner token: eight letters and digits that cannot be mistaken for each other (40
// bits). It works once, for ten minutes. The Account object keeps its hash.
import { ownerMark } from '../auth/oauth.ts'
import { sha256Hex } from '../lib/crypto.ts'
import { readSettings } from '../lib/settings.ts'
import { accountOf } from './session-cookie.ts'

/** Crockford's alphabet: without I, L, O and U. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 8

/** Makes a new code; the earlier one ends. */
export async function makePairingCode(env: Env): Promise<{ code: string; expiresAtMs: number }> {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH))
  // 32 letters divide a byte evenly.
  const code = Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('')
  const expiresAtMs = await accountOf(env).keepPairingCode(await held(code, env))
  return { code: `${code.slice(0, 4)}-${code.slice(4)}`, expiresAtMs }
}

/** Turns typed text into a code, whatever its case, spaces and dashes, with O for 0 and I or L for 1. null: it is no code. */
export function toPairingCode(typed: string): string | null {
  const code = typed
    .toUpperCase()
    .replaceAll(/[\s\p{Pd}]/gu, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  return /^[0-9A-HJKMNP-TV-Z]{8}$/.test(code) ? code : null
}

/** True once for the right code. */
export async function redeemPairingCode(code: string, env: Env): Promise<boolean> {
  return accountOf(env).redeemPairingCode(await held(code, env))
}

async function held(code: string, env: Env) {
  const owner = await ownerMark(readSettings({ ...env }).settings.ownerToken)
  return { hash: await sha256Hex(`pairing:${code}`), owner, nowMs: Date.now() }
}
