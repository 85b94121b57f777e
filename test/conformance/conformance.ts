// The official MCP conformance suite against the local stack: every scenario at both versions, the Tasks scenarios through a test
// entry, and the authorization server with the owner's consent scripted.
import { createServer } from 'node:http'
import type { Stack } from '../e2e/support/stack.ts'
import { listen, shut } from '../world/listen.ts'
import { allow, registerClient } from './authorize.ts'
import { BASELINE, REQUIRED } from './baseline.ts'
import { judge, missing } from './judge.ts'
import type { Check, Verdict } from './judge.ts'
import { startHeaderProxy } from './proxy.ts'
import { runSuite } from './suite.ts'
import { startTasksServer } from './tasks-server.ts'

const VERSIONS = ['2026-07-28', '2025-11-25']

export async function runConformance(stack: Stack): Promise<Verdict> {
  // Something to list and read: an empty server passes too easily.
  await stack.workspace('conformance')
  const checks = [
    ...(await serverChecks(stack)),
    ...(await tasksChecks()),
    ...(await authorizationChecks(stack)),
  ]
  const verdict = judge(checks, BASELINE)
  return { ...verdict, problems: [...verdict.problems, ...missing(verdict, REQUIRED)] }
}

async function serverChecks({ urls }: Stack): Promise<Check[]> {
  await using proxy = await startHeaderProxy(urls.mcp_url, 'authorization', `Bearer ${urls.owner_token}`)
  const checks: Check[] = []
  for (const version of VERSIONS)
    checks.push(
      ...(await runSuite({
        run: version,
        args: ['server', '--url', proxy.url, '--suite', 'all', '--spec-version', version],
      })),
    )
  return checks
}

async function tasksChecks(): Promise<Check[]> {
  await using server = await startTasksServer()
  const scenarios = REQUIRED.find(({ run }) => run === 'tasks')?.scenarios ?? []
  const checks: Check[] = []
  for (const scenario of scenarios)
    checks.push(
      ...(await runSuite({ run: 'tasks', args: ['server', '--url', server.url, '--scenario', scenario] })),
    )
  return checks
}

async function authorizationChecks({ urls }: Stack): Promise<Check[]> {
  const owner = { baseUrl: urls.base_url.replace(/\/$/, ''), ownerToken: urls.owner_token }
  const port = await findFreePort()
  const clientId = await registerClient(owner, `http://127.0.0.1:${port}/callback`)
  const walked: Promise<void>[] = []
  const checks = await runSuite({
    run: 'authorization',
    args: [
      'authorization',
      '--url',
      owner.baseUrl,
      '--client-id',
      clientId,
      '--resource',
      urls.mcp_url,
      '--port',
      String(port),
    ],
    onLine: (line) => {
      const url = /https?:\/\/\S*\/authorize\?\S+/.exec(line)?.[0]
      if (url !== undefined) walked.push(allow(owner, url))
    },
  })
  await Promise.all(walked)
  return checks
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  const url = await listen(server, 0)
  await shut(server)
  return Number(new URL(url).port)
}
