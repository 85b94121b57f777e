// The part of the fake Worker that serves GET /vm/ralph.mjs and names an agent in each sync: one, or several versions in turn.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FakeWorker } from './fake-worker.ts'

export interface AgentVersion {
  sha256: string
  file: Buffer
}

/** Answers like gateway/delivery.ts: a Worker of another version does not have the file. */
export function deliverAgent(worker: FakeWorker, request: IncomingMessage, response: ServerResponse): void {
  const sha256 = new URL(request.url ?? '/', worker.url).searchParams.get('sha') ?? ''
  const version = worker.versions[worker.agentFetches.length % worker.versions.length]
  const status = version === undefined || version.sha256 === sha256 ? 200 : 404
  worker.agentFetches.push({ sha256, status })
  response.statusCode = status
  response.end(status === 404 ? '' : (version?.file ?? worker.agentFile ?? ''))
}

export function agentNamedNow({ versions, syncs, agentSha256 }: FakeWorker): string {
  return versions[syncs.length % versions.length]?.sha256 ?? agentSha256
}
