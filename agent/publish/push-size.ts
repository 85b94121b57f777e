// How large a push would be, before it is sent: the platform before the gateway ends a longer one with an HTTP 413 of its own,
// which git shows as "RPC failed" after the whole pack went out. Said here, by number, it is an early and clear answer.
import type { Git } from '../git/git.ts'

/** What the platform takes in one request on its Free and Pro plans (developers.cloudflare.com/workers/platform/limits). */
export const MAX_PUSH_BYTES = 100_000_000
const COUNT_TIMEOUT_MS = 5 * 60_000
/** git runs it in the checkout, as the user who pushes; the pack is counted, never kept. */
const COUNT = 'alias.count=!git pack-objects --revs --thin --delta-base-offset --stdout -q | wc -c'

/** '' when it fits, or when git cannot tell; else why not, with what to do. */
export async function describeTooLarge(git: Git, branch: string): Promise<string> {
  // On disk nothing is smaller than in a pack: in most pushes this settles it without making one.
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
