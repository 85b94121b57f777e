// A bell that wakes one waiting loop, by a ring or after a time. Rings before wait() are remembered, but only as one.

export interface Bell {
  ring(): void
  /** Resolves at the next ring or after timeoutMs. With null it waits only for a ring. */
  wait(timeoutMs: number | null): Promise<void>
}

export function createBell(): Bell {
  let rung = false
  let wake: (() => void) | null = null
  return {
    ring() {
      rung = true
      wake?.()
    },
    async wait(timeoutMs) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = timeoutMs === null ? undefined : setTimeout(resolve, timeoutMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rung = false
      wake = null
    },
  }
}
