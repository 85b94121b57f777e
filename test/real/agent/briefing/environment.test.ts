// What a plan is told about where it is, and how its place is set up: order of trust, cache, ports, browser, instructions.
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { treeOf } from '../../support/tree-of.ts'
import { gatherFacts } from '../../../../agent/briefing/first-facts.ts'
import { reportEvidence } from '../../../../agent/attempt/evidence.ts'
import { commitOf } from '../../../../agent/git/git.ts'
import { readInstructions } from '../../../../agent/briefing/instructions.ts'
import { findExplicitSetup } from '../../../../agent/checks/setup-files.ts'
import { planSetup, runSetup } from '../../../../agent/checks/setup.ts'
import { findProgram } from '../../../../agent/machine/programs.ts'
import { describeForeignParts, fetchSubmodules } from '../../../../agent/git/submodules.ts'
import { createPlanBench } from '../../support/plan-bench.ts'

const machine = { has: () => true, node: '', bundle: '' }

/** What a reader by patterns misreads: comments, quotes, folders, conditions, the steps of other jobs. */
const STEPS = `
on: { workflow_dispatch: } # by hand
env: { MODE: ci }
jobs:
  other:
    steps: [{ run: echo another job }]
  copilot-setup-steps: # the one that counts
    env:
      N: 1
      TOKEN: \${{ secrets.X }}
    defaults: { run: { working-directory: app } }
    steps:
      - uses: actions/checkout@v5
      - name: two
        working-directory: web
        env: { MODE: a b }
        run: |
          make a
          make b
      - "run": "echo 'quoted: # no comment'" # a comment
      - { run: never, if: false }
      - run: never
        if: \${{ runner.os == 'Windows' }}
      - run: Never-Here
        shell: pwsh
      - run: echo \${{ secrets.X }}
`

describe('explicit set-up', () => {
  test.each([
    ['.ralph/setup.sh', 'true', ['bash .ralph/setup.sh']],
    [
      '.codex/environments/environment.toml',
      '[setup]\nscript = """\nnpm ci\nmake\n"""\n[cleanup]\nscript = "x"\n',
      ['npm ci\nmake'],
    ],
    ['.codex/environments/environment.toml', "setup.script = 'npm ci' # [cleanup]\n", ['npm ci']],
    [
      '.codex/environments/environment.toml',
      '# [setup]\n[cleanup]\nscript = "x"\n[setup]\nscript = "echo \\"a\\" \\u0041"\n',
      ['echo "a" A'],
    ],
    ['.codex/setup.sh', 'true', ['bash .codex/setup.sh']],
    ['.cursor/environment.json', '{"install": "npm ci", "start": "x"}', ['npm ci']],
    ['.cursor/worktrees.json', '{"setup-worktree": ["npm ci", "cp a b"]}', ['npm ci', 'cp a b']],
    ['conductor.json', '{"scripts": {"setup": "make deps"}}', ['make deps']],
    [
      '.github/workflows/copilot-setup-steps.yml',
      STEPS,
      [
        "set -e\nexport MODE='a b'\nexport N=1\ncd web\nmake a\nmake b",
        "set -e\nexport MODE=ci\nexport N=1\ncd app\necho 'quoted: # no comment'",
      ],
    ],
    [
      '.devcontainer/devcontainer.json',
      '{\n// why\n"image": "http://x", "postCreateCommand": {"a": "npm ci", "b": ["make", "install", "a b"]},\n}',
      ['npm ci', "make install 'a b'"],
    ],
    ['Makefile', 'all:\n\tx\nbootstrap: all\n\ty\ninstall:\n\tz\n', ['make bootstrap']],
  ])('%s', async (file, text, commands) => {
    const found = await findExplicitSetup(treeOf({ [file]: text }), machine)
    expect(found?.from).toBe(file)
    expect(found?.commands.map(({ command }) => command)).toEqual(commands)
  })

  test('ours comes before those of others, and a file without a command is passed over', async () => {
    const files = {
      'conductor.json': '{"scripts": {"setup": "late"}}',
      '.cursor/environment.json': '{}',
      Makefile: 'setup:\n',
    }
    expect((await findExplicitSetup(treeOf(files), machine))?.from).toBe('conductor.json')
    expect((await findExplicitSetup(treeOf({ ...files, '.ralph/setup.sh': '' }), machine))?.from).toBe(
      '.ralph/setup.sh',
    )
    expect(await findExplicitSetup(treeOf({ Makefile: 'install:\n' }), machine)).toBeNull()
  })

  const some = { ...machine, has: (tool: string) => ['npm', 'make', 'tee', 'corepack'].includes(tool) }
  test.each([
    ['.devcontainer/devcontainer.json', '{"postCreateCommand": "cd app && uv sync"}', 'uv'],
    ['.devcontainer/devcontainer.json', '{"postCreateCommand": "sudo chown node . && npm ci"}', 'sudo'],
    ['.devcontainer/devcontainer.json', '{"postCreateCommand": "npm install -g turbo"}', 'npm install -g'],
    ['.codex/setup.sh', '#!/bin/bash\nset -e\nif true; then\n  X=1 poetry install\nfi\n', 'poetry'],
    ['Makefile', 'setup:\n\t@pip install -r $(FILE)\nother:\n\tnpm ci\n', 'pip'],
    [
      '.github/workflows/copilot-setup-steps.yml',
      'jobs: { copilot-setup-steps: { steps: [ { run: apt-get update } ] } }',
      'apt-get',
    ],
  ])('%s %j gives way to the lock files, because of %s', async (file, text, program) => {
    const found = await findExplicitSetup(treeOf({ [file]: text }), some)
    expect(found?.commands).toEqual([])
    expect(found?.notes[0]).toContain(`(${program})`)
  })

  test.each([
    ['.devcontainer/devcontainer.json', '{"postCreateCommand": "npm ci && make x | tee log; pnpm i"}'],
    ['.codex/setup.sh', 'set -e\nbuild() { npm ci; }\nbuild # uv sync\necho "a; poetry b" && ./run.sh\n'],
    ['Makefile', 'setup: x\n\t@-npm ci \\\n\t  --flag\n\t$(MAKE) y\n\nother:\n\tuv sync\n'],
    ['.ralph/setup.sh', 'uv sync'],
  ])('%s %j is run', async (file, text) => {
    expect((await findExplicitSetup(treeOf({ [file]: text }), some))?.commands).toHaveLength(1)
  })
})

