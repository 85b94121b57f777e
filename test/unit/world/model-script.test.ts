import { describe, expect, it } from 'vitest'
import { findFences } from '../../world/model/fences.ts'
import { parseScript } from '../../world/model/script.ts'
import type { Turn } from '../../world/model/script.ts'

const block = (info: string, ...lines: string[]): string => ['```' + info, ...lines, '```', ''].join('\n')
const calls = (text: string): unknown[] => parseScript(text).steps.map((step) => step.call)
const bash = (command: string): unknown => ({ name: 'bash', input: { command } })
const plain: Turn = {
  kind: 'answer',
  say: [],
  stop: null,
  usage: null,
  sleepMs: 0,
  stallMs: 0,
  cutAfterBlocks: null,
}

describe('fenced blocks', () => {
  it.each([
    ['three backticks', '```sh\nls\n```', 'sh', 'ls'],
    ['CRLF line ends', '```sh\r\nls\r\npwd\r\n```\r\n', 'sh', 'ls\npwd'],
    [
      'a longer fence around a shorter one',
      '````sh\ncat <<E\n```\nx\n```\nE\n````',
      'sh',
      'cat <<E\n```\nx\n```\nE',
    ],
    ['a closing fence longer than the opening one', '```sh\nls\n`````', 'sh', 'ls'],
    ['tildes', '~~~sh\nls\n~~~', 'sh', 'ls'],
    ['blanks around the info string', '```  sh  \nls\n```', 'sh', 'ls'],
    [
      'a block inside a list, unindented',
      '- do:\n  ```sh\n  if x\n    then y\n  ```',
      'sh',
      'if x\n  then y',
    ],
    ['a block the text ends in', '```sh\nls', 'sh', 'ls'],
    ['blank lines kept', '```sh\n\na\n\nb\n```', 'sh', '\na\n\nb'],
  ])('reads %s', (_, text, info, content) => {
    expect(findFences(text)).toEqual([{ info, text: content }])
  })

  it('takes a fence inside another block for text of that block', () => {
    expect(findFences('````text\n```sh\nrm -rf x\n```\n````')).toEqual([
      { info: 'text', text: '```sh\nrm -rf x\n```' },
    ])
  })

  it('takes inline code for no fence', () => {
    expect(findFences('```sh echo``` is code\nand ``sh`` too')).toEqual([])
  })
})

