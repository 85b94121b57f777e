// The agent's small parts, by tables of cases: clipping, editing, the shell, tasks.md, the journal, what git's words mean.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openJournal, pendingQuestion, rebuildConversation } from '../../../../agent/plan/journal.ts'
import { cleanOutput, clipOutput, clipText } from '../../../../agent/machine/output.ts'
import { explainGitFailure } from '../../../../agent/plan/token-renewal.ts'
import { runShell } from '../../../../agent/machine/shell.ts'
import type { ShellInput } from '../../../../agent/machine/shell.ts'
import { labelLine, linesByHand, writeTasks } from '../../../../agent/supervisor/tasks-file.ts'
import { resolvePath } from '../../../../agent/tools/context.ts'
import type { ToolContext } from '../../../../agent/tools/context.ts'
import { replaceText } from '../../../../agent/tools/edit.ts'
import { showLines } from '../../../../agent/tools/read.ts'
import { parseShortstat } from '../../../../agent/git/work-summary.ts'

const folder = mkdtempSync(join(tmpdir(), 'ralph-parts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const ID = '0a1b2c3d-4e5f-8a6b-9c7d-0123456789ab'

describe('output', () => {
  test('keeps 16 KB as they are and clips more to head and tail with the place of the full text', () => {
    expect(clipOutput('x'.repeat(16 * 1024), '/log')).toBe('x'.repeat(16 * 1024))
    const clipped = clipOutput(`HEAD${'m'.repeat(100_000)}TAIL`, '/log')
    expect(clipped.startsWith('HEAD')).toBe(true)
    expect(clipped.endsWith('TAIL')).toBe(true)
    expect(clipped).toContain(`[... ${100_008 - 16 * 1024} bytes left out; the full text is in /log ...]`)
  })

  test('cuts between characters, never through one', () => {
    expect(clipOutput('😀'.repeat(10_000), '/log')).not.toContain('\uFFFD')
    expect(clipText(`${'a'.repeat(8)}😀`, 10)).toBe(`${'a'.repeat(8)}😀`)
    expect(clipText(`${'a'.repeat(8)}😀b`, 10)).toBe(`${'a'.repeat(8)}…`)
  })

  test.each([
    ['\u001B[31mred\u001B[0m', 'red'],
    ['10%\r50%\r100%\n', '100%\n'],
    ['a\u0000b\u202Ec', 'abc'],
    ['x\nx\nx\nx\nx\ny', 'x\nx\nx\n[the line above 2 more times]\ny'],
    ['\n\n\n\n\n', '\n\n\n\n\n'],
  ])('cleans %j to %j', (raw, clean) => {
    expect(cleanOutput(raw)).toBe(clean)
  })
})

describe('edit', () => {
  test('replaces the one place and shows it with its surroundings', () => {
    expect(replaceText('a\nb\nc\n', 'b', 'B', false)).toEqual({
      text: 'a\nB\nc\n',
      count: 1,
      shown: '1\ta\n2\tB\n3\tc\n4\t',
      isLoose: false,
    })
  })

  test('keeps CRLF when the model sends LF', () => {
    expect(replaceText('a\r\nb\r\nc', 'a\nb', 'A\nB', false).text).toBe('A\r\nB\r\nc')
  })

  test('takes the replacement literally, dollar signs and all', () => {
    expect(replaceText('x', 'x', "$& $1 $$ $'", false).text).toBe("$& $1 $$ $'")
  })

  test('refuses a text that stands there twice, naming the lines, unless all are meant', () => {
    expect(() => replaceText('a\nb\na\n', 'a', 'c', false)).toThrow('2 times, at lines 1, 3')
    expect(replaceText('a\nb\na\n', 'a', 'c', true)).toMatchObject({ text: 'c\nb\nc\n', count: 2 })
  })

  test('shows the nearest lines when the text is not there', () => {
    expect(() => replaceText('if (x) {\n\treturn 1\n}\n', 'if (x) {\n  return 1\n}', '', false)).toThrow(
      '1\tif (x) {\n2\t\treturn 1\n3\t}',
    )
    expect(() => replaceText('abc', 'zzz', '', false)).toThrow('read it first')
  })
})

describe('read', () => {
  test('numbers lines, says how many follow, and stops at 24 KB', () => {
    expect(showLines(Buffer.from('a\nb\nc\n'), 2, 1)).toBe('2\tb\n[1 more lines; go on with offset 3]')
    const shown = showLines(Buffer.from(`${'y'.repeat(1_000)}\n`.repeat(100)), 1, 400)
    expect(Buffer.byteLength(shown)).toBeLessThan(25 * 1024)
    expect(shown).toContain('go on with offset 25')
    expect(() => showLines(Buffer.from([1, 0, 2]), 1, 10)).toThrow('binary')
  })

  test('confines paths to checkout and home, also through links, and keeps .git for git', () => {
    symlinkSync('/etc', join(folder, 'link'))
    // Only what resolvePath looks at.
    const context = {
      cwd: folder,
      plan: { home: join(folder, 'home'), start: { checkout: folder } },
    } as unknown as ToolContext
    expect(resolvePath(context, 'new/file', 'write')).toBe(join(folder, 'new/file'))
    for (const path of ['/etc/passwd', '../x', 'link/passwd', `${folder}-other/x`])
      expect(() => resolvePath(context, path, 'read')).toThrow('outside the checkout')
    expect(() => resolvePath(context, '.git/hooks/pre-commit', 'write')).toThrow('belongs to git')
    expect(resolvePath(context, '.gitignore', 'write')).toBe(join(folder, '.gitignore'))
  })
})

const shell = (command: string, extra: Partial<ShellInput> = {}) =>
  runShell({
    command,
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    timeoutMs: 20_000,
    logFile: join(folder, 'out/1.log'),
    onActivity: () => {},
    ...extra,
  })

describe('bash', () => {
  test('tells exit code, both outputs in order, and where the shell ended', async () => {
    const result = await shell('echo one; echo two >&2; cd /usr; echo three; exit 3')
    expect(result).toMatchObject({ exitCode: 3, output: 'one\ntwo\nthree\n', cwd: '/usr', stopped: null })
  })

  test('kills the whole group at the deadline and keeps what was printed', async () => {
    const mark = `31${process.pid}`
    const result = await shell(`echo before; sleep ${mark} & sleep ${mark}; echo never`, { timeoutMs: 500 })
    expect(result).toMatchObject({ exitCode: 124, output: 'before\n', stopped: 'timeout' })
    await expect.poll(async () => (await shell(`pgrep -f "sleep ${mark}$" | wc -l`)).output.trim()).toBe('0')
  })

  test('returns though a server keeps running with the output open', async () => {
    const result = await shell('sleep 300 & echo $! > pid; echo started')
    expect(result.output).toBe('started\n')
    expect(result.seconds).toBeLessThan(200)
    await shell('kill $(cat pid)')
  })

  test('has no standard input, no variable of ours, and takes a command longer than an argument may be', async () => {
    process.env['RALPH_TEST_SECRET'] = 'canary'
    const result = await shell(`cat; env; : ${'x'.repeat(300_000)}`)
    expect(result.exitCode).toBe(0)
    expect(result.output).not.toContain('canary')
    expect(existsSync(join(folder, 'out/1.log.sh'))).toBe(false)
  })

  test('survives an unbalanced quote and a command that is missing', async () => {
    expect((await shell('echo "open')).exitCode).not.toBe(0)
    expect((await shell('no-such-command-here')).exitCode).toBe(127)
  })
})

describe('tasks.md', () => {
  test('adds missing lines, ticks and unticks, and leaves every other line alone', () => {
    const text = `# My queue\n- [ ] ${ID} Title\nsome words\n`
    expect(writeTasks(text, [{ id: ID, title: 'Other', done: true }])).toBe(
      `# My queue\n- [x] ${ID} Title\nsome words\n`,
    )
    expect(writeTasks(`- [x] ${ID} T\n`, [{ id: ID, title: 'T', done: false }])).toBe(`- [ ] ${ID} T\n`)
    expect(writeTasks('', [{ id: ID, title: 'Two\nlines\u202E', done: false }])).toBe(
      `- [ ] ${ID} Two lines\n`,
    )
  })

  test('sees only open lines without an id as written by hand', () => {
    const text = `- [ ] first\n- [x] done\n- [ ] ${ID} ours\n  - [ ] nested\n- [ ]   \n* [ ] star\n- [ ] second  \n`
    expect(linesByHand(text)).toEqual(['first', 'second'])
  })

  test('labels the first of two equal lines only', () => {
    expect(labelLine('- [ ] same\n- [ ] same\n', 'same', ID, 'same')).toBe(`- [ ] ${ID} same\n- [ ] same\n`)
  })
})

describe('journal', () => {
  const call = {
    role: 'assistant' as const,
    content: [
      { type: 'tool_use' as const, id: 't1', name: 'bash', input: {} },
      { type: 'tool_use' as const, id: 't2', name: 'bash', input: {} },
      { type: 'tool_use' as const, id: 't3', name: 'bash', input: {} },
    ],
  }

  test('gives back the messages and tells finished, begun and unbegun calls apart', () => {
    const file = join(folder, 'a.jsonl')
    const journal = openJournal(file)
    journal.append({ kind: 'attempt', attempt: 1 })
    journal.append({ kind: 'conversation', iteration: 1, shape: 's' })
    journal.append({ kind: 'message', message: { role: 'user', content: 'plan' } })
    journal.append({ kind: 'message', message: call })
    journal.append({ kind: 'tool_start', id: 't1', name: 'bash' })
    journal.append({ kind: 'tool_end', id: 't1', content: 'done', isError: false })
    journal.append({ kind: 'tool_start', id: 't2', name: 'bash' })
    appendFileSync(file, '{"kind":"tool_end","id":"t2","con')
    const records = openJournal(file).records()
    const rebuilt = rebuildConversation(records, 's')
    expect(rebuilt?.messages).toEqual([{ role: 'user', content: 'plan' }, call])
    expect(
      rebuilt?.open.map(({ result }) => [
        result.is_error ?? false,
        JSON.stringify(result.content).slice(1, 31),
      ]),
    ).toEqual([
      [false, 'done"'],
      [true, 'The agent restarted while this'],
      [true, 'The agent restarted before thi'],
    ])
    expect(rebuildConversation(records, 'other tools')).toBeNull()
  })

  test('goes on after a torn line: the next record stands on a line of its own', () => {
    const file = join(folder, 'b.jsonl')
    openJournal(file).append({ kind: 'setup_done' })
    appendFileSync(file, '{"kind":"fin')
    openJournal(file).append({ kind: 'finished', summary: 's' })
    expect(
      openJournal(file)
        .records()
        .map(({ kind }) => kind),
    ).toEqual(['setup_done', 'finished'])
    expect(readFileSync(file, 'utf8')).toContain('{"kind":"fin')
  })

  test('a damaged record of the end is none: the conversation goes on, and its words never reach the Worker', () => {
    const file = join(folder, 'damaged-end.jsonl')
    openJournal(file).append({ kind: 'setup_done' })
    appendFileSync(file, '{"kind":"finished"}\n{"kind":"finished","summary":{"a":1}}\n')
    expect(openJournal(file).records()).toEqual([{ kind: 'setup_done' }])
  })

  test('a question waits for its answer in its own attempt only', () => {
    const asked = [
      { kind: 'attempt' as const, attempt: 1 },
      { kind: 'asked' as const, question: 'Why?', pauses: true },
    ]
    expect(pendingQuestion(asked, 1)).toBe('Why?')
    expect(
      pendingQuestion([...asked, { kind: 'message', message: { role: 'user', content: 'x' } }], 1),
    ).toBeNull()
    expect(pendingQuestion([...asked, { kind: 'attempt', attempt: 2 }], 2)).toBeNull()
  })
})

test.each([
  ['refused', ' ! [remote rejected] HEAD -> main (only agent/x may be pushed)'],
  ['refused', ' ! [rejected] HEAD -> agent/x (non-fast-forward)'],
  ['refused', 'fatal: remote error: this plan may not push'],
  ['refused', "fatal: couldn't find remote ref refs/heads/x"],
  ['expired', 'fatal: unable to access: The requested URL returned error: 401'],
  ['unreachable', "fatal: unable to access 'http://x/': Failed to connect to x port 1"],
  ['unreachable', 'error: RPC failed; HTTP 502 curl 22'],
  ['unreachable', 'fatal: the remote end hung up unexpectedly'],
  ['refused', 'fatal: bad object HEAD'],
])('git saying %s: %s', (verdict, stderr) => {
  expect(explainGitFailure({ code: 128, stdout: '', stderr, timedOut: false })).toBe(verdict)
})

test('a short stat is read whatever parts it has', () => {
  expect(parseShortstat(' 3 files changed, 10 insertions(+), 2 deletions(-)\n')).toEqual({
    files: 3,
    additions: 10,
    deletions: 2,
  })
  expect(parseShortstat(' 1 file changed, 1 deletion(-)')).toEqual({ files: 1, additions: 0, deletions: 1 })
  expect(parseShortstat('')).toEqual({ files: 0, additions: 0, deletions: 0 })
})
