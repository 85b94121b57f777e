// SIGKILL: at every boundary of the journal, in the middle of what has none, and of the supervisor.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine, createVm, ended, pids, until } from '../real/support/vm.ts'
import {
  command,
  demand,
  killAgent,
  onBench,
  sh,
  stands,
  standsInProof,
  THREE_CHECKS,
  THREE_STEPS,
  waits,
  waitsOnce,
} from './bench.ts'
import type { Bench, BenchInput, Fault } from './bench.ts'

/** Runs the plan once undisturbed to learn its records, then makes two faults of each: before it is written and after. */
export async function killsAtEveryRecord(): Promise<Fault[]> {
  const kinds = await recordKinds()
  return kinds.flatMap((kind, at) =>
    (['before', 'after'] as const).map((side) => ({
      group: 'SIGKILL at every boundary of the journal',
      name: `${side} record ${at + 1} of ${kinds.length}: ${kind}`,
      run: () =>
        onBench({
          text: THREE_STEPS,
          vm: { env: { RALPH_FAILPOINT: `${side}:${at + 1}` } },
          after: ({ vm, plan }) => {
            const journal = readFileSync(join(vm.home(plan), '.ralph/journal.jsonl'), 'utf8')
            demand(journal.split('{"kind":"opened"').length > 2, 'it was never killed')
          },
        }),
    })),
  )
}

