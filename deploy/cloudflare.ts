// The Cloudflare account's part of a deployment. Each function first checks whether its work is already done.
import { z } from 'zod'
import { DeployError } from './errors.ts'
import type { Wrangler } from './wrangler.ts'

const WhoAmI = z.object({
  loggedIn: z.boolean(),
  email: z.string().optional(),
  accounts: z.array(z.object({ id: z.string(), name: z.string() })).default([]),
})
export type WhoAmI = z.infer<typeof WhoAmI>

export async function whoAmI(wrangler: Wrangler): Promise<WhoAmI> {
  try {
    return await wrangler.ask(['whoami', '--json'], WhoAmI, {
      loggedIn: true,
      accounts: [{ id: '{account}', name: 'yours' }],
    })
  } catch (error) {
    // whoami ends with an error when the person is not logged in; an unreachable Cloudflare must not look like that.
    if (error instanceof DeployError && /could not be reached/.test(error.message)) throw error
    return { loggedIn: false, accounts: [] }
  }
}

const Database = z.object({ uuid: z.string(), name: z.string() })

export async function findDatabase(wrangler: Wrangler, name: string): Promise<string | null> {
  const all = await wrangler.ask(['d1', 'list', '--json'], z.array(Database), [])
  return all.find((database) => database.name === name)?.uuid ?? null
}

export async function ensureDatabase(
  wrangler: Wrangler,
  name: string,
): Promise<{ id: string; isNew: boolean }> {
  const known = await findDatabase(wrangler, name)
  if (known !== null) return { id: known, isNew: false }
  await wrangler.change(['d1', 'create', name])
  if (wrangler.dryRun) return { id: '{id of the database}', isNew: true }
  const made = await findDatabase(wrangler, name)
  if (made === null)
    throw new DeployError(`The D1 database ${name} was made but is not listed. Run this again in a minute.`)
  return { id: made, isNew: true }
}

const Namespace = z.object({ id: z.string(), title: z.string() })

export async function findNamespace(wrangler: Wrangler, title: string): Promise<string | null> {
  const all = await wrangler.ask(['kv', 'namespace', 'list'], z.array(Namespace), [])
  return all.find((namespace) => namespace.title === title)?.id ?? null
}

export async function ensureNamespace(
  wrangler: Wrangler,
  title: string,
): Promise<{ id: string; isNew: boolean }> {
  const known = await findNamespace(wrangler, title)
  if (known !== null) return { id: known, isNew: false }
  await wrangler.change(['kv', 'namespace', 'create', title])
  if (wrangler.dryRun) return { id: '{id of the namespace}', isNew: true }
  const made = await findNamespace(wrangler, title)
  if (made === null)
    throw new DeployError(`The KV namespace ${title} was made but is not listed. Run this again in a minute.`)
  return { id: made, isNew: true }
}

/** Returns names only, because Cloudflare shows no values. null: there is no Worker of that name. */
export async function secretNames(wrangler: Wrangler, name: string): Promise<Set<string> | null> {
  try {
    const list = await wrangler.ask(
      ['secret', 'list', '--name', name],
      z.array(z.object({ name: z.string() })),
      [],
    )
    return new Set(list.map((secret) => secret.name))
  } catch (error) {
    if (error instanceof DeployError && /not found|does not exist|10007|10090/i.test(error.message))
      return null
    throw error
  }
}

export async function putSecrets(
  wrangler: Wrangler,
  name: string,
  secrets: Record<string, string>,
): Promise<void> {
  const names = Object.keys(secrets)
  if (names.length === 0) return
  await wrangler.change(['secret', 'bulk', '--name', name], {
    stdin: JSON.stringify(secrets),
    shownAs: names.join(', '),
  })
}
