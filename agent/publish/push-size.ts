// Measures a push before it is sent. The platform in front of the gateway ends a push that is too large with an HTTP 413, which git
// shows as "RPC failed" after it has sent the whole pack. This check answers early and names the size.
import type { Git } from '../git/git.ts'

/** Largest request on the platform's Free and Pro plans (developers.cloudflare.com/workers/platform/limits). */
export const MAX_PUSH_BYTES = 100_000_000
const COUNT_TIMEOUT_MS = 5 * 60_000
/** Git runs this in the checkout as the plan's user. The pack is only counted, never stored. */
const COUNT = 'alias.count=!git pack-objects --revs --thin --delta-base-offset --stdout -q | wc -c'

/** Returns '' when the push fits or git cannot tell its size, else the reason and what to do. */
export async function describeTooLarge(git: Git, branch: string): Promise<string> {
  // Objects on disk are never smaller than in a pack. For most pushes this shows that they fit, without making a pack.
  const onDisk = await git.try(['rev-list', '--disk-usage', '--objects', 'HEAD', '--not', '--remotes=origin'])
  if (onDisk.code !== 0 || Number(onDisk.stdout) < MAX_PUSH_BYTES) return ''
  const there = await git.try(['for-each-ref', '--format=^%(objectname)', 'refs/remotes/origin'])
  const counted = await git.try(['-c', COUNT, 'count'], {
    input: `HEAD\n${there.stdout}`,
    timeoutMs: COUNT_TIMEOUT_MS,
  })
  const bytes = Number(counted.stdout)
  if (counted.code !== 0 || bytes < MAX_PUSH_BYTES) return ''
  return `This push of ${branch} would send ${megabytes(bytes)} MB; one push may have ${megabytes(MAX_PUSH_BYTES)} MB. Nothing was sent. Take large files out of the commits, or push an earlier commit first (git push origin COMMIT:refs/heads/${branch}) and the rest after it.`
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1_000_000)
