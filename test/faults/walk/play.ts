// Plays one sequence on the real bundle: a plan with a block for each step, then its ending, then the demands. A lane is a machine
// that plays one plan after the other, so that the start of a supervisor is paid once.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refuse } from '../../real/support/fake-worker.ts'
import type { FakePlan } from '../../real/support/fake-worker.ts'
import { createVm, ended, until } from '../../real/support/vm.ts'
import type { TestVm } from '../../real/support/vm.ts'
import { describeEnd, killAgent } from '../bench.ts'
import { Broken, demandNothingLost } from './demands.ts'
import { lookScript, readLook, tagsIn } from './look.ts'
import type { Look } from './look.ts'
import { callsAfterProgress, wordsToldTo } from './told.ts'
import { planText } from './sequence.ts'
import type { Sequence } from './sequence.ts'

const MAX_CALLS = 5
/** Only a plan that hangs takes so long, also on a busy machine. */
const END_MS = 600_000

export interface Lane extends AsyncDisposable {
  vm: TestVm
  /** The commit where every plan begins. */
  base: string
  script: string
}

/** Tools whose version each plan asks for; without them a plan begins sooner. */
const NOT_NEEDED =
  /^(?:npm|pnpm|yarn|bun|deno|python3|uv|poetry|cargo|go|java|ruby|make|just|gcc|docker|git-lfs|rg|jq|pandoc|libreoffice)$/

export async function openLane(): Promise<Lane> {
  const tools = mkdtempSync(join(tmpdir(), 'walk-tools-'))
  chmodSync(tools, 0o755)
  for (const name of readdirSync('/usr/bin'))
    if (!NOT_NEEDED.test(name)) symlinkSync(join('/usr/bin', name), join(tools, name))
  const vm = await createVm({
    // No document among them, whose links would be a check of their own.
    files: { 'read.txt': 'Walk\n', 'src/one.txt': '1\n', '.gitignore': '*.log\n' },
    env: { PATH: tools },
  })
  // Plans come and go without a bell.
  vm.worker.idleSyncMs = 200
  const base = vm.git('rev-parse', 'main')
  const script = join(vm.workspace, 'look.sh')
  writeFileSync(script, lookScript(base), { mode: 0o755 })
  await vm.ring()
  return {
    vm,
    base,
    script,
    async [Symbol.asyncDispose]() {
      await vm[Symbol.asyncDispose]()
      rmSync(tools, { recursive: true, force: true })
    },
  }
}

interface Played extends Lane {
  plan: FakePlan
  /** Words of the attempts before this one. */
  earlier: string
}

/** Errors: Broken, for the first demand that does not hold. */
export async function playSequence(lane: Lane, sequence: Sequence): Promise<void> {
  const { vm } = lane
  const plan = vm.worker.submit(planText(sequence, lane.script), { checks: ['true'] })
  const played = { ...lane, plan, earlier: '' }
  try {
    await playEnding(played, sequence)
  } finally {
    Object.assign(vm.worker, { interceptModel: null, onPush: null })
    await forget(played)
  }
}

async function playEnding(played: Played, { ending }: Sequence): Promise<void> {
  const { vm, plan } = played
  if (ending === 'kill at the push') killAtPush(played)
  if (ending === 'budget') refuseAfterLook(played)
  if (ending === 'cancel' || ending === 'kill the plan' || ending === 'kill the supervisor') {
    await until(
      () => existsSync(join(vm.home(plan), 'at-end')) || ended(plan)(),
      'the end of the steps',
      END_MS,
    )
    if (ending === 'cancel') cancel(played)
    else if (ending === 'kill the plan') killAgent(played)
    else {
      vm.killRalph()
      await vm.ring()
    }
  }
  await untilEnded(played)
  const wanted = { question: 'paused', budget: 'paused', cancel: 'stopped' } as const
  const kind = ending in wanted ? wanted[ending as keyof typeof wanted] : 'completed'
  demandEnd(plan, kind, ending)
  judge(played, kind !== 'stopped')
  if (kind === 'completed') return
  await resume(played, ending)
  await untilEnded(played)
  demandEnd(plan, 'completed', 'resume')
  judge(played, true)
}

/** The reason must be so: nothing but the ending itself stops a plan here. */
function demandEnd(plan: FakePlan, kind: string, after: string): void {
  const end = plan.observed?.end
  if (end?.kind !== kind) throw new Broken(`it is ${kind} after: ${after}`, `it ended ${describeEnd(plan)}`)
  if (end.kind === 'paused' && end.reason !== after)
    throw new Broken('the reason is so', `paused for ${end.reason}, and it was ${after}`)
}

function judge({ vm, base, plan, earlier }: Played, mayPush: boolean): void {
  const bodies = vm.worker.modelBodies.filter((body) => body.includes(plan.desired.id))
  const calls = callsAfterProgress(bodies)
  if (calls > MAX_CALLS)
    throw new Broken('few calls without progress', `${calls} calls followed the last one`)
  demandNothingLost({
    looks: readLooks(join(vm.home(plan), 'looks')),
    ...readMachine(vm, plan, base),
    ...readRemote(vm, plan),
    words: earlier + wordsOf(plan) + wordsToldTo(bodies),
    mayPush,
  })
}