describe('running it', () => {
  test("the owner's set-up runs first, then the repository's; once, until a lock file changes", async () => {
    using bench = await createPlanBench({
      files: {
        '.ralph/setup.sh': 'echo repository >> ../ran; echo warm > cache.ignored',
        '.gitignore': '*.ignored',
      },
      start: { setup: 'echo owner >> ../ran' },
    })
    const ran = () => readFileSync(join(bench.folder, 'ran'), 'utf8')
    expect(await runSetup(bench.plan)).toBeNull()
    expect(ran()).toBe('owner\nrepository\n')
    expect(bench.events).toContainEqual({ type: 'setup', text: expect.stringContaining('.ralph/setup.sh') })
    await runSetup(bench.plan)
    expect(ran()).toBe('owner\nrepository\n')
    bench.put('.ralph/setup.sh', 'echo changed >> ../ran')
    await runSetup(bench.plan)
    expect(ran()).toBe('owner\nrepository\nowner\nchanged\n')
  })

  test('what fails is told with its end, and tried again the next time', async () => {
    using bench = await createPlanBench({ start: { setup: 'echo no such package >&2; exit 7' } })
    expect(await runSetup(bench.plan)).toMatch(
      /`echo no such package .*` ended with exit code 7:\nno such package/,
    )
    expect(await runSetup(bench.plan)).toContain('exit code 7')
  })

  test('programs that the repository asks for come first, beside its own set-up and the lock files', async (context) => {
    using bench = await createPlanBench({
      files: {
        'package.json': '{"devDependencies": {"a": "1"}, "packageManager": "pnpm@9.1.0"}',
        'pnpm-lock.yaml': '',
        '.devcontainer/devcontainer.json': '{"postCreateCommand": "no-such-program"}',
      },
    })
    const { git, env } = bench.plan
    const plan = (commit: string | null) => planSetup({ git, commit, env, declared: 'echo owner' })
    if (findProgram('corepack', env) === null) context.skip('corepack is not on this machine')
    const first = await plan(bench.baseHead)
    expect(first.commands.map(({ command }) => command)).toEqual([
      expect.stringContaining('corepack enable --install-directory "$HOME/.local/bin" pnpm'),
      'echo owner',
      'pnpm install --frozen-lockfile',
    ])
    expect(first.notes).toEqual([expect.stringContaining('(no-such-program)')])
    bench.put('.ralph/setup.sh', 'pnpm i')
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'x')
    const second = await plan(await commitOf(git, 'HEAD'))
    expect(second.commands.map(({ command }) => command)).toEqual([
      expect.stringContaining('corepack enable'),
      'echo owner',
      'bash .ralph/setup.sh',
    ])
    // Where the machine has no pnpm, the command makes one that the plan's PATH finds.
    const home = { HOME: bench.plan.home, PATH: `${join(bench.plan.home, '.local/bin')}:${env['PATH']}` }
    spawnSync('bash', ['-c', second.commands[0]?.command ?? ''], { env: home })
    expect(findProgram('pnpm', home)).not.toBeNull()
  })

  test('a clean checkout of another commit is set up by that commit', async () => {
    using bench = await createPlanBench({ files: { 'package.json': '{"devDependencies": {"a": "1"}}' } })
    bench.put('.ralph/setup.sh', 'true')
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'x')
    const at = async (commit: string | null) =>
      (await planSetup({ git: bench.plan.git, commit, env: bench.plan.env, declared: undefined })).from
    expect(await at(bench.baseHead)).toEqual(['lock files'])
    expect(await at(await commitOf(bench.plan.git, 'HEAD'))).toEqual(['.ralph/setup.sh'])
  })
})

