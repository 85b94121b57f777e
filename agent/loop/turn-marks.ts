// Turns a reply and its results into what the stuck detector needs: the calls with their results, and a mark of the checkout.
import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import { z } from 'zod'
import type { Git } from '../git/git.ts'
import type { WatchedCall } from './stuck-patterns.ts'
import { blocksOf } from '../model/messages.ts'

const STATE_TIMEOUT_MS = 20_000
const MAX_UNTRACKED = 300

const text = z.string().catch('')
const Input = z.object({ path: text, command: text }).catch({ path: '', command: '' })

/** Pure. Returns the calls of a reply, each with its result. */
export function watchedCalls(reply: BetaMessageParam, results: BetaMessageParam): WatchedCall[] {
  const answers = new Map(
    blocksOf(results).flatMap((block) => (block.type === 'tool_result' ? [[block.tool_use_id, block]] : [])),
  )
  return blocksOf(reply).flatMap((block) => {
    if (block.type !== 'tool_use') return []
    const result = answers.get(block.id)
    const said = typeof result?.content === 'string' ? result.content : JSON.stringify(result?.content ?? '')
    const exitCode =
      block.name === 'bash' ? /exit code (\d+)/.exec(said.split('\n', 1)[0] ?? '')?.[1] : undefined
    const failed = result?.is_error === true || (exitCode !== undefined && exitCode !== '0')
    const { path, command } = Input.parse(block.input)
    return [
      {
        name: block.name,
        asked: `${block.name} ${JSON.stringify(block.input)}`,
        // The duration and the log's number differ each time, so they are left out of the comparison.
        answer: said.replace(/, [\d.]+ s\b/, '').replace(/\/out\/\d+\.log/g, ''),
        failed,
        changed: !failed && (block.name === 'edit' || block.name === 'write') ? path : null,
        passedCheck: exitCode === '0' && isCheck(command),
      },
    ]
  })
}

/** Commands that only look. They are no check; otherwise `ls` would reset the count of edits to a file. */
const LOOKING =
  /^\s*(?:cd|ls|cat|head|tail|sed -n|grep|rg|find|pwd|echo|wc|git (?:status|diff|log|show|add|commit)|true|:)\b/
function isCheck(command: string): boolean {
  return command.split(/&&|\|\||;|\n/).some((part) => part.trim() !== '' && !LOOKING.test(part))
}

export interface CheckoutState {
  /** Changes whenever a commit, a tracked file or an untracked file changes. */
  mark: string
  head: string
  /** True when nothing is uncommitted. */
  isClean: boolean
}

/** Takes no lock, so it does not disturb the model's own git. A checkout too large to examine counts as changed and unclean. */
export async function checkoutState(git: Git): Promise<CheckoutState> {
  const options = { timeoutMs: STATE_TIMEOUT_MS }
  const quiet = '--no-optional-locks'
  const [head, diff, status] = await Promise.all([
    git.try([quiet, 'rev-parse', 'HEAD'], options),
    git.try([quiet, 'diff', '--no-ext-diff', '--no-textconv', 'HEAD'], options),
    git.try([quiet, 'status', '--porcelain', '-z', '--untracked-files=normal'], options),
  ])
  if (diff.timedOut || status.timedOut)
    return { mark: `unknown ${Date.now()}`, head: head.stdout, isClean: false }
  const untracked = status.stdout
    .split('\0')
    .filter((line) => line.startsWith('?? '))
    .slice(0, MAX_UNTRACKED)
    .map((line) => stamp(join(git.checkout, line.slice(3))))
  const parts = [head.stdout, diff.stdout, status.stdout, ...untracked]
  return {
    mark: createHash('sha256').update(parts.join('\0')).digest('hex'),
    head: head.stdout,
    isClean: status.code === 0 && status.stdout === '',
  }
}

function stamp(file: string): string {
  const stat = lstatSync(file, { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.mtimeMs} ${stat.size}`
}