const wordsOf = ({ events, observed }: FakePlan): string =>
  [
    ...events.filter(({ type }) => type !== 'tool' && type !== 'say').map(({ text }) => text),
    JSON.stringify(observed?.end ?? ''),
  ].join('\n')

function readLooks(folder: string): { name: string; look: Look }[] {
  const place = (name: string) =>
    name === 'end' ? Infinity : Number.parseInt(name, 10) + (name.endsWith('-after') ? 0.5 : 0)
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []
  return names
    .toSorted((a, b) => place(a) - place(b))
    .map((name) => ({ name, look: readLook(readFileSync(join(folder, name), 'utf8')) }))
}

/** Looks at the checkout as root, with the same script. */
function readMachine(vm: TestVm, plan: FakePlan, base: string): { left: Look; leftCommits: Set<string> } {
  const [checkout, home] = [vm.checkout(plan), vm.home(plan)]
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
  }
  const folder = join(home, 'looks')
  mkdirSync(folder, { recursive: true })
  spawnSync('sh', ['-c', lookScript(base), 'look', '.left'], { cwd: checkout, env })
  const known = spawnSync('git', ['rev-list', '--all', '--reflog'], {
    cwd: checkout,
    env,
    encoding: 'utf8',
  }).stdout
  return { left: readLook(readText(join(folder, '.left'))), leftCommits: new Set(known.split('\n')) }
}

function readRemote(vm: TestVm, plan: FakePlan): { pushedTags: Set<string>; pushedCommits: Set<string> } {
  const refs = refsOf(vm, plan)
  if (refs.length === 0) return { pushedTags: new Set(), pushedCommits: new Set() }
  const log = vm.git(
    'log',
    '-p',
    '-c',
    '--root',
    '--text',
    '--no-color',
    '--format=commit %H',
    ...refs,
    '--not',
    'main',
    '--',
  )
  const added = log.split('\n').filter((line) => line.startsWith('+'))
  const commits = [...log.matchAll(/^commit ([0-9a-f]{40})$/gm)].map(([, commit = '']) => commit)
  return { pushedTags: new Set(tagsIn(added.join('\n'))), pushedCommits: new Set(commits) }
}

const refsOf = (vm: TestVm, { desired }: FakePlan): string[] =>
  vm
    .git('for-each-ref', '--format=%(refname)', `refs/heads/${desired.branch}`, `refs/agent/${desired.id}`)
    .split('\n')
    .filter((ref) => ref !== '')

const readText = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

async function untilEnded({ vm, plan }: Played): Promise<void> {
  try {
    await until(ended(plan), 'the end', END_MS)
  } catch {
    const log = readText(join(vm.ralph, 'supervisor.log')).slice(-400)
    throw new Broken('the plan ends', `its last events: ${JSON.stringify(plan.events.slice(-3))} ${log}`)
  }
}

function cancel({ vm, plan }: Played): void {
  delete plan.desired.planToken
  plan.desired.want = 'stop'
  vm.worker.touch()
}

/** As plan_resume: the next attempt, with new rights; a question gets its answer. */
async function resume(played: Played, ending: string): Promise<void> {
  const { vm, plan } = played
  played.earlier += wordsOf(plan)
  vm.worker.interceptModel = null
  const [pushed] = refsOf(vm, plan)
  Object.assign(plan.desired, {
    want: 'run',
    attempt: plan.desired.attempt + 1,
    ackedEvent: 0,
    planToken: `aer_plan_${plan.desired.id}.token-${plan.desired.attempt}`,
    ...(pushed?.startsWith('refs/heads/') === true ? { pushedHead: vm.git('rev-parse', pushed) } : {}),
  })
  if (ending === 'question') plan.desired.messages = [{ n: 1, text: 'Go on.' }]
  writeFileSync(join(vm.home(plan), 'go-end'), '')
  plan.observed = null
  plan.events = []
  vm.worker.modelBodies.length = 0
  vm.worker.touch()
}

function killAtPush(played: Played): void {
  let isDone = false
  played.vm.worker.onPush = async () => {
    if (isDone || played.vm.planPids(played.plan).length === 0) return
    isDone = true
    killAgent(played)
  }
}

/** The budget is used up when the steps are done. */
function refuseAfterLook({ vm, plan }: Played): void {
  vm.worker.interceptModel = (_request, response) => {
    if (!existsSync(join(vm.home(plan), 'looks/end'))) return false
    refuse(response, 402, 'budget_exceeded')
    return true
  }
}

/** The plan's user, home, checkout and refs go, as after a merge. */
async function forget({ vm, plan }: Played): Promise<void> {
  const { id } = plan.desired
  Object.assign(plan.desired, { want: 'forget', removeCheckout: true })
  vm.worker.touch()
  if (vm.supervisorPid() === null) await vm.ring()
  await until(
    () => vm.worker.syncs.at(-1)?.plans.some((one) => one.id === id) === false,
    'the plan to be forgotten',
  )
  for (const ref of refsOf(vm, plan)) vm.git('update-ref', '-d', ref)
  vm.worker.plans.delete(id)
  for (const list of [vm.worker.modelBodies, vm.worker.judgeBodies, vm.worker.syncs, vm.worker.pushes])
    list.length = 0
}
