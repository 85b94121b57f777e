// Nothing that one plan plants runs as another user or stalls the supervisor, a sibling or a cancel. Real users, real processes:
// each attack is a plan, and its mark file says as whom it ran. Needs root, as the supervisor does on its VM.
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, needs } from '../../../support/needs.ts'
import { createVm, ended, pids, until } from '../../support/vm.ts'
import type { TestVm } from '../../support/vm.ts'
import type { FakePlan } from '../../support/fake-worker.ts'

const SLOW = 300_000
const text = (title: string, ...commands: string[]) =>
  [title, ...commands.map((command) => `\n\`\`\`sh\n${command}\n\`\`\``)].join('\n')
const userOf = (plan: FakePlan) => `plan-${plan.desired.id.slice(-12)}`

/** A folder every user may write to, in a place that every sandbox shows: what is planted leaves a mark in it, `name user`, whenever and as whomever it runs. */
function marksOf(vm: TestVm) {
  const dir = join(vm.workspace, 'marks')
  mkdirSync(dir)
  chmodSync(dir, 0o1777)
  const read = (): string[] =>
    existsSync(join(dir, 'ran')) ? readFileSync(join(dir, 'ran'), 'utf8').trim().split('\n') : []
  return {
    dir,
    /** A command that leaves its mark. */
    command: (name: string) => `(umask 0; echo ${name} $(id -un) >> ${dir}/ran)`,
    read,
    /** Users other than this one as whom something planted ran. */
    strangers: (user: string) => read().filter((line) => !line.endsWith(` ${user}`)),
  }
}

/** What a plan can leave in the places that others read, run or enter. */
const PLANTS: [string, (mark: string, vm: TestVm) => string][] = [
  [
    'start-up files of shells',
    (mark) =>
      `for f in .bashrc .profile .bash_profile .bash_login .zshenv .xprofile; do echo '${mark}' >> ~/$f; done; bash -lc true; bash -ic true 2>/dev/null`,
  ],
  [
    'a git configuration of its home',
    (mark) =>
      `git config --global core.fsmonitor "sh -c '${mark}'"; git config --global core.sshCommand "sh -c '${mark}'"; git config --global credential.helper "!sh -c '${mark}'"; git status -s`,
  ],
  [
    'a git configuration of its checkout',
    (mark) =>
      `git config core.fsmonitor "sh -c '${mark}'"; git config core.hooksPath /nowhere; git config diff.external "sh -c '${mark}'"; git config core.pager "sh -c '${mark}'"; git config uploadpack.packObjectsHook "sh -c '${mark}'"; git status -s`,
  ],
  [
    'filters',
    (mark) =>
      `git config filter.evil.clean "sh -c '${mark}; cat'"; git config filter.evil.smudge "sh -c '${mark}; cat'"; echo '* filter=evil' > .git/info/attributes; echo '* filter=evil' > .gitattributes; echo x > filtered; git add filtered`,
  ],
  [
    'hooks',
    (mark) =>
      `for h in pre-commit post-commit post-checkout post-index-change reference-transaction pre-push post-merge; do printf '#!/bin/sh\\n${mark}\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; git config --unset core.hooksPath; git config --unset core.fsmonitor; git commit -q --allow-empty -m hooked`,
  ],
  [
    'hooks and alternates of the mirror',
    (mark, vm) =>
      `for h in post-update update pre-receive; do printf '#!/bin/sh\\n${mark}\\n' > ${vm.workspace}/repo.git/hooks/$h; done; echo '[core] fsmonitor = x' >> ${vm.workspace}/repo.git/config; echo /tmp > ${vm.workspace}/repo.git/objects/info/alternates; ${mark}`,
  ],
  [
    'cron and at',
    (mark) =>
      `echo '* * * * * root ${mark}' > /etc/cron.d/evil; mkdir -p /var/spool/cron/crontabs; echo '* * * * * ${mark}' > /var/spool/cron/crontabs/root; echo '${mark}' | at now; ${mark}`,
  ],
  [
    'programs on the PATH',
    (mark, vm) =>
      `for d in /usr/local/sbin /usr/local/bin /usr/bin ${vm.folder}/opt ~/.venv/bin ~/bin; do mkdir -p $d; for p in git node sh ralph.mjs; do printf '#!/bin/sh\\n${mark}\\nexec /usr/bin/'$p' "$@"\\n' > $d/$p && chmod +x $d/$p; done; done; git --version`,
  ],
  [
    'package stores',
    (mark) =>
      `mkdir -p ~/.npm ~/.config/pip ~/.cargo; echo 'prefix=/usr/local' > ~/.npmrc; echo 'ignore-scripts=false' >> ~/.npmrc; touch /usr/lib/node_modules/evil /usr/local/lib/evil.pth; printf '{"name":"x","version":"1.0.0","scripts":{"prepare":"%s"}}' '${mark}' > package.json; ${mark}`,
  ],
  [
    'the sibling’s places',
    (mark, vm) =>
      `for f in ${vm.workspace}/plans/*/.git/config ${vm.folder}/home/*/.bashrc ${vm.workspace}/tasks.md ${vm.folder}/root/.ralph/config.json; do echo '${mark}' >> $f; done; ln -s /root ${vm.workspace}/plans/linked; ${mark}`,
  ],
]

