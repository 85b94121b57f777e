// Kinds of steps that change the git folder itself, its settings, its locks, or what git may read of a file.
import { commit, one, OWN, write } from './kind.ts'
import type { Kind } from './kind.ts'

const INIT = 'git init -q'

const FOLDER_KINDS: Kind[] = [
  { name: 'git folder removed', shell: (n) => `${write(n)}\nrm -rf .git` },
  {
    name: 'git folder moved',
    shell: (n, roll) => `${write(n)}\nmv .git ${one(roll, '.git-old', '~/git-old', 'git-old')}`,
  },
  {
    name: 'begun anew',
    shell: (n, roll) => `rm -rf .git\n${INIT}\n${write(n)}\n${one(roll, '', commit(n))}`,
  },
  { name: 'moved and begun anew', shell: (n) => `mv .git .git-old\n${INIT}\n${write(n)}\n${commit(n)}` },
  { name: 'put elsewhere', shell: (n) => `${INIT} --separate-git-dir ~/git-dir-${n}` },
  {
    name: 'HEAD removed',
    shell: (n, roll) => `${write(n)}\n${one(roll, 'rm .git/HEAD', 'echo x > .git/HEAD', ': > .git/HEAD')}`,
  },
  { name: 'HEAD on nothing', shell: (n) => `git symbolic-ref HEAD refs/heads/nothing-${n}` },
  { name: 'own ref removed', shell: () => `git update-ref -d refs/heads/${OWN}` },
  {
    name: 'index broken',
    shell: (_, roll) => one(roll, 'rm .git/index', 'echo x > .git/index', 'chmod 000 .git/index'),
  },
  { name: 'borrowing removed', shell: () => 'rm -f .git/objects/info/alternates' },
  { name: 'hooks removed', shell: () => 'rm -rf .git/hooks' },
  {
    name: 'failing hook',
    shell: (n) =>
      `${write(n)}\nprintf '#!/bin/sh\\nexit 1\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit`,
  },
  { name: 'logs removed', shell: () => 'rm -rf .git/logs' },
  { name: 'refs packed', shell: () => 'git pack-refs --all' },
  {
    name: 'collected',
    shell: (_, roll) => one(roll, 'git gc -q', 'git repack -q -a -d', 'git gc -q --prune=now'),
  },
  { name: 'shut refs', shell: () => 'chmod 500 .git/refs/heads .git/refs/heads/agent' },
  { name: 'shut objects', shell: () => 'chmod 500 .git/objects' },
  { name: 'shut git folder', shell: () => 'chmod 000 .git' },
  {
    name: 'lock',
    weight: 2,
    shell: (n, roll) =>
      `${write(n)}\ntouch .git/${one(roll, 'index.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock', 'shallow.lock')}`,
  },
  { name: 'lock of its branch', shell: (n) => `${write(n)}\ntouch ".git/refs/heads/"${OWN}.lock` },
]

const SETTING_KINDS: Kind[] = [
  {
    name: 'remote',
    weight: 2,
    shell: (n, roll) =>
      `${write(n)}\n${one(
        roll,
        'git remote remove origin',
        'git remote rename origin upstream',
        'git remote set-url origin /nowhere',
        'git remote set-url --push origin /nowhere',
      )}`,
  },
  {
    name: 'setting',
    weight: 2,
    shell: (n, roll) =>
      `${write(n)}\ngit config ${one(
        roll,
        'core.bare true',
        'core.worktree /tmp',
        'commit.gpgSign true',
        'core.hooksPath /nowhere',
        'url./nowhere.insteadOf http://',
        'core.autocrlf true',
        'core.safecrlf true',
        'core.fileMode false',
        'core.excludesFile ~/excluded',
        'status.showUntrackedFiles no',
        'diff.external false',
        'user.useConfigOnly true',
        'push.default nothing',
        'core.logAllRefUpdates false',
        'core.sharedRepository 0400',
        'extensions.partialClone origin',
        'core.repositoryFormatVersion 9',
        'diff.noprefix true',
        'core.quotePath false',
        'index.skipHash true',
        'color.ui always',
        'log.showSignature true',
        'core.ignoreCase true',
        'core.precomposeUnicode true',
        'submodule.recurse true',
        'fetch.prune true',
        'core.bigFileThreshold 1',
        'merge.ff only',
        'gc.auto 1',
      )}`,
  },
  {
    name: 'settings broken',
    shell: (_, roll) => one(roll, 'echo "[core" > .git/config', 'rm .git/config', 'chmod 000 .git/config'),
  },
  {
    name: 'own settings broken',
    shell: (_, roll) => one(roll, 'echo "[core" > ~/.gitconfig', 'rm ~/.gitconfig'),
  },
  { name: 'sparse checkout', shell: (n) => `${write(n)}\ngit sparse-checkout set src` },
  {
    name: 'assumed unchanged',
    shell: (n, roll) =>
      `git update-index --${one(roll, 'assume-unchanged', 'skip-worktree')} read.txt\n${write(n, 'read.txt')}`,
  },
  {
    name: 'worktree settings',
    shell: () => 'git config extensions.worktreeConfig true; git config --worktree core.bare true',
  },
  { name: 'replaced commit', shell: (n) => `${write(n)}\n${commit(n)}\ngit replace HEAD HEAD~1` },
  {
    name: 'shallow',
    shell: () => 'git rev-parse HEAD > .git/shallow',
  },
]

