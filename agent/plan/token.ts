// Holds the plan token in the plan's process. New tokens come through the pipe. The token is written to a file that git reads (mode
// 0600, in the plan's home), so that it is in no command line, no URL and no .git/config.
import { join } from 'node:path'
import { writeDurably } from '../machine/durable.ts'

export interface TokenHolder {
  current(): string
  /** Returns every token this process got. None of them may be committed or shown. */
  all(): string[]
  set(token: string): void
  /** Resolves to true as soon as there is another token than this one; to false when none came in time. */
  renewed(than: string, timeoutMs: number): Promise<boolean>
}

export interface TokenHolderInput {
  token: string
  /** The file for git, rewritten on each renewal. */
  gitConfigFile: string
  gatewayUrl: string
}

export function createTokenHolder({ token, gitConfigFile, gatewayUrl }: TokenHolderInput): TokenHolder {
  let current = token
  const all = [token]
  const waiters = new Set<() => void>()
  const write = () => writeDurably(gitConfigFile, credentialConfig(gatewayUrl, current))
  write()
  return {
    current: () => current,
    all: () => all,
    set(next) {
      if (next === current) return
      current = next
      all.push(next)
      write()
      for (const wake of waiters) wake()
    },
    async renewed(than, timeoutMs) {
      if (current !== than) return true
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, timeoutMs)
        function wake() {
          clearTimeout(timer)
          waiters.delete(wake)
          resolve()
        }
        waiters.add(wake)
      })
      return current !== than
    },
  }
}

export const tokenConfigFile = (home: string): string => join(home, '.ralph', 'gateway.gitconfig')

function credentialConfig(gatewayUrl: string, token: string): string {
  return `[http "${gatewayUrl}/vm/git/"]\n\textraHeader = "Authorization: Bearer ${token}"\n`
}
