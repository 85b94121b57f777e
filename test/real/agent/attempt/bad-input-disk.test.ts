// A disk that is full: a small one of its own under the whole machine, filled by the plan itself.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { describeWith, needs } from '../../../support/needs.ts'
import { createVm, ended, until } from '../../support/vm.ts'

/** A plan with its proof takes seconds, on a busy machine many. */
const PATIENCE_MS = 240_000
vi.setConfig({ testTimeout: 2 * PATIENCE_MS })

function smallDisk(size: string): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'ralph-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'ralph-test', path])
  return {
    path,
    [Symbol.dispose]() {
      execFileSync('umount', ['--lazy', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}

const FILL =
  'for size in 64k 4k 1; do dd if=/dev/zero bs=$size count=40000 >> ~/filler 2>/dev/null; done; echo full'

describeWith(needs.mount(), 'on a small disk', () => {
  test('a plan that fills the disk is paused by that name, and goes on where it stood once there is room', async () => {
    using disk = smallDisk('64m')
    await using vm = await createVm({ disk: disk.path, env: { RALPH_LIMITS: '{"minFreeMb":4}' } })
    const plan = vm.worker.submit(
      `Fill\n\n\`\`\`sh\necho first > first.txt; git add -A; git commit -qm first; head -c 4800000 /dev/urandom > second.bin\n\`\`\`\n\n\`\`\`sh\n${FILL}\n\`\`\`\n`,
    )
    await vm.ring()
    await until(ended(plan), 'the end of the plan', PATIENCE_MS)
    expect(plan.observed?.end).toMatchObject({
      kind: 'paused',
      detail: expect.stringContaining('disk of the VM is nearly full'),
    })
    expect(vm.supervisorPid()).not.toBeNull()
    const home = vm.home(plan)
    expect(existsSync(join(home, 'filler'))).toBe(true)
    rmSync(join(home, 'filler'))
    plan.desired.attempt = 2
    vm.worker.touch()
    await vm.ring()
    await until(
      () => plan.observed?.attempt === 2 && ended(plan)(),
      'the end of the second attempt',
      PATIENCE_MS,
    )
    expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
    expect(vm.git('log', '--format=%s', plan.desired.branch)).toContain('first')
    expect(vm.git('cat-file', '-s', `${plan.desired.branch}:second.bin`)).toBe('4800000')
  })

  test('a model that fills the disk hears of it, takes its file away and goes on', async () => {
    using disk = smallDisk('64m')
    await using vm = await createVm({ disk: disk.path, env: { RALPH_LIMITS: '{"minFreeMb":4}' } })
    const plan = vm.worker.submit(
      `Fill\n\n\`\`\`sh\n${FILL}\n\`\`\`\n\n\`\`\`sh\nrm ~/filler; echo done > done.txt\n\`\`\`\n`,
    )
    await vm.ring()
    await until(ended(plan), 'the end of the plan', PATIENCE_MS)
    expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
    const told = vm.worker.modelBodies.map((body) =>
      JSON.stringify(body).includes('The disk is nearly full.'),
    )
    expect([told[0], told[1]]).toEqual([false, true])
    expect(vm.git('show', `${plan.desired.branch}:done.txt`)).toBe('done')
  })
})
