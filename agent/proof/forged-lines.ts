// Finds added lines that manipulate the test run instead of doing the task: they end the process, make every comparison succeed,
// replace the test runner, or detect that a test runs. Pure. An exit counts as harmless when a probe showed that the tests end
// normally.
import type { AddedLine } from '../git/difference.ts'

export interface Suspicion {
  path: string
  line: string
  /** exit: may end a run early and well. forge: has no business in honest work. */
  kind: 'exit' | 'forge'
}

const EXITS: Record<string, RegExp> = {
  js: /\bprocess\s*(?:\.|\[\s*['"])\s*(?:exit\s*['"]?\]?\s*\((?!\s*[1-9])|abort|reallyExit|kill\b)|\bprocess\.exitCode\s*=(?!=)\s*(?:0\b|[^\s\d])|\bprocess\.(?:on|once)\(\s*['"](?:exit|beforeExit|uncaughtException|unhandledRejection)/,
  py: /\bos\._exit\b|\bos\.(?:kill|abort|exec\w+)\s*\(|\bsys\.exit\s*\((?!\s*(?:[1-9]|main\b|["'f]))|\braise\s+SystemExit\b(?!\s*\(\s*[1-9"'])|\batexit\b|(?<![\w.])(?:exit|quit)\s*\(\s*0?\s*\)/,
  go: /\b(?:os|syscall)\.Exit\s*\((?!\s*[1-9])|\bruntime\.Goexit\b|\bsyscall\.Kill\b/,
  rs: /\bprocess::exit\s*\((?!\s*[1-9])|\blibc::_?exit\b/,
}
const FORGES: Record<string, RegExp> = {
  js: /\bNODE_TEST_CONTEXT\b|\bJEST_WORKER_ID\b|\bprocess\.env\.VITEST\b|\bassert(?:\.strict)?(?:\.\w+|\[[^\]]+\])\s*=[^=]|\bglobalThis\.(?:expect|assert|test|it|describe)\s*=|\bexpect\.extend\b|defineProperty\(\s*process\b|\bModule\._(?:load|resolveFilename)|\brequire\.cache\b|from ['"]node:test['"]|from ['"](?:vitest|@jest\/globals|chai)['"]/,
  py: /\bPYTEST_CURRENT_TEST\b|\bsys\.modules\[|\b(?:import|from)\s+(?:pytest|_pytest|unittest)\b(?!\.mock)|\bsys\.settrace\b|\bbuiltins\.\w+\s*=|def __(?:eq|ne)__\b[^\n]*(?:return True|: *True)|\bunittest\.TestCase\.\w+\s*=/,
  go: /^\s*"testing"|^import "testing"|\btesting\.Testing\(\)|flag\.Lookup\("test\./,
  rs: /\bcfg!\(test\)|#\[cfg\(not\(test\)\)\]|\bstd::panic::(?:set_hook|take_hook)/,
}

const languageOf = (path: string): string => {
  const extension = /\.(\w+)$/.exec(path)?.[1] ?? ''
  return /^[cm]?[jt]sx?$/.test(extension) ? 'js' : extension
}

/** Added lines of files that are no tests. Where the plan itself speaks of exits they are believed. */
export function suspect(added: readonly AddedLine[], planText: string): Suspicion[] {
  const speaksOfExit = /\bexit(?:s|ed|ing)?\b|\bstatus code\b|\bsignal\b/i.test(planText)
  return added.flatMap(({ path, text }): Suspicion[] => {
    const language = languageOf(path)
    const found = { path, line: text.trim().slice(0, 160) }
    if (FORGES[language]?.test(text) === true) return [{ ...found, kind: 'forge' }]
    return EXITS[language]?.test(text) === true && !speaksOfExit ? [{ ...found, kind: 'exit' }] : []
  })
}
