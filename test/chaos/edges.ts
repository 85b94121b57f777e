// The bindings of the simulated objects: a real D1 whose answers may fail, the run's own Account, and a manifest that is always there.
import { here, isDead } from './kernel.ts'

export interface Edges {
  /** The Account object's name in this run. */
  account: string
  /** Called before and after each call of a binding; may throw, wait, or kill the object. */
  around<T>(point: string, call: () => Promise<T>): Promise<T>
}
/** What the platform would bill, since the last look: rows as it counts them, one more for each alarm that is set. */
export const meter = { rowsWritten: 0, d1RowsWritten: 0, accountCalls: 0, rowsBy: new Map<string, number>() }
/** Rows by the statement that wrote them, named by its first words. */
function wrote(statement: string, rows: number): void {
  if (rows === 0) return
  const name =
    /^(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) (\w+)|^setAlarm/.exec(statement)?.[0] ?? 'others'
  meter.rowsWritten += rows
  meter.rowsBy.set(name, (meter.rowsBy.get(name) ?? 0) + rows)
}
let current: Edges | null = null
export const setEdges = (next: Edges | null): void => void (current = next)

const MANIFEST = { ralphSha256: 'a'.repeat(64) }

export function edges(env: Env): Env {
  const around = <T>(point: string, call: () => Promise<T>): Promise<T> =>
    current === null || here() === undefined ? call() : current.around(point, call)
  const account = () => {
    const stub = env.ACCOUNT.getByName(current?.account ?? 'account')
    return new Proxy(stub, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function' || typeof name !== 'string') return method
        return (...args: unknown[]) => {
          meter.accountCalls += 1
          return around(`account_${name}`, async (): Promise<unknown> => Reflect.apply(method, target, args))
        }
      },
    })
  }
  // Platform seam: bindings are objects of the platform, and only the calls the object makes are offered here.
  return {
    ...env,
    NOTIFY_URL: 'https://notify.test/hook',
    ACCOUNT: { getByName: account } as unknown as Env['ACCOUNT'],
    ASSETS: { fetch: async () => Response.json(MANIFEST) } as unknown as Env['ASSETS'],
    DB: {
      prepare: (sql: string) => env.DB.prepare(sql),
      batch: (statements: D1PreparedStatement[]) =>
        around('d1_batch', async () => {
          const results = await env.DB.batch(statements)
          for (const { meta } of results) meter.d1RowsWritten += meta.rows_written
          return results
        }),
    } as unknown as Env['DB'],
  }
}

export interface Alarm {
  atMs: number | null
  /** Grows with all that is written: where it stands still, there is nothing new to look at. */
  changes: number
}

/** Counts the rows an object writes, for the platform's bill. */
export function countRows(state: DurableObjectState): void {
  const { sql } = state.storage
  const exec = sql.exec.bind(sql)
  Object.defineProperty(state, 'storage', {
    configurable: true,
    value: {
      sql: {
        exec: (query: string, ...args: SqlStorageValue[]) => {
          const cursor = exec(query, ...args)
          wrote(query, cursor.rowsWritten)
          return cursor
        },
      },
    },
  })
}

/** The object's own storage, with the platform's alarm in the simulation's hands. Nothing a dead object does reaches it. */
export function playStorage(state: DurableObjectState, alarm: Alarm): void {
  const { storage } = state
  const guarded = <T>(act: () => T): T => {
    if (isDead()) throw new Error('a dead object wrote')
    return act()
  }
  const { sql } = storage
  const played = {
    sql: new Proxy(sql, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function'
          ? (...args: unknown[]): unknown => {
              const answer: unknown = guarded(() => Reflect.apply(value, target, args))
              if (typeof answer === 'object' && answer !== null && 'rowsWritten' in answer) {
                const rows = Number(answer.rowsWritten)
                if (rows > 0) alarm.changes += 1
                wrote(String(args[0]), rows)
              }
              return answer
            }
          : value
      },
    }),
    transactionSync: <T>(run: () => T): T => guarded(() => storage.transactionSync(run)),
    setAlarm: async (atMs: number) => {
      wrote('setAlarm', 1)
      alarm.changes += 1
      return guarded(() => void (alarm.atMs = atMs))
    },
    getAlarm: async () => guarded(() => alarm.atMs),
    deleteAlarm: async () => {
      alarm.changes += 1
      return guarded(() => void (alarm.atMs = null))
    },
  }
  Object.defineProperty(state, 'storage', { value: played, configurable: true })
}