async function recordKinds(): Promise<string[]> {
  await using vm = await createVm()
  const plan = vm.worker.submit(THREE_STEPS, { checks: THREE_CHECKS })
  await vm.ring()
  await until(ended(plan), 'the end of the undisturbed plan', 600_000)
  return readFileSync(join(vm.home(plan), '.ralph/journal.jsonl'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const kind = /^\{"kind":"(\w+)"/.exec(line)?.[1]
      return kind === undefined || kind === 'opened' ? [] : [kind]
    })
}

const kill = (name: string, input: BenchInput): Fault => ({
  group: 'SIGKILL in the middle',
  name,
  run: () => onBench(input),
})

const once = (act: () => void): (() => void) => {
  let isDone = false
  return () => {
    if (!isDone) act()
    isDone = true
  }
}

const WITH_LEFTOVERS = `Leftovers\n\n${sh(command(1))}${sh('echo ran 3 >> ~/ran.log; echo 3 > file-3.txt')}`

export const KILLS: Fault[] = [
  ...[1, 2, 3].map((nth) =>
    kill(`while request ${nth} is on its way`, {
      text: THREE_STEPS,
      before: (bench) => {
        const act = once(() => killAgent(bench))
        bench.vm.worker.interceptModel = () => {
          if (bench.vm.worker.modelBodies.length === nth) act()
          return false
        }
      },
    }),
  ),
  kill('while a command runs', {
    text: `Wait\n\n${sh(command(1, waits('tool')))}${sh(command(3))}`,
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      killAgent(bench)
    },
    pushed: [3],
    desired: { checks: ['test -f file-3.txt'] },
  }),
  kill('between two calls of one command line, the supervisor as well', {
    text: `Wait\n\n${sh(command(1, waits('tool')))}${sh(command(3))}`,
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      await killSupervisor(bench)
    },
    pushed: [3],
    desired: { checks: ['test -f file-3.txt'] },
  }),
  kill("in the middle of the harness's own commit", withGit('commit', { text: WITH_LEFTOVERS })),
  kill("in the middle of the harness's git add", withGit('add --all', { text: WITH_LEFTOVERS })),
  kill('when a push has reached the server and nothing is written yet', {
    text: THREE_STEPS,
    before: (bench) => {
      const act = once(() => killAgent(bench))
      bench.vm.worker.onPush = async () => act()
    },
  }),
  kill('when a push is through and its answer is not', {
    text: THREE_STEPS,
    before: (bench) => {
      bench.vm.worker.onPush = async () =>
        once(() => bench.vm.planPids(bench.plan).length > 0 && killAgent(bench))
    },
  }),
  kill('while the proof runs', {
    text: THREE_STEPS,
    desired: { checks: [waitsOnce('proof')] },
    during: async (bench) => {
      await until(standsInProof(bench, 'proof'), 'the proof', 300_000)
      killAgent(bench)
    },
  }),
  kill('while the proof runs, the supervisor', {
    text: THREE_STEPS,
    desired: { checks: [waitsOnce('proof')] },
    during: async (bench) => {
      await until(standsInProof(bench, 'proof'), 'the proof', 300_000)
      await killSupervisor(bench)
    },
  }),
  kill('while the proof runs, the prover', {
    text: THREE_STEPS,
    desired: { checks: [waitsOnce('proof')] },
    during: async (bench) => {
      await until(standsInProof(bench, 'proof'), 'the proof', 300_000)
      const prover = pids().find((pid) => commandLine(pid).includes(`${bench.vm.folder}/opt/ralph.mjs prove`))
      demand(prover !== undefined, 'there is no prover')
      process.kill(prover ?? 0, 'SIGKILL')
    },
  }),
  kill('while the judge reads', {
    text: THREE_STEPS,
    before: (bench) => {
      const act = once(() => bench.vm.planPids(bench.plan).length > 0 && killAgent(bench))
      bench.vm.worker.interceptModel = (_request, _response, body) => {
        if (body.includes('"format"')) act()
        return false
      }
    },
  }),
  kill('the supervisor, while a push is on its way', {
    text: THREE_STEPS,
    before: (bench) => {
      let isDone = false
      bench.vm.worker.onPush = async () => {
        if (isDone) return
        isDone = true
        await killSupervisor(bench)
      }
    },
  }),
  kill('five times, at each command', {
    text: `Five\n\n${[1, 2, 3, 4, 5].map((n) => sh(command(n, waits(`tool-${n}`)))).join('')}${sh(command(6))}`,
    desired: { checks: ['test -f file-6.txt'] },
    during: async (bench) => {
      for (const n of [1, 2, 3, 4, 5]) {
        await until(stands(bench, `tool-${n}`), `command ${n}`, 300_000)
        killAgent(bench)
      }
    },
    pushed: [6],
  }),
  kill('with a lock of git left behind', {
    text: `Lock\n\n${sh(`touch .git/index.lock\n${waits('tool')}`)}${sh(command(3))}`,
    desired: { checks: ['test -f file-3.txt'] },
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the command')
      killAgent(bench)
    },
  }),
  kill("in the middle of the model's own rebase", {
    text: `Rebase\n\n${sh(command(1))}${sh(command(2))}${sh(`GIT_SEQUENCE_EDITOR="sed -i 1s/pick/edit/" git rebase --quiet -i HEAD~2\n${waits('tool')}`)}${sh('git rebase --continue')}${sh(command(3))}`,
    during: async (bench) => {
      await until(stands(bench, 'tool'), 'the rebase')
      killAgent(bench)
    },
  }),
]

async function killSupervisor({ vm, plan }: Bench): Promise<void> {
  vm.killRalph()
  await until(() => vm.planPids(plan).length === 0, 'the end of the orphan')
  await vm.ring()
}

/** A git that, called by the agent for this, leaves a lock, ends the agent and itself; once. */
function withGit(words: string, input: BenchInput): BenchInput {
  const folder = mkdtempSync(join(tmpdir(), 'git-shim-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const script = `#!/bin/bash\nif [ -n "$RALPH_PLAN" ] && [[ " $* " == *" ${words} "* ]] && tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q run-plan && mkdir "$HOME/killed" 2>/dev/null; then : > .git/index.lock; kill -KILL $PPID; exit 1; fi\nexec /usr/bin/git "$@"\n`
  writeFileSync(join(folder, 'git'), script, { mode: 0o755 })
  return {
    ...input,
    vm: { env: { PATH: `${folder}:${process.env['PATH']}` } },
    after: ({ vm, plan }) => {
      const journal = readFileSync(join(vm.home(plan), '.ralph/journal.jsonl'), 'utf8')
      demand(journal.split('{"kind":"opened"').length > 2, 'it was never killed')
    },
  }
}
