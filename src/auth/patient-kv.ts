// Gives the OAuth provider a KV whose calls have a deadline and one clear error (503). A client that is told 503 keeps its token
// and asks again; a 401 would make it throw the token away, and a bare 500 would explain nothing.
import { RuntimeError } from '../lib/errors.ts'
import { inTime } from '../lib/in-time.ts'

const TIMEOUT_MS = 8_000
export const SIGN_IN_UNAVAILABLE = 'sign_in_unavailable'

export function withPatientKv(env: Env): Env {
  return { ...env, OAUTH_KV: patient(env.OAUTH_KV) }
}

function patient(kv: KVNamespace): KVNamespace {
  return new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await inTime('KV', Promise.resolve(Reflect.apply(method, target, args)), TIMEOUT_MS)
        } catch (error) {
          throw new RuntimeError(
            SIGN_IN_UNAVAILABLE,
            503,
            'The store of OAuth sign-ins (Workers KV) does not answer. Keep the token and try again in a minute; the owner token works meanwhile.',
            error,
          )
        }
      }
    },
  })
}
