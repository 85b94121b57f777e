// A deadline for storage that has none of its own: D1 and KV may answer after minutes, or never.

/** Errors: whatever the promise rejects with, or an Error naming `what` after the time. The work itself is not ended by it. */
export async function inTime<T>(what: string, promise: Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => deadline.reject(new Error(`${what} gave no answer in ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await Promise.race([promise, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
