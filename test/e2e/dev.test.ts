// `npm run dev` as a person and a program meet it: what it prints, what it refuses, what it leaves behind.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { listen, shut } from '../world/listen.ts'

const KEYS = [
  'mcp_url',
  'owner_token',
  'base_url',
  'orgo_url',
  'orgo_key',
  'git_url',
  'github_api_url',
  'model_url',
  'control_url',
  'webhook_secret',
]
const root = join(import.meta.dirname, '../..')
const PATIENCE_MS = 240_000
const stateDir = mkdtempSync(join(tmpdir(), 'aer-dev-'))
const children = new Set<ChildProcess>()

type Dev = { child: ChildProcess; output: () => string; errors: () => string }

const NODE = [process.execPath, 'test/world/dev.ts', '--stand-ins']
const NPM = ['npm', 'run', '--silent', 'dev', '--', '--stand-ins']
const dev = (...args: string[]): Dev => start(NODE, args)

function start([program = '', ...first]: string[], args: string[]): Dev {
  const child = spawn(program, [...first, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  const text = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (text.out += String(chunk)))
  child.stderr.on('data', (chunk) => (text.err += String(chunk)))
  return { child, output: () => text.out, errors: () => text.err }
}

async function ended({ child }: Dev): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  children.delete(child)
  return child.exitCode
}

