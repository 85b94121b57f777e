// The same question to every workspace, for doctor and the owner's /healthz.
import { listWorkspaces } from '../history/query.ts'
import { workspaceKey } from '../lib/ids.ts'
import type { Finding, WorkspaceRpc, WorkspaceSnapshot } from '../workspace/contract.ts'

/** The newest: each is an object that is woken. */
const MOST_WORKSPACES = 50

/** Errors: throws when D1 cannot list them; what one object fails with is `onError`'s. */
export async function askEachWorkspace(
  env: Env,
  question: 'diagnose' | 'stuck',
  onError: (name: string, error: unknown) => Finding[],
): Promise<Finding[]> {
  const { snapshots } = await listWorkspaces(env.DB, { limit: MOST_WORKSPACES })
  // Written by the object from this very type (history/append.ts).
  const names = (snapshots as WorkspaceSnapshot[]).map(({ name }) => name)
  const looked = await Promise.all(
    names.map(async (name) => {
      const stub: Pick<WorkspaceRpc, 'diagnose' | 'stuck'> = env.WORKSPACE.getByName(await workspaceKey(name))
      return stub[question](name).catch((error: unknown) => onError(name, error))
    }),
  )
  return looked.flat()
}
