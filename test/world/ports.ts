// Seven ports in a row for one stack: the Worker's and, after it, those of the stand-ins.
import { createServer } from 'node:net'

export const PORT_NAMES = ['worker', 'orgo', 'git', 'github', 'model', 'control', 'tap'] as const
export type Ports = Record<(typeof PORT_NAMES)[number], number>

const [FIRST_FREE, LAST_FREE] = [10_000, 32_000]
const RELEASE_MS = 5_000

export function portsFrom(worker: number): Ports {
  const [orgo, git, github, model, control, tap] = [1, 2, 3, 4, 5, 6].map((offset) => worker + offset)
  // The names are listed one by one, so that a new stand-in cannot be forgotten here.
  return { worker, orgo, git, github, model, control, tap } as Ports // six offsets give six numbers
}

/** Finds free ports below the range for outgoing connections, which could take a port while the Worker restarts. */
export async function findFreePorts(): Promise<Ports> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const ports = portsFrom(FIRST_FREE + Math.floor(Math.random() * (LAST_FREE - FIRST_FREE)))
    if ((await takenOf(ports)).length === 0) return ports
  }
  throw new Error('No seven free ports in a row were found on this machine.')
}

/** Waits for a stack that is just ending. Errors: names the ports that stay taken. */
export async function demandFree(ports: Ports): Promise<void> {
  const untilMs = Date.now() + RELEASE_MS
  for (;;) {
    const taken = await takenOf(ports)
    if (taken.length === 0) return
    if (Date.now() > untilMs)
      throw new Error(
        `${taken.length === 1 ? 'Port' : 'Ports'} ${taken.join(', ')} of 127.0.0.1 ${taken.length === 1 ? 'is' : 'are'} taken by another program (this stack needs ${ports.worker} to ${ports.tap}). Is another \`npm run dev\` running? Stop it, or choose \`-- --port N\`.`,
      )
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function takenOf(ports: Ports): Promise<number[]> {
  const checked = await Promise.all(
    Object.values(ports).map(async (port) => ({ port, free: await isFree(port) })),
  )
  return checked.filter(({ free }) => !free).map(({ port }) => port)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