const FILE_KINDS: Kind[] = [
  { name: 'unreadable file', shell: (n) => `${write(n)}\nchmod 000 file-${n}.txt` },
  { name: 'unreadable folder', shell: (n) => `${write(n, `shut-${n}/file.txt`)}\nchmod 000 shut-${n}` },
  { name: 'unreadable tracked folder', shell: (n) => `${write(n, 'src/one.txt')}\nchmod 000 src` },
  { name: 'read-only folder', shell: (n) => `${write(n, `fast-${n}/file.txt`)}\nchmod 500 fast-${n}` },
  {
    name: 'attributes',
    shell: (n, roll) =>
      `${write(n, `kept-${n}.dat`)}\necho '*.dat ${one(
        roll,
        'text eol=crlf',
        'filter=lfs diff=lfs merge=lfs -text',
        'filter=git-crypt',
        'filter=none',
        'working-tree-encoding=UTF-16',
        'ident',
        'export-ignore',
        'merge=ours',
      )}' >> .gitattributes`,
  },
  {
    name: 'filter',
    shell: (n, roll) =>
      `${write(n, `kept-${n}.flt`)}\necho '*.flt filter=own' >> .gitattributes\ngit config filter.own.clean ${one(roll, "'sed s/^/x/'", 'false', '/nowhere')}\ngit config filter.own.required ${one(roll, 'true', 'false')}`,
  },
  {
    name: 'nested repository',
    shell: (n, roll) =>
      `git init -q lib-${n}; cd lib-${n} || exit\n${write(n)}\n${one(roll, '', commit(n), `${commit(n)}\n${write(n, 'more.txt', 2)}`)}`,
  },
  {
    name: 'submodule',
    weight: 2,
    shell: (n, roll) =>
      [
        `git init -q ~/lib-${n}; git -C ~/lib-${n} commit -q --allow-empty -m Lib`,
        `git -c protocol.file.allow=always submodule --quiet add ~/lib-${n} sub-${n} && git commit -q -m "Submodule ${n}"`,
        `cd sub-${n} || exit`,
        write(n),
        one(roll, '', commit(n), `${commit(n)}\ncd ..\ngit add -A\ngit commit -q -m "Moved ${n}"`),
      ].join('\n'),
  },
  { name: 'secret file', shell: (n) => write(n, `.env`) },
  {
    name: 'committed secret file',
    shell: (n) => `${write(n, `id_rsa`)}\n${write(n, `file-${n}.txt`, 2)}\n${commit(n)}`,
  },
  { name: 'generated folder', shell: (n) => write(n, `node_modules/m-${n}/index.js`) },
  { name: 'workflow', shell: (n) => write(n, `.github/workflows/w-${n}.yml`) },
  {
    name: 'large file',
    shell: (n) => `${write(n, `large-${n}.bin`)}\nhead -c 6M /dev/zero >> large-${n}.bin`,
  },
  { name: 'link', shell: (n, roll) => `ln -s ${one(roll, '/etc/passwd', 'nowhere', '.', '~')} link-${n}` },
  { name: 'pipe', shell: (n) => `${write(n)}\nmkfifo pipe-${n}` },
  { name: 'all files removed', shell: () => 'find . -mindepth 1 -name .git -prune -o -type f -delete' },
]

export const GIT_FOLDER_KINDS: readonly Kind[] = [...FOLDER_KINDS, ...SETTING_KINDS, ...FILE_KINDS]
