// Asks the runner of a check to name its tests. The environment is used wherever it reaches the runner, so that the command and its
// output stay what people know. Asking must not make a green check red: the caller runs a red one again with the command as it was.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quote } from '../checks/detect-shapes.ts'
import { withoutControls } from '../machine/output.ts'
import { IS_CUT } from '../machine/shell.ts'
import { appendArguments, askedNothing } from './append-arguments.ts'
import type { Asked, Scripts } from './append-arguments.ts'
import { readGoJson, renderGoJson } from './go-json.ts'
import { nodeHook } from './node-hook.ts'
import { parseTap } from './parse-tap.ts'
import { parseText } from './parse-text.ts'
import { pythonHook } from './python-hook.ts'
import { readBounded, readJestJson, readJunitReport, readReports } from './read-reports.ts'
import type { ToldResult } from './read-reports.ts'
import { ResultCollector } from './test-results.ts'
import type { Telling, TestResults } from './test-results.ts'

export interface AskContext {
  /** An empty folder that the check's user can write to and others cannot. Every run needs one of its own. */
  reportFolder: string
  /** Where the check's checkout lies, so that two checkouts name a test alike. */
  checkout: string
  /** The environment of the check, to whose variables ours are added. */
  env: Readonly<Record<string, string | undefined>>
  /** Scripts of the base's package.json that the check's command reads. */
  scripts?: Scripts
}

const HOOKS = 'ask'
const PYTEST_REPORT = 'pytest.xml'
/** pytest's closing line: `=== 3 passed, 1 skipped in 0.10s ===`, or without the signs when it is quiet. */
const PYTEST_END =
  /^(?:=+ )?(?:\d+ [a-z]+|no tests ran)(?:, \d+ [a-z]+)* in \d[\d.]*s(?: \([\d:]+\))?(?: =+)?$/gm

/**
 * Returns how to run the check so that its tests are named. Writes the files that listen into the report folder; if they cannot be
 * written, the check runs as it is and only its output is read.
 */
export function askByName({ command }: { command: string }, context: AskContext): Telling {
  const { reportFolder, checkout, env, scripts = {} } = context
  const read = (asked: Asked) => (output: string) => readAll(asked, context, withoutControls(output))
  try {
    writeHooks(reportFolder, checkout)
  } catch {
    return { command, env: {}, read: read(askedNothing(command)), show: (output) => output }
  }
  const asked = appendArguments(command, scripts, (name) => quote(join(reportFolder, name)))
  const added = (name: string, text: string, gap: string, isFirst: boolean): string => {
    const before = env[name] ?? ''
    if (before === '') return text
    return isFirst ? `${text}${gap}${before}` : `${before}${gap}${text}`
  }
  const hooks = join(reportFolder, HOOKS)
  return {
    command: asked.command,
    env: {
      NODE_OPTIONS: added('NODE_OPTIONS', `--require=${forNode(join(hooks, 'listen.cjs'))}`, ' ', false),
      PYTHONPATH: added('PYTHONPATH', hooks, ':', true),
      PYTEST_ADDOPTS: added(
        'PYTEST_ADDOPTS',
        `--junitxml=${quote(join(reportFolder, PYTEST_REPORT))} -o junit_family=xunit1`,
        ' ',
        false,
      ),
    },
    read: read(asked),
    show: (output) => {
      const text = asked.goJson === null ? output : renderGoJson(output, asked.goJson.isVerbose)
      return withoutOurs(text, asked, reportFolder)
    },
  }
}

function writeHooks(reportFolder: string, checkout: string): void {
  const hooks = { 'listen.cjs': nodeHook(reportFolder), ...pythonHook(reportFolder, checkout) }
  mkdirSync(join(reportFolder, HOOKS), { mode: 0o755 })
  for (const [name, text] of Object.entries(hooks)) {
    const file = join(reportFolder, HOOKS, name)
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    // The flag fails where a file or link is there already.
    writeFileSync(file, text, { flag: 'wx', mode: 0o644 })
  }
}

function readAll(asked: Asked, { reportFolder, checkout }: AskContext, output: string): TestResults | null {
  const told = readReports(reportFolder)
  const asking = askedReport(asked, reportFolder)
  const pytest = told === null ? null : pytestReport(told, reportFolder, output)
  if (told === null || asking === null || pytest === null) return null
  const isTold = new Set(told.map(({ runner }) => runner))
  const text = parseText(output)
  const printed = [
    ...(asked.goJson === null ? [] : readGoJson(output)),
    ...(isTold.has('unittest') ? [] : text.unittest),
    ...text.others,
    ...(parseTap(output) ?? []),
  ]
  // The part that was not kept names tests too.
  if (printed.length > 0 && IS_CUT.test(output)) return null
  const collector = new ResultCollector(checkout)
  for (const { path, state } of [
    ...told,
    ...asking.filter(({ runner }) => !isTold.has(runner)),
    ...pytest,
    ...printed,
  ])
    collector.add(path, state)
  return collector.results()
}

/** Returns what the report holds that arguments asked for: nothing when it was not written, null when it is malformed. */
function askedReport({ report }: Asked, reportFolder: string): ToldResult[] | null {
  if (report === null) return []
  const text = readBounded(join(reportFolder, report.file))
  if (text === null) return []
  return report.form === 'junit' ? readJunitReport(text) : readJestJson(text, report.form)
}

/**
 * Returns the tests of pytest's own report, where our plugin was not found. Of several runs the report holds the last alone, so
 * then it is left out.
 */
function pytestReport(
  told: readonly ToldResult[],
  reportFolder: string,
  output: string,
): ToldResult[] | null {
  if (told.some(({ runner }) => runner === 'pytest') || [...output.matchAll(PYTEST_END)].length > 1) return []
  const text = readBounded(join(reportFolder, PYTEST_REPORT))
  return text === null ? [] : readJunitReport(text)
}

/** Node reads the variable's words with double quotes around a name with spaces. */
const forNode = (file: string): string => (/[\s"\\]/.test(file) ? JSON.stringify(file) : file)

const WROTE = /generated xml file|JSON report written to|^Test results written to|^Generating .*JUnit/

/** Removes our arguments where a package manager repeats its command, and the lines in which a runner says where it wrote our report. */
function withoutOurs(output: string, { added, report }: Asked, reportFolder: string): string {
  const text = added === '' ? output : output.replaceAll(` ${added}`, '')
  const names = [`${reportFolder}/`, ...(report === null ? [] : [`/${report.file}`])]
  if (!names.some((name) => text.includes(name))) return text
  return text
    .split('\n')
    .filter((line) => !WROTE.test(line) || !names.some((name) => line.includes(name)))
    .join('\n')
}
