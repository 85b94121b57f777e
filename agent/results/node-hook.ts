// The text of a file that every Node process of a check loads first (NODE_OPTIONS=--require). It listens to node:test, mocha and
// jest and asks vitest for a report. It changes no output and swallows its own errors, so that it cannot make a check fail.

/** Set in a process that runs tests. The runs that its tests start in turn are not theirs to tell about. */
export const TAKEN = 'RALPH_RESULTS_TAKEN'
/** The Node processes above this one, each followed by a plus. node:test is heard only after its first tests have started others. */
export const ABOVE = 'RALPH_RESULTS_ABOVE'

/**
 * Each process writes a file of its own into `folder`: lines of JSON, `[runner, state, [file, describe, test]]`. The file's name
 * holds the processes above, the time at which the process began, and its id.
 */
export const nodeHook = (folder: string): string =>
  HOOK.replace('"FOLDER"', () => JSON.stringify(folder))
    .replaceAll('TAKEN_NAME', TAKEN)
    .replaceAll('ABOVE_NAME', ABOVE)

const HOOK = String.raw`'use strict'
try {
  const threads = require('worker_threads')
  const script = String(process.argv[1] || '').replace(/\\/g, '/')
  const isManager = /\/(npm|npx|pnpm|yarn|corepack)([-.\w]*)\/.*\/?(npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)[-\w]*(\.[cm]?js)?$/.test(script)
  if (threads.isMainThread && !isManager && !process.env.TAKEN_NAME && !process.env.NODE_TEST_CONTEXT) listen(script)
} catch {}

function listen(script) {
  const fs = require('fs')
  const path = require('path')
  const Module = require('module')
  const own = (process.env.ABOVE_NAME || '') + Date.now() + '-' + process.pid
  if (own.length > 200) return
  process.env.ABOVE_NAME = own + '+'
  const stamp = path.join("FOLDER", own)
  const append = fs.appendFileSync
  let lines = 0

  function take() { process.env.TAKEN_NAME = 'node:' + process.pid }
  function tell(runner, state, names) {
    try {
      if (lines++ > 25000) return
      append(stamp + '.jsonl', JSON.stringify([runner, state, names.map(String)]) + '\n')
    } catch {}
  }

  if (/\/vitest\/vitest\.mjs$|\/\.bin\/vitest$/.test(script)) askVitest()
  else {
    if (process.execArgv.includes('--test')) take()
    hearNodeTest()
    if (script.includes('/node_modules/')) hearModules()
  }

  function askVitest() {
    take()
    const words = process.argv.slice(2)
    const isOther = /^(bench|list|init|typecheck|complete)$/.test(words[0] || '') ||
      words.some((word) => /^(--outputFile|--version|-v$|--help|-h$|--merge|--list|--clearCache)/i.test(word))
    if (isOther) return
    const asked = ['--reporter=json', '--outputFile.json=' + stamp + '.json']
    if (!words.some((word) => /^--reporters?(=|$)/.test(word))) asked.unshift('--reporter=default')
    const end = process.argv.indexOf('--')
    process.argv.splice(end < 0 ? process.argv.length : end, 0, ...asked)
  }

  // The spec reporter's class is the one that the runner uses. Older versions print TAP, which is read from the output.
  function hearNodeTest() {
    let spec
    try { spec = Object.getPrototypeOf(new (require('node:test/reporters').spec)()) } catch { return }
    const transform = spec && spec._transform
    if (typeof transform !== 'function') return
    const stack = []
    spec._transform = function (event) {
      try { hear(event.type, event.data) } catch {}
      return transform.apply(this, arguments)
    }
    function hear(type, data) {
      if (!process.env.TAKEN_NAME) take()
      if (process.env.TAKEN_NAME !== 'node:' + process.pid) return
      if (type === 'test:start') {
        stack.length = data.nesting
        stack.push({ name: data.name, children: 0 })
      }
      if (type !== 'test:pass' && type !== 'test:fail') return
      const self = stack[data.nesting]
      const parent = stack[data.nesting - 1]
      if (parent) parent.children++
      if (data.details && data.details.type === 'suite') return
      const file = data.file ? String(data.file).replace(/^file:\/\//, '') : ''
      const isFile = data.nesting === 0 && file !== '' && path.resolve(String(data.name)) === path.resolve(file)
      // A file that reports tests is no test itself.
      if (isFile && self && self.children > 0) return
      const isOff = (mark) => mark !== undefined && mark !== false
      const state = isOff(data.skip) || isOff(data.todo) ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed'
      const above = stack.slice(0, data.nesting).map((one) => one.name)
      tell('node', state, isFile ? [file] : [file, ...above, data.name])
    }
  }

  function hearModules() {
    const load = Module._load
    let core
    Module._load = function (request, parent) {
      const loaded = load.apply(this, arguments)
      try {
        if (request === '@jest/core') return (core = core || withJest(loaded))
        if (/(^|\/)runner(\.js)?$/.test(request) && /[\\/]mocha[\\/]lib[\\/]/.test(parent.filename)) hearMocha(loaded)
      } catch {}
      return loaded
    }
  }

  function hearMocha(Runner) {
    if (typeof Runner !== 'function' || Object.hasOwnProperty.call(Runner.prototype, 'emit')) return
    const emit = Runner.prototype.emit
    const seen = new WeakSet()
    Runner.prototype.emit = function (event, test) {
      try {
        if (event === 'start') take()
        const state = { pass: 'passed', fail: 'failed', pending: 'skipped' }[event]
        if (state && process.env.TAKEN_NAME === 'node:' + process.pid && !seen.has(test)) {
          seen.add(test)
          tell('mocha', state, [test.file || (test.parent && test.parent.file) || '', ...test.titlePath()])
        }
      } catch {}
      return emit.apply(this, arguments)
    }
  }

  function withJest(core) {
    if (typeof core.runCLI !== 'function') return core
    return Object.create(core, { runCLI: { enumerable: true, value: async function () {
      take()
      const answer = await core.runCLI.apply(core, arguments)
      try {
        for (const file of answer.results.testResults) {
          if (file.testExecError) tell('jest', 'failed', [file.testFilePath])
          for (const test of file.testResults)
            tell('jest', test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped',
              [file.testFilePath, ...test.ancestorTitles, test.title])
        }
      } catch {}
      return answer
    } } })
  }
}
`
