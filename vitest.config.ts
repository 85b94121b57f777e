// The projects of the tests. `npm test` runs the fast ones (test/run.ts says which), `npm run test:all` all of them.
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { Job } from './test/chaos/job.ts'
import { LongestFirst } from './test/sequencer.ts'
import { workerTestOptions } from './test/worker/setup/options.ts'

const inWorkerd = () => [cloudflareTest(async () => workerTestOptions(await readD1Migrations('migrations')))]
const setupFiles = ['test/worker/setup/apply-migrations.ts']
/** Most files wait for processes of their own most of the time. */
const maxWorkers = 3
const fast = { maxWorkers, sequence: { groupOrder: 0 } }
/** After all of the fast ones. */
const slow = { maxWorkers, sequence: { groupOrder: 1 } }
const MAIN_JOB = 'test/e2e/main-job.test.ts'
/** Each test here starts a supervisor, a plan's process, a gateway or a computer: minutes, where the rest of test/real takes seconds. */
const MACHINES = [
  'test/real/agent/{attempt,loop,sandbox,supervisor,users}/**/*.test.ts',
  'test/real/agent/{checks/bad-input-checks,machine/secrets,proof/proof-crash}.test.ts',
  'test/real/{bootstrap,gateway}/**/*.test.ts',
  'test/real/world/orgo-*.test.ts',
]
/** Real processes of the agent and the outside, each with a time limit that only a hanging test reaches. */
const onProcesses = { environment: 'node', testTimeout: 600_000, hookTimeout: 600_000 } as const
/** Several waits of untilPlan, each of which says what it saw when it gives up. */
const wholeStack = { environment: 'node', testTimeout: 900_000, hookTimeout: 600_000 } as const

export default defineConfig({
  test: {
    reporters: ['./test/reporter.ts'],
    // Only the output of failed tests is shown.
    silent: 'passed-only',
    maxWorkers,
    // A poll ends when its condition holds; only a busy machine needs so long.
    expect: { poll: { timeout: 120_000 } },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...fast,
          name: 'unit',
          environment: 'node',
          isolate: false,
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        plugins: inWorkerd(),
        test: {
          ...fast,
          name: 'worker',
          // One workerd for many files, each with empty storage (setupFiles): one for each file costs twice the processor time.
          isolate: false,
          include: ['test/worker/**/*.test.ts'],
          setupFiles,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...fast,
          ...onProcesses,
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          exclude: MACHINES,
        },
      },
      {
        test: {
          ...fast,
          ...wholeStack,
          name: 'main-job',
          include: [MAIN_JOB],
        },
      },
      {
        test: {
          ...slow,
          ...onProcesses,
          name: 'machines',
          include: MACHINES,
        },
      },
      {
        test: {
          ...slow,
          ...wholeStack,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [MAIN_JOB],
        },
      },
      {
        test: {
          ...slow,
          ...wholeStack,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
        },
      },
      {
        plugins: inWorkerd(),
        test: {
          ...slow,
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          setupFiles,
          provide: { chaos: Job.parse(JSON.parse(process.env['CHAOS_JOB'] ?? '{}')) },
        },
      },
      {
        test: {
          ...slow,
          ...onProcesses,
          name: 'samples',
          include: ['test/samples/**/*.test.ts'],
        },
      },
      {
        test: {
          ...slow,
          ...wholeStack,
          name: 'clients',
          include: ['test/clients/**/*.test.ts'],
        },
      },
    ],
  },
})
