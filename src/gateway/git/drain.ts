// Reads a refused push to its end, so that git shows the reason and not a broken pipe.
/** How much of a refused push is read. A longer or slower one ends in a broken connection, without a reason. */
const MAX_DRAIN_BYTES = 200_000_000
const MAX_DRAIN_MS = 60_000
const STEP_BYTES = 1_048_576

/**
 * Reads the body before the refusal is sent, so that git shows the refusal. When the answer came earlier, or while the body was
 * still being read, a push of 20 MB ended in "RPC failed; curl 55 Broken pipe" behind another hop (measured 2026-11-22). It makes
 * one call per MB, because a JS loop over chunks costs 13 ms of CPU per MB.
 */
export async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  try {
    const reader = body.getReader({ mode: 'byob' })
    const late = setTimeout(() => void reader.cancel().catch(() => {}), MAX_DRAIN_MS) // a failed cancel means it is over
    let buffer = new Uint8Array(STEP_BYTES)
    for (let total = 0; total < MAX_DRAIN_BYTES; total += STEP_BYTES) {
      const { value } = await reader.readAtLeast(STEP_BYTES, buffer)
      if (value === undefined || value.byteLength < STEP_BYTES) break
      buffer = new Uint8Array(value.buffer)
    }
    clearTimeout(late)
  } catch {
    // The client hung up and does not need the reason.
  }
}
