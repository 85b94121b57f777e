// What git-lfs and a git host say to each other about objects (the batch API), read strictly. Pure.
import * as z from 'zod'
import { parseJson } from '../../shared/json.ts'

/** A larger object is not served: a VM's disk has 8 GB, and a plan's checkout needs the object twice. */
export const MAX_OBJECT_BYTES = 2_000_000_000
/** git-lfs asks for 100 objects at once. */
export const MAX_OBJECTS = 100

export const LfsObject = z.object({
  oid: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number().int().nonnegative(),
})
export type LfsObject = z.infer<typeof LfsObject>

const BatchRequest = z.object({
  operation: z.string().max(100),
  transfers: z.array(z.string()).optional(),
  hash_algo: z.string().optional(),
  objects: z.array(z.unknown()),
})

export type Asked =
  | { ok: true; objects: LfsObject[] }
  | { ok: false; status: number; outcome: string; text: string }

const UPLOAD =
  'LFS is served for reading only: no plan can upload an object. Leave this file as it is; the person adds a new version.'

/** Reads what git-lfs asks for, or says why it is refused. */
export function parseBatchRequest(text: string): Asked {
  const read = BatchRequest.safeParse(parseJson(text))
  if (!read.success) return refuse(422, 'malformed', 'This is not a request of the LFS batch API.')
  const { operation, transfers, hash_algo: hash, objects } = read.data
  if (operation === 'upload') return refuse(403, 'upload', UPLOAD)
  if (operation !== 'download')
    return refuse(422, 'malformed', 'The operation is neither download nor upload.')
  if (transfers !== undefined && transfers.length > 0 && !transfers.includes('basic'))
    return refuse(422, 'transfer', 'Only the transfer "basic" is served.')
  if (hash !== undefined && hash !== 'sha256') return refuse(409, 'hash', 'Only the hash sha256 is served.')
  if (objects.length > MAX_OBJECTS)
    return refuse(413, 'too_many', `One request may name ${MAX_OBJECTS} objects; ask in parts.`)
  const named = z.array(LfsObject).safeParse(objects)
  if (!named.success) return refuse(422, 'malformed', 'An object has no valid oid and size.')
  return { ok: true, objects: named.data }
}

const refuse = (status: number, outcome: string, text: string): Asked => ({
  ok: false,
  status,
  outcome,
  text,
})

const Action = z.object({
  href: z.string().min(1).max(16_000),
  header: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), z.string().regex(/^[\x20-\x7e]{0,8000}$/))
    .nullish(),
  expires_in: z.number().nullish(),
  expires_at: z.string().max(100).nullish(),
})
export type LfsAction = z.infer<typeof Action>

const HostObject = z.object({
  oid: z.string(),
  size: z.number().nullish(),
  actions: z.object({ download: Action.nullish() }).nullish(),
  error: z.object({ code: z.number() }).nullish(),
})
export type HostObject = z.infer<typeof HostObject>

const BatchAnswer = z.object({ transfer: z.string().nullish(), objects: z.array(HostObject) })

/** Returns what the host says of each object, by oid; null when this is no answer of the batch API. */
export function parseBatchAnswer(text: string): Map<string, HostObject> | null {
  const read = BatchAnswer.safeParse(parseJson(text))
  if (!read.success || (read.data.transfer ?? 'basic') !== 'basic') return null
  return new Map(read.data.objects.map((object) => [object.oid, object]))
}
