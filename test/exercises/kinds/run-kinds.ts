// Runs the kinds of faults through one real supervisor, each case as a plan with its own unix user on a branch of its own.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createVm, until } from '../../real/support/vm.ts'
import type { TestVm } from '../../real/support/vm.ts'
import type { Result } from '../lab.ts'
import { forgetPlan, isVerified, pushedHead } from '../plans.ts'
import { TOOLS_PATH, writeFiles } from '../workbench.ts'
import type { Kind } from './kind.ts'

export interface KindResult {
  kind: Kind
  /** verified, the reasons, or how the attempt ended otherwise. */
  ended: string
  verified: boolean
  /** It ended as the case says. */
  asExpected: boolean
  seconds: number
}

const PLAN_TIMEOUT_MS = 600_000
const PROGRAMS: Partial<Record<Kind['language'], string>> = { go: 'go', c: 'cc', shell: 'make' }

/** The program without which a case cannot run here; null when it is there. */
export function missingProgram({ needs, language }: Kind): string | null {
  for (const program of [needs, PROGRAMS[language]].filter((name) => name !== undefined)) {
    try {
      execFileSync('sh', ['-c', 'command -v "$0"', program], { env: { PATH: TOOLS_PATH }, stdio: 'ignore' })
    } catch {
      return program
    }
  }
  return null
}

/** Results in the order they came. */
export async function runKinds(
  kinds: readonly Kind[],
  lanes: number,
  onResult: (result: KindResult) => void,
): Promise<KindResult[]> {
  await using vm = await createVm({ env: { PATH: TOOLS_PATH } })
  vm.worker.idleSyncMs = 200
  await vm.ring()
  const queue = [...kinds.entries()]
  const results: KindResult[] = []
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const result = await runOne(vm, next[1], `kind-${next[0]}`)
      results.push(result)
      onResult(result)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}

async function runOne(vm: TestVm, kind: Kind, branch: string): Promise<KindResult> {
  const startedAt = performance.now()
  makeBase(vm, kind, branch)
  const plan = vm.worker.submit(toText(kind), { base: branch, checks: kind.checks ?? [] })
  const hasEnded = () => plan.observed?.end !== undefined && plan.observed.end.kind !== 'stopped'
  await until(hasEnded, `the end of ${kind.name}`, PLAN_TIMEOUT_MS).catch(() => {})
  const end = plan.observed?.end ?? 'none'
  const verified = isVerified(end, pushedHead(vm, plan))
  const reasons = end !== 'none' && end.kind === 'completed' ? end.reasons : []
  await forgetPlan(vm, plan)
  return {
    kind,
    verified,
    ended: verified ? 'verified' : reasons.join(', ') || describe(end),
    asExpected:
      kind.ends === 'verified' ? verified : !verified && kind.ends.some((reason) => reasons.includes(reason)),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  }
}

const describe = (end: Result['end']): string => (end === 'none' ? 'did not end' : JSON.stringify(end))

/** The plan's text as the scripted model plays it. */
function toText({ plan = 'Do the work.', work, model = [] }: Kind): string {
  const lines = [...work.map((command) => ({ tool: 'bash', input: { command } })), ...model]
  return `${plan}\n\n\`\`\`model\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n\`\`\`\n`
}

function makeBase(vm: TestVm, { base }: Kind, branch: string): void {
  const folder = join(vm.folder, 'kinds', branch)
  mkdirSync(folder, { recursive: true })
  const git = (...args: string[]) => vm.git('-C', folder, ...args)
  git('init', '--quiet', `--initial-branch=${branch}`)
  for (const files of base) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      if (text === null) rmSync(join(folder, path))
      else writeFiles(folder, { [path]: text })
    }
    git('add', '--all', '--force')
    git('commit', '--quiet', '-m', 'Start')
  }
  git('push', '--quiet', join(vm.folder, 'upstream.git'), branch)
}
