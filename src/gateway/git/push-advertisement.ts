// What a push is offered: the host's own list of refs, with only the capabilities that our parser of pushes understands.
import type { PlanClaims } from '../../auth/vm-token.ts'
import { createByteReader } from '../../git/byte-reader.ts'
import { concatBytes, FLUSH, pkt, pktLength } from '../../git/pkt-line.ts'
import { answer, gitError } from '../frame/answers.ts'
import type { Handle, Handled } from '../frame/context.ts'
import { openRead } from './read-stream.ts'
import { askGitHost } from './upstream-git.ts'
import { stripAdvertised } from '../../git/receive-pack.ts'

const SERVICE = 'git-receive-pack'
const SERVICE_LINE = `# service=${SERVICE}`

export const pushAdvertisement: Handle<PlanClaims> = async (_request, claims, context) => {
  const refuse = (outcome: string, text: string): Handled => ({
    response: gitError(SERVICE, 'advertisement', text),
    outcome,
  })
  const opened = await openRead({
    claims,
    context,
    intent: 'git_push_discover',
    // Without Git-Protocol, because a push exists in protocol v0 only.
    ask: (at) => askGitHost(context, { ...at, path: `info/refs?service=${SERVICE}` }),
    refuse,
  })
  if ('response' in opened) return opened
  const start = await rewriteStart(opened.body).catch(() => null) // cut by the host, or by the end of the right
  if (start === null) {
    context.waitUntil(opened.drop())
    return refuse('not_git', 'the git host sent a list of refs that cannot be read (code not_git)')
  }
  const { readable, done } = opened.pass({ start })
  return {
    response: answer(200, `application/x-${SERVICE}-advertisement`, readable),
    outcome: 'discovered',
    done,
  }
}

/**
 * Rewrites only the first ref line; the rest is piped, however many refs there are. Returns null when the host sent no such list.
 */
async function rewriteStart(body: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer> | null> {
  const reader = createByteReader(body)
  const next = async (): Promise<Uint8Array<ArrayBuffer> | 'flush' | null> => {
    const header = await reader.read(4)
    const length = header === null ? null : pktLength(header)
    if (length === 'flush') return 'flush'
    return typeof length === 'number' ? reader.read(length) : null
  }
  const parts = async () => {
    const first = await next()
    if (!(first instanceof Uint8Array) || new TextDecoder().decode(first).trim() !== SERVICE_LINE) return null
    if ((await next()) !== 'flush') return null
    const line = await next()
    return line instanceof Uint8Array ? stripAdvertised(line) : null
  }
  const stripped = await parts()
  const rest = reader.release()
  return stripped === null ? null : concatBytes([pkt(`${SERVICE_LINE}\n`), FLUSH, stripped, rest])
}
