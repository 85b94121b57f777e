// A gateway, a git host and real git between them, for the gateway's git tests. Each test has its own repository.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import { makeRepository, startGitHost } from './git-http-host.ts'
import { startPlainWorker } from './plain-workerd.ts'

const KEY = 'gateway-test-token-key-0123456789abcdef'
export const CANARY = 'ghp_CANARYcanary0123456789'
export const run = promisify(execFile)

interface State {
  heads: Record<string, string>
  settled: { kind: string; updated?: { ref: string; newId: string }[]; detail?: string }[]
}

export type GatewayLab = Awaited<ReturnType<typeof createGatewayLab>>

/** `otherCredentials`: further lines of GIT_CREDENTIALS, for a git host of the test's own. */
export async function createGatewayLab(otherCredentials: string[] = []) {
  const root = mkdtempSync(join(tmpdir(), 'gateway-git-'))
  const host = await startGitHost({ root, user: 'x-access-token', token: CANARY })
  const planToken = await signVmToken(KEY, {
    kind: 'plan',
    workspace: 'demo',
    plan: 'p1',
    attempt: 1,
    expiresAtMs: Date.now() + 3_600_000,
  })
  const vmKey = await signVmToken(KEY, { kind: 'vm', workspace: 'demo', generation: 1 })
  const vars = {
    PUBLIC_URL: 'http://127.0.0.1:1',
    LOCAL: 'true',
    TOKEN_KEY: KEY,
    ANTHROPIC_API_KEY: 'sk-ant-CANARY-0123456789',
    ANTHROPIC_BASE_URL: host.url,
    GIT_CREDENTIALS: [host.url.replace('://', `://x-access-token:${CANARY}@`), ...otherCredentials].join(
      '\n',
    ),
  }
  const worker = await startPlainWorker(vars, 'gateway-worker')
  const base = worker.url
  let copies = 0

  const bare = () => join(root, `repo-${copies}.git`)
  const remote = () => `${base}/vm/git/demo.git`

  async function set(change: object): Promise<void> {
    await fetch(`${base}/control/set`, { method: 'POST', body: JSON.stringify(change) })
  }

  async function state(): Promise<State> {
    return JSON.parse(await (await fetch(`${base}/control/state`)).text()) as State
  }

  async function git(
    cwd: string,
    args: string[],
    token = planToken,
  ): Promise<{ code: number; output: string }> {
    // For the gateway alone, as on a VM: git-lfs also asks other hosts.
    const config = ['-c', `http.${base}/vm/git/.extraHeader=Authorization: Bearer ${token}`]
    const env = { PATH: process.env['PATH'], HOME: root, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }
    try {
      const { stdout, stderr } = await run('git', [...config, ...args], { cwd, env, timeout: 240_000 })
      return { code: 0, output: stdout + stderr }
    } catch (error) {
      const failed = error as { code?: number; stdout?: string; stderr?: string }
      return { code: failed.code ?? -1, output: `${failed.stdout ?? ''}${failed.stderr ?? ''}` }
    }
  }

  return {
    root,
    host,
    base,
    planToken,
    vmKey,
    bare,
    remote,
    set,
    state,
    git,
    refs: async () => (await run('git', ['-C', bare(), 'show-ref'])).stdout,
    async clone(...options: string[]): Promise<string> {
      const target = mkdtempSync(join(root, 'clone-'))
      expect(await git(root, ['clone', '-q', ...options, remote(), target])).toEqual({ code: 0, output: '' })
      return target
    },
    /** Runs the script, commits what it leaves and returns the commit's id. */
    async commit(dir: string, script = 'date +%N > new-file'): Promise<string> {
      const identity = '-c user.name=t -c user.email=t@t'
      await run('sh', ['-ceu', `${script}; git add -A; git ${identity} commit -qm work`], { cwd: dir })
      return (await run('git', ['-C', dir, 'rev-parse', 'HEAD'])).stdout.trim()
    },
    async reset(): Promise<void> {
      copies += 1
      makeRepository(root, `repo-${copies}.git`, 5)
      host.intercept = null
      host.seen.length = 0
      const gitRemote = `${host.url}/repo-${copies}.git`
      const ownRefs = ['refs/heads/agent/p1', 'refs/agent/p1']
      await set({ gitRemote, mayPush: true, ownRefs, heads: {}, settled: [], intents: [] })
    },
    async close(): Promise<void> {
      await worker.close()
      await host.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
