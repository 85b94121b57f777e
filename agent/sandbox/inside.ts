// The shell program that is the first process of a sandbox. It makes the sandbox's own folders and then runs one command, as the
// user it is told. It reads what to do from its file descriptor 3, so that no command line but the command's own shows it.

/** Cover hides a folder under an empty one in memory. Keep shows a file or folder again that lies in a covered one. */
export type Place = { kind: 'cover'; path: string; mode: string } | { kind: 'keep'; path: string }

export interface InsideOrder {
  /** Most processes and threads of one user. */
  processes: number
  /** Most bytes of each covered folder. */
  coverBytes: number
  /** Folder of the control group to enter; null when there is none. */
  group: string | null
  places: readonly Place[]
  cwd: string
  /** null: root. */
  ids: { uid: number; gid: number } | null
  env: Record<string, string>
  command: readonly string[]
}

/** Says that the namespaces are there. The supervisor then writes the map of user ids, and the order. */
export const READY = 'ready'

/** Returns what the first process reads: words that each end with a zero byte. */
export function toWords({ ids, env, places, command, ...order }: InsideOrder): string {
  const asUser =
    ids === null ? [] : ['setpriv', '--reuid', `${ids.uid}`, '--regid', `${ids.gid}`, '--clear-groups']
  const words = [
    'go',
    `${order.processes}`,
    `${order.coverBytes}`,
    order.group ?? '',
    order.cwd,
    `${places.length}`,
    ...places.flatMap((place) => [place.kind === 'keep' ? 'keep' : place.mode, place.path]),
    ...asUser,
    'env',
    '-i',
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...command,
  ]
  return words.map((word) => `${word}\0`).join('')
}

/** The kernel ends a plan's processes before the supervisor, whose own score is 0. */
const OOM_SCORE = 500

// Bash reaps orphans while it waits for the command. When it ends, the kernel ends everything else in the sandbox.
// What is kept is opened before anything is covered, and mounted from its descriptor; -c keeps mount from resolving that path.
export const INSIDE = `
set -eu
printf '${READY}\\n' >&3
IFS= read -r -d '' go <&3
[ "$go" = go ]
mapfile -d '' -t words <&3
exec 3>&-
umask 022
processes=\${words[0]} bytes=\${words[1]} group=\${words[2]} folder=\${words[3]} count=\${words[4]}
places=("\${words[@]:5:2*count}")
command=("\${words[@]:5+2*count}")
echo ${OOM_SCORE} 2>/dev/null >/proc/self/oom_score_adj || :
ulimit -u "$processes" 2>/dev/null || :
[ -z "$group" ] || echo 0 2>/dev/null >"$group/cgroup.procs" || :
declare -A opened
for ((at = 0; at < 2 * count; at += 2)); do
  path=\${places[at + 1]}
  if [ "\${places[at]}" = keep ] && [ -e "$path" ]; then
    exec {opened_at}<"$path"
    opened[$path]=$opened_at
  fi
done
for ((at = 0; at < 2 * count; at += 2)); do
  kind=\${places[at]} path=\${places[at + 1]}
  if [ "$kind" != keep ]; then
    [ ! -d "$path" ] || mount -n -t tmpfs -o "mode=$kind,size=$bytes,nosuid,nodev" sandbox "$path"
  elif [ -n "\${opened[$path]-}" ]; then
    opened_at=\${opened[$path]}
    if [ -d "/proc/self/fd/$opened_at/" ]; then mkdir -p -- "$path"; else mkdir -p -- "\${path%/*}"; : >>"$path"; fi
    mount -n -c --rbind "/proc/self/fd/$opened_at" "$path"
    exec {opened_at}<&-
  fi
done
[ ! -d /run ] || mkdir -p -m 1777 /run/lock
[ ! -d /dev/mqueue ] || mount -n -t mqueue sandbox /dev/mqueue
proc=nosuid,nodev,noexec
mount -n -t proc -o $proc sandbox /proc 2>/dev/null || mount -n -t proc -o ro,$proc sandbox /proc
cd -- "$folder"
"\${command[@]}" && status=0 || status=$?
exit $status
`
