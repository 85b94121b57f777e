// The projects a mutant meets, as in vitest.config.ts of the project, each with the set-up file that makes one mutant active.
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { Job } from '../chaos/job.ts'
import { workerTestOptions } from '../worker/setup/options.ts'

const SELECT = 'test/mutation/select.ts'
const BATCH = 'test/mutation/batch.ts'
const MIGRATIONS = 'test/worker/setup/apply-migrations.ts'
const inWorkerd = () => [cloudflareTest(async () => workerTestOptions(await readD1Migrations('migrations')))]
const provide = { mutant: 0, batch: { file: '', mutants: [] } }
const shared = { provide, testTimeout: 20_000 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          environment: 'node',
          include: ['test/unit/**/*.test.ts'],
          setupFiles: [SELECT, 'test/mutation/steady.ts'],
        },
      },
      {
        plugins: inWorkerd(),
        test: {
          ...shared,
          name: 'worker',
          include: ['test/worker/**/*.test.ts', BATCH],
          setupFiles: [SELECT, MIGRATIONS],
        },
      },
      {
        plugins: inWorkerd(),
        test: {
          ...shared,
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          setupFiles: [SELECT, MIGRATIONS],
          provide: { ...provide, chaos: Job.parse({ runs: 16, shrink: false }) },
        },
      },
    ],
  },
})
