// The outside world of the worker tests, at its network edge: globalThis.fetch answers for known hosts and throws for any other.
// The machines are rows; the supervisor is played by the test through the object's own vmSync.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import { z } from 'zod'
import type { SyncRequest, SyncResponse } from '../../../src/shared/protocol.ts'
import { workspaceKey } from '../../../src/lib/ids.ts'
import type { WorkspaceRpc } from '../../../src/workspace/contract.ts'
import type { Workspace } from '../../../src/workspace/workspace.ts'
import { concatBytes, FLUSH, pkt } from '../../../src/git/pkt-line.ts'

export const MAIN_HEAD = '1'.repeat(40)

export interface Computer {
  id: string
  name: string
  status: string
}

export interface Outside {
  computers: Computer[]
  /** Every Orgo call as `METHOD path`, bash calls with their command. */
  orgoCalls: { call: string; command: string }[]
  refs: Record<string, string>
  pulls: { head: string; headSha: string; merged: boolean; state: 'open' | 'closed'; body?: string }[]
  /** What /compare answers for a head: its status. */
  reachable: Set<string>
  gitStatus: number
  /** What those who ask to push are answered. */
  pushStatus: number
  /** Hosts beside the usual ones; null: an unexpected request. */
  also: (url: URL) => Response | null
  /** Answers before the machine's own; null falls through. */
  orgoFault: (method: string, path: string) => Response | null
  bash: (command: string) => { output: string; exit_code: number }
  deletedRefs: string[]
  /** Answers before GitHub's API does; null falls through. */
  githubFault: (method: string) => Response | null
  /** A new pull request is made, and nobody is told. */
  pullAnswerIsLost: boolean
}

export function playOutside(): Outside {
  const outside: Outside = {
    computers: [],
    orgoCalls: [],
    refs: { 'refs/heads/main': MAIN_HEAD },
    pulls: [],
    reachable: new Set(),
    gitStatus: 200,
    pushStatus: 200,
    also: () => null,
    orgoFault: () => null,
    bash: (command) => ({
      exit_code: 0,
      output: command.includes('doorbell')
        ? '{"ralph":1,"bootId":"b","counter":1,"agentSha256":"x","supervisor":"running"}'
        : '{"step":"start","error":null}',
    }),
    deletedRefs: [],
    githubFault: () => null,
    pullAnswerIsLost: false,
  }
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (url.host === 'orgo.test') return orgo(outside, request, url)
    if (url.host === 'git.test') return git(outside, request, url)
    if (url.host === 'api.git.test') return await github(outside, request, url)
    const other = outside.also(url)
    if (other !== null) return other
    throw new Error(`Unexpected outbound request: ${request.method} ${request.url}`)
  })
  return outside
}

async function orgo(outside: Outside, request: Request, url: URL): Promise<Response> {
  const path = url.pathname.replace(/^\/api/, '')
  const body =
    z
      .record(z.string(), z.unknown())
      .safeParse(request.method === 'GET' ? {} : await request.json().catch(() => ({}))).data ?? {}
  outside.orgoCalls.push({
    call: `${request.method} ${path}`,
    command: typeof body['command'] === 'string' ? body['command'] : '',
  })
  const fault = outside.orgoFault(request.method, path)
  if (fault !== null) return fault
  const shape = (computer: Computer) => ({
    ...computer,
    workspace_id: 'ws-1',
    url: `https://orgo.test/c/${computer.id}`,
    instance_id: 'deadbeef',
  })
  if (path === '/workspaces' && request.method === 'GET')
    return Response.json({ workspaces: [{ id: 'ws-1', name: 'agent-runtime' }] })
  if (path === '/workspaces/ws-1')
    return Response.json({ id: 'ws-1', name: 'agent-runtime', desktops: outside.computers.map(shape) })
  if (path === '/computers' && request.method === 'POST') {
    const made: Computer = {
      id: crypto.randomUUID(),
      name: typeof body['name'] === 'string' ? body['name'] : '',
      status: 'running',
    }
    outside.computers.push(made)
    return Response.json(shape(made), { status: 201 })
  }
  const [, , id, action] = path.split('/')
  const computer = outside.computers.find((found) => found.id === id)
  if (computer === undefined) return Response.json({ error: 'Computer not found' }, { status: 404 })
  if (action === undefined && request.method === 'GET') return Response.json(shape(computer))
  if (action === undefined && request.method === 'DELETE') {
    outside.computers.splice(outside.computers.indexOf(computer), 1)
    return Response.json({ success: true })
  }
  if (action === 'bash')
    return Response.json({
      success: true,
      action: 'bash',
      ...outside.bash(typeof body['command'] === 'string' ? body['command'] : ''),
    })
  if (action === 'start' || action === 'resume' || action === 'restart') computer.status = 'running'
  return Response.json({ success: true })
}

