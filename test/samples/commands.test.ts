// Every command the documents name is started by some test. Those that have no test of their own are run here, as small as they go;
// those that do are listed with it, and the list is held against the documents.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { hasRoot } from '../real/support/vm.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')))

/** The arguments for the smallest run, how it ends, and a word of its last lines. */
const RUN_HERE: [name: string, args: string[], code: number, says: RegExp][] = [
  ['bench', ['nothing'], 2, /There is no bench nothing\. There are: .*gateway/],
  ['chaos', ['--runs', '2', '--lanes', '1'], 0, /2 runs/],
  ['docs', ['nothing'], 2, /There is no part nothing\. There are: demo, deploy/],
  ['exercises', ['--only', 'shell-sums', '--faults'], 0, /shell-sums: sound/],
  ['interruptions', ['--each', '0'], 0, /0 interruptions, 0 things left behind/],
  ['fuzz:git', ['--cases', '40', '--no-mutants'], 0, /40 pushes in/],
  ['kills', ['--worker', '1', '--vm', '1', '--lanes', '1'], 0, /0 problems/],
  ['mutation', ['--only', 'pkt-line', '--projects', 'unit', '--sample', '15', '--lanes', '1'], 0, /caught/],
  ['test:live', [], 2, /npm run test:live needs:/],
  ...(hasRoot
    ? [['faults', ['--only', 'no such fault'], 0, /all: /] as [string, string[], number, RegExp]]
    : []),
]
/** Where the others run: the file must start what the script starts. */
const RUN_ELSEWHERE: Record<string, string> = {
  // Other scripts run it first.
  build: 'package.json',
  check: '.ci/run',
  clients: '.ci/run',
  conformance: 'test/samples/conformance.test.ts',
  credentials: 'test/e2e/destroy.test.ts',
  demo: 'test/e2e/demo.test.ts',
  deploy: 'test/e2e/deploy.test.ts',
  destroy: 'test/e2e/destroy.test.ts',
  dev: 'test/e2e/dev.test.ts',
  doctor: 'test/e2e/doctor.test.ts',
  faults: 'test/samples/faults.test.ts',
  repositories: 'test/samples/repositories.test.ts',
  'test:all': '.ci/run',
  'plan-diff': 'test/samples/plan-diff.test.ts',
  // `npm run check` runs both with --check.
  format: '.ci/run',
  types: '.ci/run',
}

it.each(RUN_HERE)('npm run %s does what it says', async (name, args, code, says) => {
  const ended = await new Promise<{ code: number; output: string }>((resolve) => {
    execFile(
      'npm',
      ['run', '--silent', name, '--', ...args],
      {
        cwd: ROOT,
        timeout: 550_000,
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: tmpdir() },
      },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          output: stdout + stderr,
        }),
    )
  })
  expect(ended.output).toMatch(says)
  expect(ended.code).toBe(code)
})

it('every npm script a document names is run by a test', () => {
  const documents = ['README.md', 'AGENTS.md', 'CHANGELOG.md']
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  documents.push(...inDocs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`))
  const named = documents.flatMap((name) =>
    [...read(name).matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, script]) => script ?? ''),
  )
  const run = new Set([...RUN_HERE.map(([name]) => name), ...Object.keys(RUN_ELSEWHERE)])
  expect([...new Set(named)].filter((name) => !run.has(name))).toEqual([])
})

it.each(Object.entries(RUN_ELSEWHERE))('npm run %s is run by %s', (name, file) => {
  const text = read(file)
  const program = /node (\S+\.ts)/.exec(scripts[name] ?? '')?.[1]
  const isCheck =
    file === '.ci/run' && (scripts['check'] ?? '').includes((scripts[name] ?? '').split(' ')[0] ?? '')
  expect(
    isCheck ||
      text.includes(`npm run ${name}`) ||
      text.includes(`npm run --silent ${name}`) ||
      (program !== undefined && text.includes(program)) ||
      (scripts[name] ?? '').includes(file) ||
      // The parts of the same program.
      (program !== undefined && new RegExp(`from '\\.\\./${program.split('/')[1] ?? ''}/`).test(text)),
  ).toBe(true)
})
