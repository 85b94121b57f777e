// The first script a VM runs, which the first command writes: it takes the lock, fetches bootstrap.sh and becomes it. It is kept
// small because it travels inside one argument; everything else is in agent/bootstrap.sh.

export const START_SCRIPT = `#!/bin/bash
set -u
boot="$HOME/.ralph/boot"
[ -e /dev/fd/9 ] || exec 9>>"$boot/lock"
if command -v flock >/dev/null; then flock -w 900 9 || exit 0; fi
nonce="$(cat "$boot/nonce")"
[ "$(cat "$boot/done/done" 2>/dev/null)" != "$nonce" ] || exit 0
. "$boot/env"
status() {
  printf '{"step":"network","error":%s}\\n' "$1" >"$boot/status.new" && mv -f "$boot/status.new" "$boot/status"
}
fetch() {
  status null
  if ! command -v curl >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 update </dev/null
    apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends curl ca-certificates </dev/null
    if ! command -v curl >/dev/null; then
      status '"curl is missing and apt-get could not install it: is there a network?"'
      return 1
    fi
  fi
  code="$(curl -sS --connect-timeout 10 --max-time 60 --retry 3 --retry-delay 1 --retry-connrefused \\
    -H @<(printf 'Authorization: Bearer %s\\n' "$(cat "$boot/ticket" 2>/dev/null || cat "$boot/ticket.using" 2>/dev/null || cat "$HOME/.ralph/vm.key")") \\
    -o "$boot/bootstrap.part" -w '%{http_code}' "$RALPH_URL/vm/bootstrap.sh")"
  result=$?
  case "$result $code" in
    '0 200')
      # A login page of some network in between also answers 200.
      if [ "$(head -c 2 "$boot/bootstrap.part")" = '#!' ]; then mv -f "$boot/bootstrap.part" "$boot/bootstrap.sh"; return; fi
      status "\\"something other than the Worker answers at $RALPH_URL\\"" ;;
    '0 401' | '0 403') status "\\"the Worker refused this VM's bootstrap ticket (HTTP $code): it is spent, expired or of an older start\\"" ;;
    '0 '*) status "\\"the Worker answered HTTP $code to /vm/bootstrap.sh\\"" ;;
    '23 '*) status '"disk full: bootstrap.sh cannot be written"' ;;
    *) status "\\"network missing: cannot reach $RALPH_URL (curl error $result)\\"" ;;
  esac
  return 1
}
fetch 9>&- || exit 1
exec bash "$boot/bootstrap.sh"
`
