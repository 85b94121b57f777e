// Each case as two plans: one applies the commit's difference, the other does so and makes the mistake.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forgetPlan, runPlan, runPlans } from '../exercises/plans.ts'
import type { PlanRun } from '../exercises/plans.ts'
import type { TestVm } from '../real/support/vm.ts'
import type { RepositoryCase } from './repositories.ts'
import { toolsPath } from './tools.ts'
import type { Work } from './work.ts'

export interface Job {
  case: RepositoryCase
  work: Work
  kind: 'right' | 'wrong'
}

export interface Result extends PlanRun {
  job: Job
}

export interface LabInput {
  jobs: Job[]
  lanes: number
  onResult: (result: Result) => void
}

const PLAN_TIMEOUT_MS = 1_800_000

/** Results in the order they came. Errors: as runPlans. */
export async function runJobs({ jobs, lanes, onResult }: LabInput): Promise<Result[]> {
  const tools = mkdtempSync(join(tmpdir(), 'repositories-'))
  chmodSync(tools, 0o755)
  try {
    // Every plan's sandbox hides /tmp but shows the folders on its PATH.
    return await runPlans({
      path: toolsPath(tools),
      jobs,
      lanes,
      prepare: (vm) => hand(vm, jobs),
      runJob,
      onResult,
    })
  } finally {
    rmSync(tools, { recursive: true, force: true })
  }
}

async function runJob(vm: TestVm, job: Job): Promise<Result> {
  const run = await runPlan(vm, {
    text: toPlanText(vm, job),
    desired: { base: branchOf(job), checks: [] },
    title: `${branchOf(job)}, ${job.kind}`,
    timeoutMs: PLAN_TIMEOUT_MS,
  })
  if (run.head !== null) demandTheWork(vm, job, run.head)
  await forgetPlan(vm, run.plan)
  return { ...run, job }
}

/** Errors: throws when something else was pushed than the commit's work, or than that with the mistake. */
function demandTheWork(vm: TestVm, { case: { mutant }, work, kind }: Job, head: string): void {
  const upstream = join(vm.folder, 'upstream.git')
  const wanted = new Map(work.changed)
  if (kind === 'wrong') {
    const input = { input: work.mutated, encoding: 'utf8' } as const
    wanted.set(mutant.file, execFileSync('git', ['hash-object', '--stdin'], input).trim())
  }
  const listed = vm.git('-C', upstream, 'ls-tree', '-r', '-z', '--full-tree', head).split('\0')
  const pushed = new Map(
    listed.map((entry) => [entry.slice(entry.indexOf('\t') + 1), entry.split(/[ \t]/)[2] ?? '']),
  )
  const other = [...wanted].filter(([path, object]) => (pushed.get(path) ?? null) !== object)
  if (other.length > 0)
    throw new Error(`What was pushed is not the work: ${other.map(([path]) => path).join(', ')}`)
}

/** The bases become branches. What the plans apply lies in the workspace's folder, which every sandbox shows. */
function hand(vm: TestVm, jobs: Job[]): void {
  for (const job of jobs) {
    const { mirror, base, patch, mutated } = job.work
    vm.git(
      '-C',
      mirror,
      'push',
      '--quiet',
      join(vm.folder, 'upstream.git'),
      `${base}:refs/heads/${branchOf(job)}`,
    )
    mkdirSync(handed(vm, job), { recursive: true })
    writeFileSync(join(handed(vm, job), 'patch'), patch)
    writeFileSync(join(handed(vm, job), 'mutant'), mutated)
  }
}

function toPlanText(vm: TestVm, job: Job): string {
  // Some set-ups leave changed files, on which the difference would not fit.
  const apply = `git checkout --quiet -- . && git apply --index --binary ${quote(join(handed(vm, job), 'patch'))}`
  const mistake = ` && cat ${quote(join(handed(vm, job), 'mutant'))} > ${quote(job.case.mutant.file)}`
  const command = job.kind === 'right' ? apply : apply + mistake
  const calls = [{ tool: 'bash', input: { command } }, { judge_tests: 'yes' }]
  return `${job.work.plan}\n\n\`\`\`model\n${calls.map((call) => JSON.stringify(call)).join('\n')}\n\`\`\`\n`
}

const branchOf = ({ case: { repository, commit } }: Job): string => `${repository}-${commit.slice(0, 10)}`
const handed = (vm: TestVm, job: Job): string => join(vm.workspace, 'handed', branchOf(job).replace('/', '+'))
const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
