// What a gateway handler gets: the outside world as values. A handler never uses env, the clock or the network directly.
import { workspaceKey } from '../../lib/ids.ts'
import type { LogFields } from '../../lib/log.ts'
import type { Settings } from '../../lib/settings.ts'
import type { WorkspaceRpc } from '../../workspace/contract.ts'

/** The object's methods that the gateway calls. */
export type GatewayRpc = Pick<
  WorkspaceRpc,
  'authorize' | 'settle' | 'untilRevoked' | 'leaseLives' | 'redeemTicket' | 'knowsVm' | 'vmSync' | 'storeDiff'
>

export interface GatewayContext {
  settings: Settings
  /** Call this only after the signature was checked, because naming an object creates it. */
  workspace(name: string): Promise<GatewayRpc>
  fetch(url: string, init: RequestInit): Promise<Response>
  /** Returns a file of the build's assets. */
  asset(name: string): Promise<Response>
  /** Keeps work alive when the client hangs up. */
  waitUntil(work: Promise<unknown>): void
  nowMs(this: void): number
}

/** `done` resolves when the stream behind the response has ended; its fields join the request's one log line. */
export interface Handled {
  response: Response
  outcome: string
  done?: Promise<LogFields>
}

/** Answers one kind of request for the holder of these claims. */
export type Handle<Claims> = (request: Request, claims: Claims, context: GatewayContext) => Promise<Handled>

export async function workspaceStub(env: Env, name: string): Promise<GatewayRpc> {
  return env.WORKSPACE.getByName(await workspaceKey(name))
}
