// Starts one of the Workers of test/worker/support in workerd. With wrangler's dev worker, not its test harness: the harness sends
// outgoing requests through Node's fetch, which follows redirects and buffers, so it would hide what is tested here.
import { join } from 'node:path'
import { unstable_startWorker } from 'wrangler'

export interface GatewayWorker {
  url: string
  close(): Promise<void>
}

/** gateway-worker has the gateway in front of a scripted object, gateway-object-worker in front of the real one. */
export async function startGatewayWorker(
  vars: Record<string, string>,
  which: 'gateway-worker' | 'gateway-object-worker' = 'gateway-worker',
): Promise<GatewayWorker> {
  const worker = await unstable_startWorker({
    config: join(import.meta.dirname, `../../worker/support/${which}.toml`),
    bindings: Object.fromEntries(
      Object.entries(vars).map(([name, value]) => [name, { type: 'plain_text' as const, value }]),
    ),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      persist: false,
      watch: false,
      logLevel: 'error',
    },
  })
  return { url: (await worker.url).origin, close: () => worker.dispose() }
}
