// Decides what a VM is told of an LFS object: an address at this gateway, one at another host, or why it cannot be had. Pure.
import type { GitCredential } from '../../auth/git-credentials.ts'
import { basicAuth } from '../../git/basic-auth.ts'
import { MAX_OBJECT_BYTES } from './lfs-schema.ts'
import type { HostObject, LfsAction, LfsObject } from './lfs-schema.ts'

/** Where the host says that an object lies. */
export type Place =
  /** At the host itself. Only the gateway asks there, because it needs a credential. */
  | { kind: 'host'; href: string; action: LfsAction }
  /** At another host, with an address that is its own permission. */
  | { kind: 'elsewhere'; href: string; action: LfsAction }
  | { kind: 'none'; code: number; outcome: string; text: string }

export interface Surroundings {
  /** The address of the batch API at the host. A relative href begins there. */
  batchUrl: string
  credential: GitCredential | null
  local: boolean
}

/** Names of headers that give no right. With any other header, an address at another host is not its own permission. */
const HARMLESS = new Set(['accept', 'user-agent'])

export function placeOf(asked: LfsObject, host: HostObject | undefined, at: Surroundings): Place {
  if (asked.size > MAX_OBJECT_BYTES) return TOO_LARGE
  if (host === undefined || host.error?.code === 404) return NOT_THERE
  if (host.error?.code === 410) return none(410, 'gone', 'the git host has deleted this object')
  if (host.error !== null && host.error !== undefined)
    return none(422, 'host_error', 'the git host refused this object')
  if (typeof host.size === 'number' && host.size !== asked.size)
    return none(422, 'wrong_size', 'the git host has this object with another size')
  const action = host.actions?.download
  return action === null || action === undefined ? NOT_THERE : placeOfHref(action, at)
}

function placeOfHref(action: LfsAction, at: Surroundings): Place {
  if (!URL.canParse(action.href, at.batchUrl)) return BAD_HREF
  const url = new URL(action.href, at.batchUrl)
  if (url.origin === new URL(at.batchUrl).origin)
    return url.username + url.password === '' ? { kind: 'host', href: url.href, action } : BAD_HREF
  const needsHeader = Object.keys(action.header ?? {}).some((name) => !HARMLESS.has(name.toLowerCase()))
  if (needsHeader) return none(422, 'foreign_credential', FOREIGN)
  return isPassable(url, at) ? { kind: 'elsewhere', href: url.href, action } : BAD_HREF
}

/** True for an address at another host that a VM may see: it names no user, is encrypted and holds nothing of our credential. */
export function isPassable(url: URL, { batchUrl, credential, local }: Surroundings): boolean {
  const isSafe = url.protocol === 'https:' || (local && url.protocol === 'http:')
  const isElsewhere = url.origin !== new URL(batchUrl).origin
  return isSafe && isElsewhere && url.username + url.password === '' && !holds(url.href, credential)
}

function holds(href: string, credential: GitCredential | null): boolean {
  if (credential === null) return false
  const basic = basicAuth(credential).slice('Basic '.length)
  const forms = [credential.token, encodeURIComponent(credential.token), basic, encodeURIComponent(basic)]
  return forms.some((form) => href.includes(form))
}

const FOREIGN =
  'the git host keeps this object at another host that wants a credential of its own, which is not passed on'

const none = (code: number, outcome: string, text: string): Place & { kind: 'none' } => ({
  kind: 'none',
  code,
  outcome,
  text,
})
const NOT_THERE = none(404, 'no_object', 'the git host has no such object in this repository')
const TOO_LARGE = none(
  422,
  'too_large',
  `this object is above ${MAX_OBJECT_BYTES} bytes, which is not served`,
)
const BAD_HREF = none(422, 'bad_href', 'the git host named an address for this object that is not passed on')