describe('the script of a plan', () => {
  it('runs each sh block as one bash call in order, then finishes with the first line', () => {
    const script = parseScript(`Add a file\n\nText.\n${block('sh', 'a', 'b')}More.\n${block('sh', 'c')}`)
    expect(script.steps.map((step) => step.call)).toEqual([bash('a\nb'), bash('c')])
    expect(script.finish).toEqual({
      call: { name: 'finish', input: { summary: 'Add a file' } },
      turns: [plain],
    })
  })

  it('finishes at once without a block, and takes no other info string for a step', () => {
    expect(calls('Only words')).toEqual([])
    expect(
      calls(block('bash', 'ls') + block('shell', 'ls') + block('', 'ls') + block('sh -e', 'ls')),
    ).toEqual([])
  })

  it('takes the first line that is not blank as the title, without its line end', () => {
    expect(parseScript('\r\n  Title \r\nmore').title).toBe('Title')
  })

  it('calls tools and asks questions from model blocks', () => {
    const text =
      block('model', '{"tool":"read","input":{"path":"a"}}') +
      block('model', '{"ask":"Which?"}') +
      block('model', '{"tool":"grep"}')
    expect(calls(text)).toEqual([
      { name: 'read', input: { path: 'a' } },
      { name: 'ask', input: { question: 'Which?' } },
      { name: 'grep', input: {} },
    ])
  })

  it.each([
    ['the next step', block('model', '{"loop":3}') + block('sh', 'x'), 3],
    ['the step of its own object', block('model', '{"tool":"bash","input":{"command":"x"},"loop":3}'), 3],
    ['the step before when none follows', block('sh', 'x') + block('model', '{"loop":3}'), 3],
    ['only the nearest step', block('model', '{"loop":2}') + block('sh', 'x') + block('sh', 'x'), 3],
  ])('loop repeats %s', (_, text, times) => {
    expect(calls(text)).toEqual(Array.from({ length: times }, () => bash('x')))
  })

  it('loop alone repeats a command that does nothing', () => {
    expect(calls(block('model', '{"loop":2}'))).toEqual([bash('true'), bash('true')])
  })

  it.each<[string, string[], Turn[]]>([
    ['say', ['{"say":"a"}', '{"say":"b"}'], [{ ...plain, say: ['a', 'b'] }]],
    ['sleep_ms once', ['{"sleep_ms":5}'], [{ ...plain, sleepMs: 5 }, plain]],
    ['stall_ms once', ['{"stall_ms":5}'], [{ ...plain, stallMs: 5 }, plain]],
    ['cut_after_blocks once', ['{"cut_after_blocks":1}'], [{ ...plain, cutAfterBlocks: 1 }, plain]],
    ['stop once', ['{"stop":"refusal"}'], [{ ...plain, stop: 'refusal' }, plain]],
    [
      'stop as often as its loop says',
      ['{"stop":"end_turn","loop":2}'],
      [{ ...plain, stop: 'end_turn' }, { ...plain, stop: 'end_turn' }, plain],
    ],
    [
      'fail as often as it says',
      ['{"fail":{"status":529,"times":2,"retry_after":0}}'],
      [
        { kind: 'fail', status: 529, retryAfterS: 0, sleepMs: 0 },
        { kind: 'fail', status: 529, retryAfterS: 0, sleepMs: 0 },
        plain,
      ],
    ],
    [
      'what is said before a stop with the stop, the rest with the call',
      ['{"say":"a","stop":"end_turn"}', '{"say":"b"}'],
      [
        { ...plain, say: ['a'], stop: 'end_turn' },
        { ...plain, say: ['b'] },
      ],
    ],
    [
      'the words of a cut answer again in the whole one, its sleep not',
      ['{"sleep_ms":5}', '{"say":"a"}', '{"cut_after_blocks":1}'],
      [
        { ...plain, say: ['a'], sleepMs: 5, cutAfterBlocks: 1 },
        { ...plain, say: ['a'] },
      ],
    ],
  ])('gives the step after it %s', (_, lines, turns) => {
    const texts = lines.map((line) => block('model', line)).join('')
    expect(parseScript(texts + block('sh', 'x')).steps.map((step) => step.turns)).toEqual([turns])
    expect(parseScript(texts).finish.turns).toEqual(turns)
  })

  it('replaces the whole usage: what is not named is 0', () => {
    const turn = parseScript(block('model', '{"usage":{"output_tokens":7}}')).finish.turns[0]
    expect(turn?.kind === 'answer' && turn.usage).toEqual({
      input_tokens: 0,
      output_tokens: 7,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
    })
  })

  it('collects the answers of the judge, which are no step', () => {
    const script = parseScript(block('model', '{"judge":{"complete":false}}', '{"judge":"no json"}'))
    expect(script.judge).toEqual([{ complete: false }, 'no json'])
    expect(script.steps).toEqual([])
  })

  it('collects what the judge says about tests, which is no step either', () => {
    const text = block('model', '{"judge_tests":"yes"}', '{"judge_tests":["a.test.js"]}')
    expect(parseScript(text)).toMatchObject({ judgeTests: ['yes', ['a.test.js']], judge: [], steps: [] })
    expect(() => parseScript(block('model', '{"judge_tests":"perhaps"}'))).toThrow(/judge_tests/)
  })

  it('reads several objects in one block, as an array or a line each', () => {
    expect(calls(block('model', '[{"ask":"a"},{"ask":"b"}]'))).toEqual(
      calls(block('model', '{"ask":"a"}', '{"ask":"b"}')),
    )
  })

  it.each([
    ['a key it does not know', '{"sayy":"x"}', /sayy/],
    ['text that is no JSON', 'hello', /fenced block 1 \(model\)/],
    ['a stop reason it does not know', '{"stop":"tired"}', /stop/],
    ['a status that is no failure', '{"fail":{"status":200}}', /fail\.status/],
  ])('names the block when it holds %s', (_, line, message) => {
    expect(() => parseScript(block('model', line))).toThrow(message)
  })
})
