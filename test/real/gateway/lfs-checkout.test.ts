// A plan's checkout with files of git-lfs: fetched through the real gateway by real git-lfs, and held when they were changed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fetchLfs } from '../../../agent/git/lfs.ts'
import { createTokenHolder, tokenConfigFile } from '../../../agent/plan/token.ts'
import { commitLeftovers } from '../../../agent/publish/commits.ts'
import { describeWith, needs } from '../../support/needs.ts'
import { startGitHost } from '../../world/git/server.ts'
import type { GitHost } from '../../world/git/server.ts'
import { CANARY, createGatewayLab } from '../support/gateway-lab.ts'
import type { GatewayLab } from '../support/gateway-lab.ts'
import { createPlanBench } from '../support/plan-bench.ts'

const CONTENT = 'a picture\n'.repeat(1_000)
/** The repository leads git-lfs to a server of its own and names programs, as it would to have them run. */
const LFSCONFIG =
  '[lfs]\n\turl = http://127.0.0.1:9/evil\n[filter "lfs"]\n\tsmudge = touch /tmp/never\n\tprocess = touch /tmp/never\n'

let root: string
let host: GitHost
let lab: GatewayLab

describeWith(needs.gitLfs(), "a plan's checkout", () => {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'lfs-checkout-'))
    host = await startGitHost({ port: 0, root, user: 'x-access-token', token: CANARY, testerToken: 'tester' })
    lab = await createGatewayLab([host.url.replace('://', `://x-access-token:${CANARY}@`)])
    await host.createRepo('art')
    await lab.set({ gitRemote: `${host.url}/stand-in/art.git`, settled: [], intents: [] })
  })
  afterAll(async () => {
    await lab.close()
    await host.close()
    rmSync(root, { recursive: true, force: true })
  })

  const openBench = async (pointer: string) => {
    const bench = await createPlanBench({
      files: {
        '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n',
        '.lfsconfig': LFSCONFIG,
        'art.psd': pointer,
      },
    })
    createTokenHolder({
      token: lab.planToken,
      gitConfigFile: tokenConfigFile(bench.plan.home),
      gatewayUrl: lab.base,
    })
    const at = (name: string) => join(bench.plan.start.checkout, name)
    const fetchAll = () => fetchLfs({ git: bench.plan.git, origin: lab.remote(), report: bench.plan.report })
    return { bench, at, fetchAll }
  }

  it('has the files themselves, and git sees no change', async () => {
    const { bench, at, fetchAll } = await openBench(host.lfs.put('art', CONTENT).text)
    using _ = bench
    await fetchAll()
    expect(bench.events.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^Fetched 1 of 1 files of git-lfs \(1 MB\) in \d+ s\.$/),
    ])
    expect(readFileSync(at('art.psd'), 'utf8')).toBe(CONTENT)
    expect(bench.git('status', '--porcelain')).toBe('')
    expect(bench.git('config', 'lfs.url')).toBe(`${lab.remote()}/info/lfs`)
    expect(bench.git('config', 'filter.lfs.process')).toMatch(
      /^\/usr\/(?:local\/)?bin\/git-lfs filter-process$/,
    )
  })

  it('commits a moved file as its pointer, and holds a changed or new one by name', async () => {
    const { bench, at, fetchAll } = await openBench(host.lfs.put('art', CONTENT).text)
    using _ = bench
    await fetchAll()
    bench.git('mv', 'art.psd', 'moved.psd')
    bench.put('new.psd', 'pixels of its own')
    bench.put('notes.txt', 'kept')
    expect((await commitLeftovers(bench.plan, 'Work')).held.map(({ path }) => path)).toEqual(['new.psd'])
    expect(bench.git('show', 'HEAD:moved.psd')).toContain('git-lfs')
    writeFileSync(at('moved.psd'), 'changed')
    const { held } = await commitLeftovers(bench.plan, 'More work')
    expect(held.map(({ path, reason }) => [path, reason.includes('cannot be uploaded')])).toEqual([
      ['moved.psd', true],
      ['new.psd', true],
    ])
  })

  it('keeps the pointer, and says so, when the host has no such object', async () => {
    const { text } = host.lfs.put('art', CONTENT)
    const missing = text.replace(/sha256:..../, 'sha256:0000')
    const { bench, at, fetchAll } = await openBench(missing)
    using _ = bench
    await fetchAll()
    expect(bench.events[0]?.text).toMatch(/^Fetched 0 of 1 files .*no such object in this repository/s)
    expect(readFileSync(at('art.psd'), 'utf8')).toBe(missing)
    expect(bench.git('status', '--porcelain')).toBe('')
  })

  it('keeps pointers to more than a quarter of the free disk', async () => {
    const { text } = host.lfs.put('art', CONTENT)
    const { bench, fetchAll } = await openBench(text.replace(/size \d+/, 'size 999999999999999'))
    using _ = bench
    await fetchAll()
    expect(bench.events[0]?.text).toMatch(/^Files of git-lfs stay pointers: they have 1000000000 MB/)
  })
})
