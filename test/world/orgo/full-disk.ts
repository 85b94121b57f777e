// Causes a real "No space left on device": inside the sandbox each writable folder gets an overlay whose upper
// side is a tiny tmpfs that is then filled to its last block. Reading goes on, every write of content fails with
// ENOSPC, and files made empty or removed behave as on a real full disk. A file descriptor or current directory
// opened before keeps the old view. Freeing copies what was changed meanwhile back to the disk.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

// /usr/local is left out, because the project's Node is bound into it and an overlay would hide that.
const DIRS = 'root home srv opt var etc tmp'

const FILL = `set -e
[ ! -e /orgo/full/filler ] || exit 0
mkdir -p /orgo/full
mount -t tmpfs -o size=256k,mode=755 full /orgo/full
for dir in ${DIRS}; do
  up=/orgo/full/up/$dir; work=/orgo/full/work/$dir
  mkdir -p "$up" "$work"
  chmod --reference="/$dir" "$up"; chown --reference="/$dir" "$up"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$up,workdir=$work" "/$dir"
done
dd if=/dev/zero of=/orgo/full/filler bs=4k 2>/dev/null || true`

const FREE = `[ -e /orgo/full/filler ] || exit 0
rm -f /orgo/full/filler
for dir in ${DIRS}; do
  umount -l "/$dir"
  cd "/orgo/full/up/$dir" || continue
  # A character device is the overlay's mark for "removed".
  find . -mindepth 1 -type c | while IFS= read -r path; do rm -rf "/$dir/$path"; rm -f "$path"; done
  cp -a . "/$dir/"
done
cd /
umount -l /orgo/full`

/** nsenter: the host command that enters the sandbox, with the right to mount there. */
export async function fillDisk(nsenter: string[]): Promise<void> {
  await inSandbox(nsenter, FILL)
}

export async function freeDisk(nsenter: string[]): Promise<void> {
  await inSandbox(nsenter, FREE)
}

async function inSandbox(nsenter: string[], script: string): Promise<void> {
  const [file = 'nsenter', ...args] = nsenter
  await run(file, [...args, '/bin/bash', '-c', script], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeout: 20_000,
  })
}
