// Makes a computer's disk and its /usr/bin. The host's programs are shared read-only; its accounts,
// password hashes, settings, /usr/local and its own Node are not.
//
// /usr/bin of a computer is a folder of links to the host's (bound at /orgo/usr), because a missing program must
// really be missing: a masked file would still be found by `command -v`.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Image } from './model.ts'
import { linkNodeTools } from './node-tools.ts'
import { toBundle, toNpmrc } from './registries.ts'
import type { Registries } from './registries.ts'

const ROOT_LINKS = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']
const DISK_DIRS =
  `root home srv opt mnt media dev proc sys run tmp etc/default usr/lib usr/local/bin usr/local/sbin
  usr/local/lib usr/local/etc usr/local/share var/tmp var/log var/cache var/mail var/lib/dpkg/info var/lib/apt/lists
  orgo/usr orgo/archive/git-core`.split(/\s+/)
// Without these files, name look-up, TLS, useradd, su or the loader fail inside.
const ETC_COPIES =
  `nsswitch.conf login.defs default/useradd skel pam.d pam.conf security/limits.conf security/limits.d
  security/access.conf security/group.conf security/time.conf security/pam_env.conf ld.so.cache ld.so.conf
  ld.so.conf.d alternatives fonts chromium chromium.d ssl/openssl.cnf ssl/certs/ca-certificates.crt pki/tls/certs pki/ca-trust/extracted
  crypto-policies host.conf gai.conf protocols services localtime timezone mime.types bash.bashrc profile shells
  os-release debian_version inputrc magic python3 python3.11 python3.12 python3.13 perl xattr.conf deluser.conf
  adduser.conf locale.alias terminfo`.split(/\s+/)
const NODE_PROGRAMS = /^(node|nodejs|npm|npx|corepack|yarn|yarnpkg|pnpm|bun|deno)$/
const GIT_PROGRAMS = /^git(-.*)?$/

/** Returns the folder of the host's git programs, for instance /usr/lib/git-core; empty when there is no git in /usr/bin. */
export function hostGitDir(): string {
  if (!existsSync('/usr/bin/git')) return ''
  return execFileSync('/usr/bin/git', ['--exec-path'], { encoding: 'utf8', env: {} }).trim()
}

/** Writes an empty disk: folders, links into /usr, and an /etc of its own in which users can be added. */
export function formatDisk(diskDir: string, image: Image): void {
  for (const dir of DISK_DIRS) {
    mkdirSync(join(diskDir, dir), { recursive: true })
    chmodSync(join(diskDir, dir), 0o755) // whatever the umask is, users of the VM must be able to enter
  }
  chmodSync(join(diskDir, 'root'), 0o700)
  chmodSync(join(diskDir, 'var/tmp'), 0o1777)
  for (const name of ROOT_LINKS) {
    const stat = lstatSync(`/${name}`, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink() === true) symlinkSync(readlinkSync(`/${name}`), join(diskDir, name))
  }
  for (const name of ETC_COPIES) {
    if (!existsSync(`/etc/${name}`)) continue
    mkdirSync(dirname(join(diskDir, 'etc', name)), { recursive: true })
    execFileSync('cp', ['-a', `/etc/${name}`, join(diskDir, 'etc', name)])
  }
  writeAccounts(join(diskDir, 'etc'))
  // A plan's sandbox here has a /proc that cannot be written, so Chromium cannot make a sandbox of its own. On a real VM it can.
  if (existsSync(join(diskDir, 'etc/chromium.d')))
    writeFileSync(
      join(diskDir, 'etc/chromium.d/stand-in'),
      'export CHROMIUM_FLAGS="$CHROMIUM_FLAGS --no-sandbox"\n',
      { mode: 0o644 },
    )
  const text = (path: string, content: string) => writeFileSync(join(diskDir, path), content, { mode: 0o644 })
  text('etc/hostname', 'orgo-desktop\n')
  text('etc/hosts', '127.0.0.1 localhost orgo-desktop\n::1 localhost\n')
  for (const path of ['etc/environment', 'etc/subuid', 'etc/subgid', 'var/lib/dpkg/lock-frontend'])
    text(path, '')
  text('var/lib/dpkg/status', '')
  if (image === 'desktop') {
    mkdirSync(join(diskDir, 'root/Desktop'))
    text('root/.profile', '# ~/.profile of the stand-in image\n')
  }
}