describe('instructions', () => {
  test('AGENTS.md, else CLAUDE.md with what it imports one level deep, within the checkout, at most 8 KB', async () => {
    using bench = await createPlanBench({
      files: {
        'CLAUDE.md': 'Be good. See @docs/style.md and @../../home/.gitconfig\n`@docs/no.md`',
        'docs/style.md': 'Tabs. @more.md',
        'docs/no.md': 'never',
        'docs/more.md': 'never',
      },
    })
    const { checkout } = bench.plan.start
    expect(readInstructions(checkout)).toBe(
      'CLAUDE.md:\nBe good. See @docs/style.md and @../../home/.gitconfig\n`@docs/no.md`\n\ndocs/style.md:\nTabs. @more.md',
    )
    writeFileSync(join(checkout, 'AGENTS.md'), 'x'.repeat(20_000))
    expect(readInstructions(checkout)).toMatch(/^AGENTS\.md:\nx+…$/)
    expect(readInstructions(checkout).length).toBe(8 * 1024)
  })

  test('a link out of the checkout is not followed, one within it is', async () => {
    using bench = await createPlanBench({ files: { 'docs/agents.md': 'inside' } })
    const { checkout } = bench.plan.start
    symlinkSync('/etc/passwd', join(checkout, 'AGENTS.md'))
    symlinkSync('docs/agents.md', join(checkout, 'CLAUDE.md'))
    expect(readInstructions(checkout)).toBe('CLAUDE.md:\ninside')
  })
})

describe('the first message', () => {
  test('tells system, tools, project, checks, ports, browser and files within 1,200 tokens', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`packages/p${index}/src/deep/file-${index}.ts`, 'x']),
    )
    using bench = await createPlanBench({
      files: { ...files, 'package.json': '{"scripts": {"test": "node --test"}}', 'AGENTS.md': 'Be kind.' },
      start: { setup: 'exit 3', checks: ['npm run mine'] },
    })
    const setupFailure = await runSetup(bench.plan)
    const facts = await gatherFacts({
      checks: '',
      plan: bench.plan,
      baseHead: bench.baseHead,
      setupFailure,
    })
    expect(facts.environment.split('\n')).toEqual([
      expect.stringMatching(
        /^System: .+ \d+ processors, \d+ GB memory, \d+ GB disk free\. Network: (?:yes|no)/,
      ),
      expect.stringMatching(/^Tools: node \d+.*git 2/),
      "Project: node. Prepared: no, set-up from the workspace's setup failed (below).",
      'Checks that will be run: npm run mine; npm test',
      expect.stringMatching(/^Ports for your servers: \d{5} to \d{5}/),
      expect.stringMatching(/^Browser: .*playwright-cli open/),
      expect.stringMatching(/^Files \(202\): AGENTS\.md, package\.json, packages\/p0\/, .* and 142 more$/),
    ])
    expect(facts.environment.length).toBeLessThan(1_200 * 4)
    expect(facts.setupFailure).toContain('exit code 3')
    expect(facts.instructions).toContain('Be kind.')
  })

  test('names submodules and git-lfs files that cannot be had, and leaves them out of the work', async () => {
    using bench = await createPlanBench({
      files: {
        '.gitmodules': '[submodule "lib"]\n\tpath = lib\n\turl = ../other.git\n',
        '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n',
        'art.psd': 'version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n',
      },
    })
    bench.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},lib`)
    bench.git('commit', '-q', '-m', 'with a submodule')
    await fetchSubmodules(bench.plan)
    const { environment } = await gatherFacts({
      checks: '',
      plan: bench.plan,
      baseHead: bench.baseHead,
      setupFailure: null,
    })
    expect(environment).toContain("could not be fetched with this plan's rights; leave them alone: lib")
    expect(environment).toContain('only as pointers; leave them alone: art.psd')
    const linesFor = (gitLfs: string | null) => describeForeignParts(bench.plan.git, gitLfs)
    expect((await linesFor(null)).at(-1)).toMatch(/art\.psd\. This machine has no git-lfs\.$/)
    expect((await linesFor('/usr/bin/git-lfs')).at(-1)).toMatch(/art\.psd$/)
    expect(bench.git('status', '--porcelain')).toBe('')
  })
})

test('evidence is attached by name, size and hash, short texts whole, and within its caps', async () => {
  using bench = await createPlanBench()
  const put = (name: string, content: string | Buffer) =>
    writeFileSync(join(bench.plan.home, 'evidence', name), content)
  put('report.md', 'All is well.')
  put('huge.png', Buffer.alloc(6 * 1024 * 1024))
  symlinkSync('/etc/passwd', join(bench.plan.home, 'evidence/link.txt'))
  for (let index = 0; index < 25; index++) put(`shot-${String(index).padStart(2, '0')}.png`, 'png')
  reportEvidence(bench.plan)
  const told = bench.events.filter(({ type }) => type === 'evidence').map(({ text }) => text)
  expect(told).toHaveLength(21)
  expect(told[0]).toBe('report.md (12 bytes)\nAll is well.')
  expect(told.at(-1)).toMatch(/^Left out, over 20 files.*huge\.png.*shot-24\.png$/)
  expect(told.join('\n')).not.toContain('root:')
})
