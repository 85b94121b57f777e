// What happens to the ground a plan stands on: its disk, its checkout, its base, its neighbour, the clock.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVm, ended, until } from '../real/support/vm.ts'
import type { TestVm } from '../real/support/vm.ts'
import {
  command,
  demand,
  demandSound,
  describeEnd,
  head,
  killAgent,
  onBench,
  ranLog,
  sh,
  stands,
  THREE_STEPS,
  waits,
} from './bench.ts'
import type { Bench, BenchInput, Fault } from './bench.ts'

const fault = (name: string, input: BenchInput): Fault => ({
  group: 'the ground',
  name,
  run: () => onBench(input),
})
const DELETES = `Delete\n\n${sh(command(1))}${sh('cd ~; rm -rf "$OLDPWD" 2>/dev/null; find "$OLDPWD" -mindepth 1 -delete; echo gone')}`
const HALTS = `Halt\n\n${sh(command(1, waits('tool')))}${sh(command(3))}`

export const GROUND_FAULTS: Fault[] = [
  {
    ...fault('the disk is full while a command writes, and has room again after it', {
      text: `Full\n\n${sh(command(1))}${sh('head -c 400M /dev/zero > big.bin; echo "exit $?"')}${sh('rm -f big.bin')}${sh(command(3))}`,
      before: smallDisk,
      cleanUp: ({ vm }) => unmount(vm),
    }),
    missing: canMount,
  },
  {
    ...fault('the disk is full and stays full', {
      text: `Full\n\n${sh(command(1))}${sh('head -c 400M /dev/zero > ~/big.bin; echo "exit $?"')}${sh(command(3))}`,
      before: smallDisk,
      ends: 'any',
      pushed: [],
      cleanUp: ({ vm }) => unmount(vm),
      after: ({ plan }) => {
        const end = plan.observed?.end
        const text = JSON.stringify([end, plan.events])
        demand(/space|disk|ENOSPC/i.test(text), `nothing names the disk: ${text.slice(-600)}`)
      },
    }),
    missing: canMount,
  },
  fault('the model deletes its own checkout after a commit', {
    text: DELETES,
    ends: 'any',
    desired: { checks: [] },
    pushed: [],
    after: demandDefined,
  }),
  fault('the checkout is gone when the agent comes back', {
    text: HALTS,
    desired: { checks: ['test -f file-3.txt'] },
    ends: 'any',
    pushed: [],
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      rmSync(join(bench.vm.checkout(bench.plan), '.git'), { recursive: true, force: true })
      killAgent(bench)
    },
    after: demandDefined,
  }),
  fault('the base moves on without a conflict', {
    text: HALTS,
    desired: { checks: ['test -f file-3.txt'] },
    during: (bench) => moveBase(bench, 'other.txt'),
    after: (bench) => demandBase(bench, ['other.txt', 'file-3.txt']),
  }),
  fault('the base moves on with a conflict', {
    text: HALTS,
    desired: { checks: ['test -f file-3.txt'] },
    during: (bench) => moveBase(bench, 'file-1.txt'),
    after: (bench) => {
      const text = bench.vm.git('show', `${head(bench) ?? ''}:file-1.txt`)
      demand(!text.includes('<<<<'), 'conflict marks were committed')
      demand(bench.vm.git('show', 'main:file-1.txt') === 'theirs', 'the base was changed')
    },
  }),
  fault('the base branch vanishes', {
    text: HALTS,
    desired: { checks: ['test -f file-3.txt'] },
    before: ({ vm }) => void vm.git('update-ref', 'refs/heads/keep', 'main'),
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      bench.vm.git('update-ref', '-d', 'refs/heads/main')
      letGo(bench, 'tool')
    },
    after: ({ vm }) => {
      vm.git('update-ref', 'refs/heads/main', 'refs/heads/keep')
      vm.git('update-ref', '-d', 'refs/heads/keep')
    },
  }),
  {
    group: 'the ground',
    name: 'two plans in one repository, on the same file, at once',
    async run() {
      await using vm = await createVm()
      const plans = ['left', 'right'].map((side) =>
        vm.worker.submit(
          `${side}\n\n${sh(`${command(1, waits('tool'))}\necho ${side} >> README.md`)}${sh(command(3))}`,
          {
            checks: ['test -f file-3.txt'],
          },
        ),
      )
      await vm.ring()
      for (const plan of plans) await until(stands({ vm, plan }, 'tool'), 'both at work', 300_000)
      for (const plan of plans) letGo({ vm, plan }, 'tool')
      for (const plan of plans) await until(ended(plan), 'the end of both', 300_000)
      for (const [at, plan] of plans.entries()) {
        await demandSound({ vm, plan })
        const text = vm.git('show', `${plan.desired.branch}:README.md`)
        demand(
          text.endsWith(at === 0 ? 'left' : 'right') && text.split('\n').length === 2,
          `mixed up: ${text}`,
        )
      }
    },
  },
  ...[-3_600_000, 86_400_000].map((ms) =>
    fault(`the supervisor's clock jumps by ${ms / 3_600_000} h while a command runs`, {
      ...clockJump(ms),
      text: `Clock\n\n${sh(command(1, waits('tool')))}${sh(command(3))}`,
      desired: { checks: ['test -f file-3.txt'] },
    }),
  ),
  fault('the remote is unreachable while the branch is pushed, then comes back', {
    text: THREE_STEPS,
    before: ({ vm, plan }) => {
      const [token, tries] = [plan.desired.planToken, { n: 0 }]
      vm.worker.interceptGit = (path, response) => {
        if (!path.includes('git-receive-pack') || token === undefined || tries.n++ > 2) return false
        response.writeHead(503).end()
        return true
      }
    },
    pushed: [1, 2, 3],
  }),
]