/** Errors of the shell go nowhere: most of these are refused, which is the point. */
const quietly = (command: string) => `(${command}) 2>/dev/null; true`

describeWith(needs.secondUser(), 'what one plan plants', () => {
  let vm: TestVm
  beforeAll(async () => {
    vm = await createVm()
  })
  afterAll(async () => {
    await vm[Symbol.asyncDispose]()
  })

  it(
    'runs as nobody but its own user, neither while a sibling works nor when its plan is stopped and forgotten',
    async () => {
      const marks = marksOf(vm)
      const plan = vm.worker.submit(
        text(
          'Plant',
          ...PLANTS.map(([name, plant]) => quietly(plant(marks.command(name.replaceAll(/\W+/g, '-')), vm))),
          'touch ~/planted; sleep 600',
        ),
      )
      await vm.ring()
      await until(() => existsSync(join(vm.home(plan), 'planted')), 'the planting', SLOW)
      const tried = PLANTS.map(([name]) => name.replaceAll(/\W+/g, '-'))
      // It can fail: each of them ran, as the one who planted it.
      for (const name of tried.filter((one) => !['filters'].includes(one)))
        expect(marks.read()).toContain(`${name} ${userOf(plan)}`)

      const sibling = vm.worker.submit(
        text('Live beside it', 'bash -lc "git status -s"; git log --oneline -1; echo s > sibling.txt'),
      )
      await vm.ring()
      await until(ended(sibling), 'the end of the sibling', SLOW)
      expect(sibling.observed?.end?.kind).toBe('completed')
      Object.assign(plan.desired, { want: 'stop', final: true })
      vm.worker.touch()
      await vm.ring()
      await until(ended(plan), 'the end of the planter', SLOW)
      Object.assign(plan.desired, { want: 'forget', removeCheckout: true })
      vm.worker.touch()
      await vm.ring()
      await until(() => !existsSync(vm.home(plan)), 'the removal of its home', SLOW)
      expect(marks.strangers(userOf(plan))).toEqual([])
      for (const file of [
        '/etc/cron.d/evil',
        '/usr/local/bin/git',
        '/usr/local/sbin/git',
        '/usr/lib/node_modules/evil',
      ])
        expect({ file, exists: existsSync(file) }).toEqual({ file, exists: false })
      for (const hook of ['post-update', 'update', 'pre-receive'])
        expect(existsSync(join(vm.workspace, 'repo.git/hooks', hook))).toBe(false)
      expect(statSync(join(vm.workspace, 'repo.git/config')).uid).toBe(0)
    },
    2 * SLOW,
  )

  it(
    'as processes that fork, detach and refuse to hear ends with its plan',
    async () => {
      const plan = vm.worker.submit(
        text(
          'Stay',
          [
            `setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done' > /dev/null 2>&1 &`,
            `nohup sh -c '(sleep 600 &) ; sleep 600' > /dev/null 2>&1 &`,
            // One that is another process a moment later, and again.
            `printf '#!/bin/sh\\nsleep 0.05\\nsetsid "$0" &\\n' > ~/hop; chmod +x ~/hop; ~/hop`,
            `(cd /tmp; exec -a innocent env -i sleep 600) > /dev/null 2>&1 &`,
            'touch ~/started; sleep 600',
          ].join('\n'),
        ),
      )
      await vm.ring()
      await until(() => existsSync(join(vm.home(plan), 'started')), 'the start', SLOW)
      const { uid } = statSync(vm.home(plan))
      const processes = () =>
        pids().filter((pid) => {
          try {
            return statSync(`/proc/${pid}`).uid === uid
          } catch {
            return false // ended meanwhile
          }
        })
      expect(processes().length).toBeGreaterThan(5)
      Object.assign(plan.desired, { want: 'stop', final: true })
      vm.worker.touch()
      await vm.ring()
      await until(ended(plan), 'the end of the plan', SLOW)
      await until(() => processes().length === 0, 'the end of its processes', SLOW)
    },
    2 * SLOW,
  )
})

