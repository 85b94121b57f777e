// What a gateway handler gets: the outside world as values, so that nothing in a handler reaches for env, clock or network.
import { workspaceKey } from '../../lib/ids.ts'
import type { LogFields } from '../../lib/log.ts'
import type { Settings } from '../../lib/settings.ts'
import type { WorkspaceRpc } from '../../workspace/contract.ts'

/** The part of the object the gateway calls. */
export type GatewayRpc = Pick<
  WorkspaceRpc,
  'authorize' | 'settle' | 'untilRevoked' | 'leaseLives' | 'redeemTicket' | 'knowsVm' | 'vmSync' | 'storeDiff'
>

export interface GatewayContext {
  settings: Settings
  /** Ask only after the signature was checked: naming an object creates it. */
  workspace(name: string): Promise<GatewayRpc>
  fetch(url: string, init: RequestInit): Promise<Response>
  /** A file of the build's assets. */
  asset(name: string): Promise<Response>
  /** Keeps work alive when the client hangs up. */
  waitUntil(work: Promise<unknown>): void
  nowMs(this: void): number
}

/** `done` answers when the stream behind the response is over; its fields join the request's one log line. */
export interface Handled {
  response: Response
  outcome: string
  done?: Promise<LogFields>
}

export async function workspaceStub(env: Env, name: string): Promise<GatewayRpc> {
  return env.WORKSPACE.getByName(await workspaceKey(name))
}
