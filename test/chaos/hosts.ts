// The other hosts: git (refs over smart HTTP), GitHub's API, and NOTIFY_URL.
import { concatBytes, FLUSH, pkt } from '../../src/git/pkt-line.ts'
import type { Reply, Sent } from './kernel.ts'
import { faultAt, moment, note, violate } from './world.ts'
import type { World } from './world.ts'

type Answer = ReturnType<Reply['effect']>
const json = (body: unknown, status = 200): Answer => ({ status, body: JSON.stringify(body) })

/** Answers of a host whose faults are named `prefix_...`, or the object's own death. */
function answered(world: World, point: string, act: () => Answer): Reply {
  const fault = faultAt(world, point)
  const afterMs = world.rng.int(20, 400)
  const timed = (effect: () => Answer): Reply => ({ effectAfterMs: afterMs / 2, afterMs, effect })
  if (fault === null) return timed(act)
  const status = /_(\d{3})$/.exec(fault)?.[1]
  if (status !== undefined) return timed(() => ({ status: Number(status), body: 'no' }))
  if (fault.endsWith('_hang')) return { effectAfterMs: 0, afterMs: Infinity, effect: () => 'lost' }
  if (fault === 'kill_before') {
    world.kernel.after(1, world.kill)
    return { effectAfterMs: 2, afterMs: Infinity, effect: () => 'lost' }
  }
  return timed(() => {
    act()
    if (fault === 'kill_after') world.kill()
    return 'lost'
  })
}

export function answerGit(world: World, { url, body }: Sent): Reply {
  if (url.pathname.endsWith('/git-receive-pack'))
    return answered(world, 'git_delete', () => deletion(world, body))
  if (url.pathname.endsWith('/info/refs'))
    return answered(world, 'git_refs', () => ({
      status: 200,
      headers: { 'content-type': 'application/x-git-upload-pack-advertisement' },
      body: concatBytes([
        pkt('# service=git-upload-pack\n'),
        FLUSH,
        pkt('version 2\n'),
        pkt('ls-refs=unborn\n'),
        FLUSH,
      ]),
    }))
  return answered(world, 'git_list', () => ({
    status: 200,
    headers: { 'content-type': 'application/x-git-upload-pack-result' },
    body: concatBytes([
      pkt(`${world.refs['refs/heads/main'] ?? ''} HEAD symref-target:refs/heads/main\n`),
      ...Object.entries(world.refs).map(([name, oid]) => pkt(`${oid} ${name}\n`)),
      FLUSH,
    ]),
  }))
}

function deletion(world: World, body: string): Answer {
  const [, oldId = '', newId = '', ref = ''] = /([0-9a-f]{40}) ([0-9a-f]{40}) (\S+?)\0/.exec(body) ?? []
  if (!/^0+$/.test(newId) || !/^refs\/(heads\/agent|agent)\//.test(ref))
    violate(world, 'I4', `the object wrote ${ref} at the host`)
  const ok = world.refs[ref] === oldId
  if (ok) {
    delete world.refs[ref]
    world.deletedRefs.push({ ref, head: oldId })
    if (ref.startsWith('refs/heads/') && !world.merged.has(oldId))
      violate(world, 'I4', `unmerged ${ref} was deleted`)
  }
  note(world, `delete of ${ref}: ${ok ? 'done' : 'refused'}`)
  return {
    status: 200,
    body: concatBytes([pkt('unpack ok\n'), pkt(ok ? `ok ${ref}\n` : `ng ${ref} stale\n`), FLUSH]),
  }
}

export function answerGithub(world: World, { method, url, body }: Sent): Reply {
  if (url.pathname.endsWith('/pulls'))
    return method === 'POST'
      ? answered(world, 'github_open', () => {
          const asked: { head: string } = JSON.parse(body)
          // GitHub's own rule, and what a second try must not run into as a refusal.
          if (world.pulls.some(({ branch, state }) => branch === asked.head && state === 'open'))
            return json({ message: 'Validation Failed' }, 422)
          const pull = {
            branch: asked.head,
            head: world.refs[`refs/heads/${asked.head}`] ?? '',
            merged: false,
            byUs: true as const,
            state: 'open' as const,
            number: world.pulls.length + 1,
          }
          world.pulls.push(pull)
          for (const [plan, branch] of world.branches)
            if (branch === asked.head) moment(world, 'opened', plan)
          return json(shown(pull), 201)
        })
      : answered(world, 'github_pulls', () => {
          const branch = url.searchParams.get('head')?.split(':')[1]
          return json(world.pulls.filter((pull) => pull.branch === branch).map(shown))
        })
  const head = decodeURIComponent(url.pathname).split('...')[1] ?? ''
  return answered(world, 'github_compare', () =>
    json({ status: world.merged.has(head) ? 'behind' : 'ahead', ahead_by: 1, behind_by: 0 }),
  )
}

const shown = (pull: World['pulls'][number]) => ({
  number: pull.number,
  html_url: `https://git.test/o/r/pull/${pull.number}`,
  state: pull.state,
  merged_at: pull.merged ? '2040-01-15T00:00:00Z' : null,
  head: { sha: pull.head, repo: { full_name: 'o/r' } },
})

export const answerNotify = (world: World): Reply =>
  answered(world, 'notify_post', () => ({ status: 200, body: 'ok' }))