describeWith(needs.secondUser(), 'pipes, sockets and links', () => {
  const STALLS: [string, string][] = [
    [
      'pipes where git looks',
      'for f in HEAD config index packed-refs info/attributes; do rm -rf .git/$f; mkfifo .git/$f; done; mkfifo AGENTS.md .gitattributes',
    ],
    [
      'pipes and links in its home',
      'rm -f ~/.gitconfig ~/.ralph/journal.jsonl ~/.ralph/gateway.gitconfig; mkfifo ~/.gitconfig ~/.ralph/journal.jsonl; ln -s /etc/shadow ~/.ralph/gateway.gitconfig; ln -s /dev/zero ~/.ralph/notes.md',
    ],
    [
      'sockets, devices and loops of links',
      'node -e \'require("net").createServer().listen("AGENTS.md"); setTimeout(() => process.exit(), 300)\'; ln -s loop loop; ln -s /dev/zero CLAUDE.md; mkdir -p .ralph; ln -s ../loop .ralph/checks.sh; truncate -s 10G huge',
    ],
  ]
  it(
    'stall neither the supervisor, nor a sibling, nor the stop of their plan',
    async () => {
      await using vm = await createVm()
      const plans = STALLS.map(([what, plant]) =>
        vm.worker.submit(text(what, `${quietly(plant)}; touch ~/planted; sleep 600`)),
      )
      await vm.ring()
      for (const plan of plans)
        await until(() => existsSync(join(vm.home(plan), 'planted')), `the planting: ${plan.text}`, SLOW)
      const supervisor = vm.supervisorPid()
      const sibling = vm.worker.submit(text('Work on', 'echo s > sibling.txt'))
      await vm.ring()
      await until(ended(sibling), 'the end of the sibling', SLOW)
      expect(sibling.observed?.end?.kind).toBe('completed')
      for (const plan of plans) Object.assign(plan.desired, { want: 'stop', final: true })
      vm.worker.touch()
      const syncs = vm.worker.syncs.length
      await vm.ring()
      for (const plan of plans) await until(ended(plan), `the end of the plan: ${plan.text}`, SLOW)
      expect(plans.map(({ observed }) => observed?.end?.kind)).toEqual(STALLS.map(() => 'stopped'))
      expect(vm.supervisorPid()).toBe(supervisor)
      expect(vm.worker.syncs.length).toBeGreaterThan(syncs)
      expect(JSON.stringify(vm.worker.syncs)).not.toContain('root:$')
      for (const plan of plans) Object.assign(plan.desired, { want: 'forget', removeCheckout: true })
      vm.worker.touch()
      await vm.ring()
      for (const plan of plans)
        await until(() => !existsSync(vm.home(plan)), `the removal of the home: ${plan.text}`, SLOW)
      expect(existsSync('/etc/shadow')).toBe(true)
    },
    2 * SLOW,
  )
})