const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'

export type RefreshInput = { diskDir: string; image: Image; archiveUrl: string; registries: Registries }

/**
 * Updates what changes with a boot: name servers, the loader's cache, the package archive's address, how registries are
 * reached, links to npm, a fresh /tmp.
 */
export function refreshDisk({ diskDir, image, archiveUrl, registries }: RefreshInput): void {
  const copy = (path: string) => {
    if (!existsSync(path)) return
    rmSync(join(diskDir, path), { force: true }) // a link at this path would send the copy to another place
    copyFileSync(realpathSync(path), join(diskDir, path))
  }
  copy('/etc/resolv.conf')
  copy('/etc/ld.so.cache')
  mkdirSync(join(diskDir, 'etc/apt'), { recursive: true })
  writeFileSync(join(diskDir, 'etc/apt/sources.list'), `deb ${archiveUrl} stable main\n`)
  replace(join(diskDir, 'usr/local/etc/npmrc'), toNpmrc(registries, CA_BUNDLE))
  if (registries.certificates.length > 0) replace(join(diskDir, CA_BUNDLE), toBundle(registries))
  if (image === 'desktop') linkNodeTools(join(diskDir, 'usr/local'))
  rmSync(join(diskDir, 'tmp'), { recursive: true, force: true })
  mkdirSync(join(diskDir, 'tmp'))
  chmodSync(join(diskDir, 'tmp'), 0o1777)
}

/** Writes a file anew; a link at its path would send the content to another place. */
function replace(file: string, content: string): void {
  rmSync(file, { force: true })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content, { mode: 0o644 })
}

/** Makes the /usr/bin of an image: links into /orgo/usr/bin, without the host's Node and with our apt-get. */
export function makeProgramDir(dir: string, image: Image, gitDir: string): void {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  for (const name of readdirSync('/usr/bin')) {
    const isHidden = NODE_PROGRAMS.test(name) || (image === 'bare' && GIT_PROGRAMS.test(name))
    if (!isHidden && name !== 'apt' && name !== 'apt-get')
      symlinkSync(`/orgo/usr/bin/${name}`, join(dir, name))
  }
  // The link leads nowhere until apt-get has installed git.
  if (image === 'bare' && gitDir !== '') symlinkSync(`${gitDir}/git`, join(dir, 'git'))
  for (const name of ['apt', 'apt-get']) {
    const script = readFileSync(join(import.meta.dirname, 'apt-get.sh'), 'utf8')
    writeFileSync(join(dir, name), script.replaceAll('@GIT_DIR@', gitDir), { mode: 0o755 })
  }
}

/** Writes only system accounts, without the host's passwords. */
function writeAccounts(etcDir: string): void {
  const users = systemEntries('/etc/passwd')
  const passwd = users.map((fields) => fields.join(':'))
  const shadow = users.map(([name]) => `${name}:*:20000:0:99999:7:::`)
  const groups = systemEntries('/etc/group').map(([name, , id]) => `${name}:x:${id}:`)
  const write = (name: string, lines: string[], mode: number) =>
    writeFileSync(join(etcDir, name), `${lines.join('\n')}\n`, { mode })
  write('passwd', ['root:x:0:0:root:/root:/bin/bash', ...passwd], 0o644)
  write('group', ['root:x:0:', ...groups], 0o644)
  write('shadow', ['root:*:20000:0:99999:7:::', ...shadow], 0o640)
}

function systemEntries(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name, , id]) => name !== 'root' && id !== undefined && (Number(id) < 1000 || id === '65534'))
}