/** Defined: completed with what there is, or paused or failed with a reason; never hanging, never crashing for ever. */
function demandDefined(bench: Bench): void {
  const end = bench.plan.observed?.end
  demand(end !== undefined, 'it did not end')
  const wasPushed = head(bench) !== null
  demand(
    wasPushed || end?.kind !== 'completed' || ranLog(bench).length > 0,
    `it ended ${describeEnd(bench.plan)}`,
  )
}

function letGo({ vm, plan }: Bench, gate: string): void {
  writeFileSync(join(vm.home(plan), `go-${gate}`), '')
}

async function moveBase(bench: Bench, file: string): Promise<void> {
  const { vm } = bench
  await until(stands(bench, 'tool'), 'the command')
  const work = join(vm.folder, 'upstream-work')
  writeFileSync(join(work, file), 'theirs\n')
  const git = (...args: string[]) => vm.git('-C', work, ...args)
  git('add', '--all')
  git('commit', '--quiet', '-m', 'Theirs')
  git('push', '--quiet', join(vm.folder, 'upstream.git'), 'main')
  letGo(bench, 'tool')
}

function demandBase(bench: Bench, files: string[]): void {
  const branch = head(bench) ?? ''
  const there = bench.vm.git('ls-tree', '--name-only', branch).split('\n')
  const missing = files.filter((file) => !there.includes(file))
  demand(missing.length === 0, `not on the branch: ${missing.join(', ')}`)
  demand(bench.vm.git('rev-list', '--merges', '--count', branch) === '0', 'the branch has a merge commit')
}

/** 320 MB for homes and as much for checkouts: more than the preflight demands, little enough to fill. */
function smallDisk({ vm }: Bench): void {
  for (const folder of ['home', 'srv']) {
    mkdirSync(join(vm.folder, folder), { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=320m,mode=755', 'tmpfs', join(vm.folder, folder)])
  }
}

function unmount(vm: TestVm): void {
  for (const folder of ['home', 'srv']) spawnSync('umount', ['--lazy', join(vm.folder, folder)])
}

function canMount(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'mount-'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  if (status === 0) spawnSync('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
  return status === 0 ? null : 'file systems cannot be mounted here'
}

/** Date.now of the supervisor, moved by what a file says; the plan's process has an environment of its own and keeps the true one. */
function clockJump(ms: number): Omit<BenchInput, 'text'> {
  const folder = mkdtempSync(join(tmpdir(), 'clock-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const [module, offset] = [join(folder, 'clock.mjs'), join(folder, 'offset')]
  writeFileSync(offset, '0')
  writeFileSync(
    module,
    `import { readFileSync } from 'node:fs'\nconst now = Date.now.bind(Date)\nDate.now = () => now() + Number(readFileSync(${JSON.stringify(offset)}, 'utf8'))\n`,
  )
  return {
    vm: { env: { NODE_OPTIONS: `--import=${module}` } },
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      writeFileSync(offset, String(ms))
      letGo(bench, 'tool')
    },
    after: () => demand(readFileSync(offset, 'utf8') === String(ms), 'the clock did not jump'),
  }
}
