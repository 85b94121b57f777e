// Pure: builds the four commands a VM is given through Orgo's bash, and parses their answers. Only a ticket and a nonce travel
// this way; plans, keys and tokens go over POST /vm/sync.
import * as z from 'zod'
import { BootStatus, DoorbellStatus } from '../shared/protocol.ts'
import { DEFAULT_NODE_DIST_URL, NODE_SHA256, NODE_VERSION } from './node-pin.ts'
import { START_SCRIPT } from './start-script.ts'
import { permanent, transient, VmError } from './vm.ts'
import { parseJson } from '../shared/json.ts'

const NONCE = /^[a-z0-9]{8,64}$/
// The pattern admits nothing that a shell, curl or a JSON string could take for syntax.
const PLAIN_URL = /^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[A-Za-z0-9._~/-]*)?$/
// A link that bootstrap.sh makes to /opt/ralph/ralph, or to wherever it may write on an adopted machine.
const RALPH = '"${HOME:-/root}/.ralph/ralph"'
const STATUS_IN_MEMORY = '/run/ralph-boot-status'

export interface FirstCommandInput {
  /** The address at which the VM reaches the Worker, without a slash at its end. */
  vmUrl: string
  ticket: string
  /** Names this start: each marker on the disk carries it, and the first doorbell uses it. */
  nonce: string
  workspace: string
  ralphSha256: string
  /** Folder with v{version}/node-v{version}-linux-{x64,arm64}.tar.gz. */
  nodeDistUrl: string
}

/**
 * Returns the command that writes what bootstrap.sh needs to ~/.ralph/boot, starts it detached and prints one BootStatus line. It
 * is under 32 KB and takes milliseconds. Sending it twice starts once. The shell itself writes the values, so no program gets
 * them as arguments.
 */
export function firstCommand(input: FirstCommandInput): string {
  const isDefaultDist = input.nodeDistUrl === DEFAULT_NODE_DIST_URL
  const settings = {
    RALPH_URL: checked('vmUrl', PLAIN_URL, input.vmUrl),
    RALPH_WORKSPACE: checked('workspace', /^[a-z0-9][a-z0-9-]{0,39}$/, input.workspace),
    RALPH_SHA256: checked('ralphSha256', /^[0-9a-f]{64}$/, input.ralphSha256),
    NODE_DIST_URL: checked('nodeDistUrl', PLAIN_URL, input.nodeDistUrl),
    NODE_VERSION,
    // Empty: the owner set this address on purpose, so its own SHASUMS256.txt is trusted as the program itself is.
    NODE_SHA256_X64: isDefaultDist ? NODE_SHA256.x64 : '',
    NODE_SHA256_ARM64: isDefaultDist ? NODE_SHA256.arm64 : '',
  }
  const env = Object.entries(settings).map(([name, value]) => `${name}=${quote(value)}`)
  const ticket = checked('ticket', /^[A-Za-z0-9._-]{1,1000}$/, input.ticket)
  return `umask 077
export HOME="\${HOME:-/root}" PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin"
boot="$HOME/.ralph/boot"
nonce=${quote(checked('nonce', NONCE, input.nonce))}
did() { [ "$(cat "$boot/done/$1" 2>/dev/null)" = "$nonce" ]; }
put() { new="$boot/$1.$$.new"; { printf '%s\\n' "$2" >"$new"; } 2>/dev/null && [ -s "$new" ] && mv -f "$new" "$boot/$1"; }
started='{"step":"start","error":null}'
if did done; then echo '{"step":"done","error":null}'; exit 0; fi
if mkdir -p "$boot/done" && put env ${quote(env.join('\n'))} && put start.sh ${quote(START_SCRIPT)} &&
  { did key || put ticket ${quote(ticket)}; } && put nonce "$nonce" && put status "$started"
then
  rm -f ${STATUS_IN_MEMORY} 2>/dev/null
  chmod 700 "$HOME/.ralph"
  detach=setsid; command -v setsid >/dev/null || detach=nohup
  [ "$(wc -c 2>/dev/null <"$boot/log" || echo 0)" -lt 1000000 ] || rm -f "$boot/log"
  # Held from here on and handed down as descriptor 9, so that whoever looks never finds a start without its lock.
  exec 9>>"$boot/lock"
  if command -v flock >/dev/null; then flock -n 9; fi
  $detach bash "$boot/start.sh" </dev/null >>"$boot/log" 2>&1 &
  echo "$started"
else
  failed='{"step":"disk","error":"disk full or not writable: cannot write to ~/.ralph on the VM"}'
  { echo "$failed" >${STATUS_IN_MEMORY}; } 2>/dev/null
  echo "$failed"
fi
`
}

/** Returns the command that prints the BootStatus line; it only reads. A start that was killed or rebooted counts as none. */
export function statusCommand(): string {
  return `boot="\${HOME:-/root}/.ralph/boot"
status="$(cat ${STATUS_IN_MEMORY} 2>/dev/null || cat "$boot/status" 2>/dev/null || echo '{"step":"none","error":null}')"
case "$status" in
  *'"step":"none"'* | *'"step":"done"'*) ;;
  *'"error":null'*)
    if command -v flock >/dev/null && flock -n "$boot/lock" true 2>/dev/null; then
      # Its end may have come between the two looks.
      status="$(cat "$boot/status")"
      case "$status" in *'"step":"done"'*) ;; *'"error":null'*) status='{"step":"none","error":null}' ;; esac
    fi ;;
esac
echo "$status"
`
}

/** Returns the only command a running VM ever gets. */
export function doorbellCommand(nonce: string): string {
  return `${RALPH} doorbell ${checked('nonce', NONCE, nonce)}`
}

/** Returns the command that asks whose ~/workspace an adopted machine holds; it only reads. */
export function foreignWorkspaceCommand(): string {
  return `home="\${HOME:-/root}" owner=''
[ ! -f "$home/.ralph/workspace" ] || owner="$(head -c 64 "$home/.ralph/workspace" | tr -cd 'a-z0-9-')"
if [ -n "$owner" ]; then echo "{\\"holds\\":\\"$owner\\"}"
elif [ -e "$home/workspace" ] || [ -L "$home/workspace" ]; then echo '{"holds":"?"}'
else echo '{"holds":null}'
fi
`
}

/** Returns the last BootStatus among the output's lines; null when there is none. */
export const parseBootStatus = (output: string): BootStatus | null => lastLine(output, BootStatus)

export const parseDoorbell = (output: string): DoorbellStatus | null => lastLine(output, DoorbellStatus)

const Holds = z.object({ holds: z.string().nullable() })

/** Returns whose ~/workspace it is, '?' when unknown, null when there is none. Throws VmError when the machine did not answer. */
export function parseForeignWorkspace(output: string): string | null {
  const answer = lastLine(output, Holds)
  if (answer === null)
    throw new VmError(transient('bad_answer', 'The computer did not say whether it holds a ~/workspace.'))
  return answer.holds
}

/** Returns the last line that fits the schema: machines print greetings and warnings around the answer. */
function lastLine<T>(output: string, schema: z.ZodType<T>): T | null {
  for (const line of output.split('\n').toReversed()) {
    const start = line.indexOf('{')
    if (start === -1) continue
    const parsed = schema.safeParse(parseJson(line.slice(start)))
    if (parsed.success) return parsed.data
  }
  return null
}

function checked(name: string, pattern: RegExp, value: string): string {
  if (pattern.test(value)) return value
  throw new VmError(permanent('refused', `${name} cannot be sent to a VM: its form is wrong.`))
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
