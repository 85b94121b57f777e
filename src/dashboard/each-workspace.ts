// Asks every workspace the same question, for doctor and the owner's /healthz.
import { listWorkspaces } from '../history/query.ts'
import { workspaceKey } from '../lib/ids.ts'
import type { Finding } from '../lib/finding.ts'
import type { WorkspaceRpc, WorkspaceSnapshot } from '../workspace/contract.ts'

/** Asks only the newest workspaces, because each question wakes an object. */
const MOST_WORKSPACES = 50

/** Throws when D1 cannot list the workspaces. The failure of a single object goes to `onError`. */
export async function askEachWorkspace(
  env: Env,
  question: 'diagnose' | 'stuck',
  onError: (name: string, error: unknown) => Finding[],
): Promise<Finding[]> {
  const { snapshots } = await listWorkspaces(env.DB, { limit: MOST_WORKSPACES })
  // The object wrote these snapshots from this very type (history/append.ts).
  const names = (snapshots as WorkspaceSnapshot[]).map(({ name }) => name)
  const looked = await Promise.all(
    names.map(async (name) => {
      const stub: Pick<WorkspaceRpc, 'diagnose' | 'stuck'> = env.WORKSPACE.getByName(await workspaceKey(name))
      return stub[question](name).catch((error: unknown) => onError(name, error))
    }),
  )
  return looked.flat()
}
