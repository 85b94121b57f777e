// A deadline for storage that has none of its own: D1 and KV may answer after minutes, or never.

/** Returns the promise's value, or rejects after the time with an Error that names `what`. The work itself is not stopped. */
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