async function git(outside: Outside, request: Request, url: URL): Promise<Response> {
  if (outside.gitStatus !== 200) return new Response('no', { status: outside.gitStatus })
  if (url.search === '?service=git-receive-pack')
    return new Response('', {
      status: outside.pushStatus,
      headers: { 'content-type': 'application/x-git-receive-pack-advertisement' },
    })
  if (url.pathname.endsWith('/info/refs'))
    return new Response(
      concatBytes([
        pkt('# service=git-upload-pack\n'),
        FLUSH,
        pkt('version 2\n'),
        pkt('ls-refs=unborn\n'),
        FLUSH,
      ]),
      { headers: { 'content-type': 'application/x-git-upload-pack-advertisement' } },
    )
  if (url.pathname.endsWith('/git-receive-pack')) {
    const [, oldId = '', , ref = ''] =
      /([0-9a-f]{40}) ([0-9a-f]{40}) (\S+?)\0/.exec(await request.text()) ?? []
    const ok = outside.refs[ref] === oldId
    if (ok) {
      delete outside.refs[ref]
      outside.deletedRefs.push(ref)
    }
    return new Response(
      concatBytes([pkt('unpack ok\n'), pkt(ok ? `ok ${ref}\n` : `ng ${ref} stale\n`), FLUSH]),
    )
  }
  const lines = Object.entries(outside.refs).map(([name, oid]) => pkt(`${oid} ${name}\n`))
  return new Response(
    concatBytes([pkt(`${MAIN_HEAD} HEAD symref-target:refs/heads/main\n`), ...lines, FLUSH]),
    { headers: { 'content-type': 'application/x-git-upload-pack-result' } },
  )
}

async function github(outside: Outside, request: Request, url: URL): Promise<Response> {
  const fault = outside.githubFault(request.method)
  if (fault !== null) return fault
  if (url.pathname.endsWith('/pulls') && request.method === 'POST') {
    const { head, body } = z.object({ head: z.string(), body: z.string() }).parse(await request.json())
    outside.pulls.push({
      head,
      body,
      headSha: outside.refs[`refs/heads/${head}`] ?? '',
      merged: false,
      state: 'open',
    })
    if (outside.pullAnswerIsLost) throw new TypeError('Network connection lost.')
    return Response.json(shownPull(outside.pulls.at(-1), outside.pulls.length), { status: 201 })
  }
  if (url.pathname.endsWith('/pulls')) {
    const head = url.searchParams.get('head')?.split(':')[1]
    return Response.json(
      outside.pulls.filter((pull) => pull.head === head).map((pull, index) => shownPull(pull, index + 1)),
    )
  }
  const [, head = ''] = /compare\/[^.]*\.\.\.(.*)$/.exec(url.pathname) ?? []
  return Response.json({
    status: outside.reachable.has(head) ? 'behind' : 'ahead',
    ahead_by: 1,
    behind_by: 0,
  })
}

const shownPull = (pull: Outside['pulls'][number] | undefined, number: number) => ({
  number,
  html_url: 'https://git.test/o/r/pull/1',
  state: pull?.state,
  merged_at: pull?.merged === true ? '2026-11-23T00:00:00Z' : null,
  head: { sha: pull?.headSha, repo: { full_name: 'o/r' } },
})

const used = new Set<string>()

/** The object of a workspace, for looks inside; of its own name in each test. */
export async function objectOf(name: string): Promise<DurableObjectStub<Workspace>> {
  used.add(name)
  return env.WORKSPACE.getByName(await workspaceKey(name))
}

/** Its RPC methods. Platform seam: the generated stub type wraps answers in RPC's own promise type, which our unions do not survive. */
export async function workspaceStub(name: string): Promise<WorkspaceRpc> {
  const object: unknown = await objectOf(name)
  return object as WorkspaceRpc
}

/** The supervisor of one machine: syncs with the nonce the last bell brought. */
export function supervisor(name: string, outside: Outside, generation: () => number = () => 2) {
  let counter = 0
  let nonce = ''
  const state = { plans: [] as SyncRequest['plans'], revision: 0 }
  const heard = () => {
    for (const { command } of outside.orgoCalls)
      nonce =
        /doorbell ([a-z0-9]+)/.exec(command)?.[1] ?? /nonce\W+([a-z0-9]{32})/i.exec(command)?.[1] ?? nonce
    return nonce
  }
  return {
    state,
    heard,
    async sync(over: Partial<SyncRequest> = {}): Promise<SyncResponse> {
      counter += 1
      const request: SyncRequest = {
        protocol: 1,
        nonce: heard(),
        bootId: 'boot-1',
        counter,
        agentSha256: 'x',
        canAddUsers: true,
        revision: state.revision,
        plans: state.plans,
        wantTexts: [],
        adopted: [],
        ...over,
      }
      const answer = await (
        await workspaceStub(name)
      ).vmSync({ kind: 'vm', workspace: name, generation: generation() }, request)
      if (!answer.ok) throw new Error(`sync refused: ${answer.reason}`)
      state.revision = answer.response.revision
      return answer.response
    },
  }
}

/** Ends the test's world: no alarm of it may ring into the next one. */
export async function endOutside(): Promise<void> {
  for (const name of used)
    await runInDurableObject(await objectOf(name), (_, state) => state.storage.deleteAlarm())
  used.clear()
  vi.restoreAllMocks()
}

/** The words of a refusal. Asked inside the object: a rejection that crosses RPC is also reported as unhandled by the test runner. */
export async function refusal(
  name: string,
  ask: (workspace: Workspace) => Promise<unknown>,
): Promise<string> {
  return runInDurableObject(await objectOf(name), (workspace: Workspace) =>
    ask(workspace).then(
      () => 'no refusal',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
  )
}
