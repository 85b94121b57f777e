// What POST /webhooks/github does before it believes a body: a request without a well-formed signature costs no reading.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import worker from '../../../src/index.ts'
import { hmacSha256, toHex } from '../../../src/lib/crypto.ts'
import { CANARIES } from '../setup/options.ts'

const BODY = JSON.stringify({ zen: 'Keep it logically awesome.' })

async function deliver(signature: string | null) {
  let pulled = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled += 1
        controller.enqueue(new TextEncoder().encode(BODY))
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const context = createExecutionContext()
  const response = await worker.fetch(
    new Request('https://runtime.test/webhooks/github', {
      method: 'POST',
      headers: {
        'x-github-event': 'ping',
        ...(signature === null ? {} : { 'x-hub-signature-256': signature }),
      },
      body,
    }),
    env,
    context,
  )
  const text = await response.text()
  await waitOnExecutionContext(context)
  return { status: response.status, text, pulled }
}

describe('a webhook', () => {
  it.each([
    ['no signature', null],
    ['an empty one', ''],
    ['the older SHA-1 one', `sha1=${'a'.repeat(40)}`],
    ['too short a one', `sha256=${'a'.repeat(63)}`],
    ['too long a one', `sha256=${'a'.repeat(65)}`],
    ['one that is no hex', `sha256=${'g'.repeat(64)}`],
  ])('with %s is refused before its body is read', async (_what, signature) => {
    expect(await deliver(signature)).toMatchObject({
      status: 401,
      pulled: 0,
      text: expect.stringContaining('X-Hub-Signature-256'),
    })
  })

  it('with a wrong one is read and refused, with the right one taken', async () => {
    expect(await deliver(`sha256=${'a'.repeat(64)}`)).toMatchObject({ status: 401, pulled: 1 })
    const [secret = ''] = CANARIES.GITHUB_WEBHOOK_SECRET.split(',')
    const right = toHex(await hmacSha256(secret, BODY))
    expect(await deliver(`sha256=${right}`)).toMatchObject({ status: 202, pulled: 1 })
  })
})