async function up(running: Dev): Promise<Record<string, string>> {
  while (!running.output().includes('\n')) {
    if (running.child.exitCode !== null) throw new Error(running.errors())
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return z.record(z.string(), z.string()).parse(JSON.parse(running.output()))
}

/** Every process that has the state folder in its command line, and every one in the Worker's group. */
function processesOf(folder: string): string[] {
  const group = readFileSync(join(folder, 'worker.group'), 'utf8')
  return execFileSync('ps', ['-eo', 'pid=,pgid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder) || line.trim().split(/\s+/)[1] === group)
    .filter((line) => !/^\s*\d+\s+\d+\s+Z/.test(line))
}

function signalIfThere(pid: number, signal: string): void {
  try {
    process.kill(pid, signal)
  } catch {
    // ended with its parent
  }
}

const healthz = (base: string | undefined): Promise<number> =>
  fetch(`${base ?? ''}/healthz`).then(
    (response) => response.status,
    () => 0,
  )

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(stateDir, { recursive: true, force: true })
})

describe('a running stack', () => {
  let running: Dev
  let urls: Record<string, string>
  const control = (path: string, body?: unknown) =>
    fetch(`${urls['control_url'] ?? ''}${path}`, {
      method: 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  beforeAll(async () => {
    running = dev('--json', '--port', '0', '--state', stateDir)
    urls = await up(running)
  })
  afterAll(async () => {
    running.child.kill('SIGTERM')
    await ended(running)
  })

  it('prints one line of JSON with exactly these keys', () => {
    expect(running.output().trimEnd().split('\n')).toHaveLength(1)
    expect(Object.keys(urls)).toEqual(KEYS)
    const port = (name: string) =>
      Number(new URL(urls[name] ?? '').port) - Number(new URL(urls['base_url'] ?? '').port)
    expect(['orgo_url', 'git_url', 'github_api_url', 'model_url', 'control_url'].map(port)).toEqual([
      1, 2, 3, 4, 5,
    ])
  })

  it('lets nobody else read its secrets', () => {
    for (const file of ['settings.json', 'worker.vars', 'worker.log'])
      expect(statSync(join(stateDir, file)).mode & 0o077).toBe(0)
  })

  it('keeps a second stack off its folder, and says who has it', async () => {
    const second = dev('--json', '--state', stateDir, '--fresh')
    expect(await ended(second)).toBe(1)
    expect(second.errors()).toContain(`is in use by another stack (process ${String(running.child.pid)})`)
    expect(await healthz(urls['base_url'])).toBe(200)
  })

  it('answers the control API behind its secret path only, and refuses what it does not understand', async () => {
    expect((await control('/git/repos', { name: 'a-name' })).status).toBe(200)
    expect((await control('/git/repos', { name: '../x' })).status).toBe(400)
    expect((await control('/git/repos')).status).toBe(400)
    expect((await control('/clock', { advance_ms: 1 })).status).toBe(501)
    expect((await control('/github/a-name/merge', { branch: 'none', method: 'merge' })).status).toBe(404)
    const bare = new URL(urls['control_url'] ?? '').origin
    expect((await fetch(`${bare}/secrets-seen`)).status).toBe(404)
  })

  it('starts the Worker again when it dies by itself, and when told to kill or restart it', async () => {
    const group = () => readFileSync(join(stateDir, 'worker.group'), 'utf8')
    const first = group()
    process.kill(-Number(first), 'SIGKILL')
    await expect.poll(group, { timeout: PATIENCE_MS }).not.toBe(first)
    await expect.poll(() => healthz(urls['base_url']), { timeout: PATIENCE_MS }).toBe(200)
    for (const how of ['kill', 'restart']) {
      const before = group()
      const answers = await Promise.all([control(`/worker/${how}`), control(`/worker/${how}`)])
      expect(answers.map((answer) => answer.status)).toEqual([200, 200])
      expect(await healthz(urls['base_url'])).toBe(200)
      expect(group()).not.toBe(before)
    }
  })

  it('starts the Worker again when it lives and answers no more', async () => {
    const group = readFileSync(join(stateDir, 'worker.group'), 'utf8')
    const serving = processesOf(stateDir).filter((line) => line.includes('workerd serve'))
    expect(serving).toHaveLength(1)
    process.kill(Number(serving[0]?.trim().split(/\s+/)[0]), 'SIGSTOP')
    await expect.poll(() => running.errors(), { timeout: PATIENCE_MS }).toContain('answers no more')
    await expect.poll(() => healthz(urls['base_url']), { timeout: PATIENCE_MS }).toBe(200)
    expect(readFileSync(join(stateDir, 'worker.group'), 'utf8')).not.toBe(group)
  })

  it('goes on when workerd alone dies', async () => {
    const serving = () => processesOf(stateDir).filter((line) => line.includes('workerd serve'))
    const [first = ''] = serving()
    process.kill(Number(first.trim().split(/\s+/)[0]), 'SIGKILL')
    await expect.poll(serving, { timeout: PATIENCE_MS }).not.toContain(first)
    await expect.poll(() => healthz(urls['base_url']), { timeout: PATIENCE_MS }).toBe(200)
  })
})

describe('a stack that ends', () => {
  afterEach(async () => {
    for (const child of children) child.kill('SIGTERM')
    for (const child of children) await ended({ child, output: () => '', errors: () => '' })
  })

  it('leaves no process when told to stop or killed outright, and comes back with the same addresses and secrets', async () => {
    const seen = []
    // npm is struck alone, as a program that started it would: it hands SIGTERM on, and a hang-up only ends npm itself.
    const ends: [started: string[], signal: NodeJS.Signals, code: number | null][] = [
      [NODE, 'SIGINT', 0],
      [NODE, 'SIGKILL', null],
      [NPM, 'SIGTERM', 0],
      [NPM, 'SIGHUP', null],
    ]
    for (const [started, signal, code] of ends) {
      const running = start(started, ['--json', '--port', '0', '--state', stateDir])
      seen.push(await up(running))
      running.child.kill(signal)
      expect(await ended(running)).toBe(code)
      // Told to stop, it ends after all it started. Else its parts find out by themselves a moment later.
      expect(code === null ? [] : processesOf(stateDir)).toEqual([])
      await expect.poll(() => processesOf(stateDir), { timeout: PATIENCE_MS }).toEqual([])
    }
    expect(new Set(seen.map((urls) => JSON.stringify(urls))).size).toBe(1)
  })

  it('ends a Worker that outlived its stack before it starts another on the same state', async () => {
    const first = dev('--json', '--port', '0', '--state', stateDir)
    await up(first)
    // Everything but workerd. Stopped first: between two kills a watchdog could act.
    const [spared, doomed] = [/bin\/workerd /, /.*/].map((pattern) =>
      processesOf(stateDir).filter((line) => pattern.test(line)),
    )
    for (const signal of ['SIGSTOP', 'SIGKILL'])
      for (const line of doomed ?? [])
        if (!spared?.includes(line)) signalIfThere(Number(line.trim().split(/\s+/)[0]), signal)
    await ended(first)
    const old = spared?.map((line) => line.trim().split(/\s+/)[0]) ?? []
    expect(old.length).toBeGreaterThan(0)
    await up(dev('--json', '--port', '0', '--state', stateDir))
    const now = processesOf(stateDir).map((line) => line.trim().split(/\s+/)[0])
    expect(now.filter((pid) => old.includes(pid))).toEqual([])
    expect(old.filter((pid) => isAlive(Number(pid)))).toEqual([])
  })
})

describe('what it refuses', () => {
  it('names a port that is taken, and starts nothing', async () => {
    const other = createServer()
    const port = Number(new URL(await listen(other, 0)).port)
    const folder = mkdtempSync(join(tmpdir(), 'aer-port-'))
    try {
      const running = dev('--json', '--port', String(port - 2), '--state', folder)
      expect(await ended(running)).toBe(1)
      expect(running.errors()).toMatch(new RegExp(`Ports? .*\\b${port}\\b.* taken by another program`))
      expect(running.output()).toBe('')
    } finally {
      await shut(other)
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('wipes no folder that is not its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aer-foreign-'))
    try {
      writeFileSync(join(folder, 'thesis.txt'), 'years of work')
      const running = dev('--json', '--port', '0', '--state', folder, '--fresh')
      expect(await ended(running)).toBe(1)
      expect(running.errors()).toContain('is not wiped')
      expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('years of work')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it.each([
    ['--port', 'x', 'is no number'],
    ['--port', '99999', 'is no port'],
    ['--vm-image', 'windows', 'is bare or desktop'],
  ])('says what is wrong with %s %s', async (flag, value, message) => {
    const running = dev(flag, value)
    expect(await ended(running)).toBe(2)
    expect(running.errors()).toContain(message)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
