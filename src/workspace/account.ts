// placeholder while the real one is on its way
import { DurableObject } from 'cloudflare:workers'
export class Account extends DurableObject<Env> {
  async acquireCreate(_holder: string): Promise<{ granted: boolean; retryAfterMs: number }> {
    return { granted: true, retryAfterMs: 0 }
  }
  async releaseCreate(_holder: string): Promise<void> {}
  async reserve(_input: { leaseId: string; worstCaseUsd: number; nowMs: number; limitUsd: number }): Promise<{ ok: boolean }> {
    return { ok: true }
  }
  async settle(_leaseId: string, _usd: number): Promise<void> {}
}
