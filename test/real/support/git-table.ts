// Makes one row of docs/gateway-git.md: a fresh repository, workspace and plan, git as the plan's user runs it, and the outcome in
// words that are the same on every machine.
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { GitCase } from './git-cases.ts'
import type { Seen } from './git-http-host.ts'
import type { ObjectLab, Seeded } from './object-lab.ts'

const run = promisify(execFile)
const AGENT = join(import.meta.dirname, '../../../agent/main.ts')
/** The pre-push hook of a plan's checkout, run from the sources. */
export const CHECK_PUSH = `'${process.execPath}' '${AGENT}' check-push`
/** Only what hangs takes so long: 104 MB take two minutes on a machine that does other things too. */
const GIT_TIMEOUT_MS = 500_000

export interface Ran {
  code: number
  output: string
}
export type Bench = ReturnType<typeof createBench>

export interface Row {
  name: string
  cells: string[]
}

export async function runCase(lab: ObjectLab, one: GitCase): Promise<Row> {
  const seeded = await lab.seed(one.objectFormat)
  const bench = createBench(lab, seeded)
  const ran = await one.run(bench)
  const changed = bench.changedRefs()
  const refs = changed.length === 0 ? 'no ref changes' : changed.join(', ')
  const outcome = [
    ran.code === 0 ? 'works' : '**refused**',
    refs,
    ...(one.also === undefined ? [] : [one.also]),
  ]
  return {
    name: one.name,
    cells: [one.name, `\`${one.command}\``, outcome.join('; '), bench.words(ran.output)],
  }
}

function createBench(lab: ObjectLab, seeded: Seeded) {
  const home = mkdtempSync(join(lab.root, 'home-'))
  const remote = `${lab.base}/vm/git/${seeded.name}.git`
  const checkpoint = `refs/agent/${seeded.plan}`
  const refsNow = () =>
    new Map(
      seeded
        .git('for-each-ref', '--format=%(refname) %(objectname)')
        .split('\n')
        .map((line): [string, string] => [line.split(' ')[0] ?? '', line]),
    )
  let before = refsNow()
  let token = seeded.token
  let clones = 0
  const env = { PATH: process.env['PATH'], HOME: home, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }
  const real = (text: string) =>
    text
      .replaceAll('{branch}', `refs/heads/${seeded.branch}`)
      .replaceAll('{checkpoint}', checkpoint)
      .replaceAll('{remote}', remote)
  const git = async (dir: string, ...args: string[]): Promise<Ran> => {
    // Random bytes do not compress, so compression would only cost time.
    const config = ['-c', `http.extraHeader=Authorization: Bearer ${token}`, '-c', 'core.compression=0']
    const options = { cwd: join(home, dir), env, timeout: GIT_TIMEOUT_MS }
    try {
      const { stdout, stderr } = await run('git', [...config, ...args.map(real)], options)
      return { code: 0, output: stdout + stderr }
    } catch (error) {
      const failed = error as { code?: number; stdout?: string; stderr?: string } // what execFile rejects with
      return { code: failed.code ?? -1, output: `${failed.stdout ?? ''}${failed.stderr ?? ''}` }
    }
  }
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@t']
  const must = async (dir: string, ...args: string[]) => {
    const ran = await git(dir, ...args)
    if (ran.code !== 0) throw new Error(`git ${args.join(' ')}: ${ran.output}`)
  }
  const hooks: [string, string][] = []

  return {
    home,
    branch: seeded.branch,
    workerPid: lab.workerPid,
    git,
    seen: (): Seen[] => lab.host.seen,
    upstream: (...args: string[]) => seeded.git(...identity, ...args),
    cancel: () => seeded.post(`cancel/${seeded.plan}`),
    asMachine: () => void (token = seeded.vmKey),
    /** Forgets what came before; it is not part of the case. */
    begin: () => {
      before = refsNow()
      lab.host.seen.length = 0
    },
    async clone(...options: string[]): Promise<string> {
      clones += 1
      await must('.', 'clone', '-q', ...options, '{remote}', `work-${clones}`)
      for (const [name, text] of hooks) writeHook(join(home, `work-${clones}`, '.git'), name, text)
      return `work-${clones}`
    },
    async commit(dir: string): Promise<void> {
      await must(dir, 'add', '--all')
      await must(dir, ...identity, 'commit', '-q', '--allow-empty', '-m', 'work')
    },
    amend: (dir: string) => must(dir, ...identity, 'commit', '-q', '--allow-empty', '--amend', '-m', 'anew'),
    /** Adds a hook to the clones made from now on. */
    hook: (name: string, text: string) => void hooks.push([name, text]),
    hostHook: (name: string, text: string) => writeHook(seeded.bare, name, text),
    async post(path: string, body: object): Promise<{ status: number; text: string }> {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${remote}/${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return { status: response.status, text: await response.text() }
    },
    changedRefs(): string[] {
      const [now, named] = [refsNow(), (ref: string) => `\`${plain(ref)}\``]
      const gone = [...before.keys()].filter((ref) => !now.has(ref)).map((ref) => `${named(ref)} deleted`)
      const other = [...now].flatMap(([ref, line]) => {
        if (!before.has(ref)) return [`${named(ref)} made`]
        return before.get(ref) === line ? [] : [`${named(ref)} moved`]
      })
      return [...gone, ...other].toSorted()
    },
    words: (output: string) => wordsOf(plain(output)),
  }

  function plain(text: string): string {
    return text
      .replaceAll(remote, '{remote}')
      .replaceAll(checkpoint, '{checkpoint}')
      .replaceAll(`refs/heads/${seeded.branch}`, '{branch}')
      .replaceAll(seeded.branch, '{branch}')
      .replaceAll(seeded.plan, '{plan}')
  }
}

function writeHook(gitDir: string, name: string, text: string): void {
  writeFileSync(join(gitDir, 'hooks', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
}

/** Returns the lines that matter to a reader, without progress and without what git prints after any failed push. */
function wordsOf(output: string): string {
  const lines = output
    .split(/[\n\r]/)
    .map((line) => line.replaceAll(/[0-9a-f]{7,64}/g, '{commit}').replaceAll(/\s+/g, ' '))
    .filter((line) =>
      /^(?:remote: (?!\w+ing |Total)|fatal: |error: |warning: |ralph: | [!*+=-] | \{commit\})/.test(line),
    )
    .filter((line) => !line.startsWith('error: failed to push some refs'))
    .map((line) => `\`${line.trim().replaceAll('|', String.raw`\|`)}\``)
  return lines.length === 0 ? 'nothing but progress' : lines.join('<br>')
}
