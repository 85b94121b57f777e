#!/bin/bash
# Makes a bare Ubuntu machine ready for Ralph. The Worker's first command starts it in the background, as root.
#
# Each step looks at what is there, does what is missing and leaves a marker in ~/.ralph/boot/done/ with this start's nonce. If
# the script is killed and run again, it continues at the first step without a marker; a new start checks every step again.
# ~/.ralph/boot/status always holds {"step", "error"}, which is all that the Worker reads. No secret is ever an argument of a
# program, because every user of the machine can read arguments.
set -u
export HOME="${HOME:-/root}" LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

boot="$HOME/.ralph/boot"
opt=/opt/ralph
srv=/srv/workspace
if [ "$(id -u)" != 0 ] || [ "$HOME" != "$(eval "echo ~$(id -un)")" ]; then
  # This is only a home folder on a person's computer (a local computer without a sandbox), so nothing outside it is changed.
  opt="$HOME/.ralph/opt"
  srv="$HOME/.ralph/srv"
fi
# The status is written here when the disk is full.
status_in_memory=/run/ralph-boot-status
apt_wait_s="${RALPH_APT_WAIT_S:-300}"
min_free_mb=1024
min_node_major=22
error=''

main() {
  # shellcheck source=/dev/null
  . "$boot/env" || exit 1
  nonce="$(cat "$boot/nonce")"
  mkdir -p "$boot/done" && chmod 700 "$HOME/.ralph"
  rm -rf "$opt"/.new.* "$boot"/*.part
  # These are leftovers of first commands that were killed. Younger files may belong to one that still runs.
  find "$boot" -name '*.new' -mmin +1 -delete 2>/dev/null
  step disk check_disk
  step network check_network
  step git install_git
  step node install_node
  step ralph install_ralph
  step key exchange_ticket
  step users prepare_home
  step mirror leave_mirror
  step supervisor start_supervisor
  put "$boot/done/done" "$nonce" || fail 'done'
  write_status 'done'
}

# ---- the frame ----

step() { # name, function: runs the function unless this start has already done it
  [ "$(cat "$boot/done/$1" 2>/dev/null)" != "$nonce" ] || return 0
  write_status "$1"
  error=''
  "$2" || fail "$1"
  put "$boot/done/$1" "$nonce" || fail "$1"
}

fail() { # step: writes the step's error and ends; the next start tries again
  local free_mb
  free_mb="$(free_mb_of "$HOME")"
  if [ "${free_mb:-0}" -lt 16 ]; then error="disk full: $free_mb MB free under $HOME"; fi
  write_status "$1" "${error:-failed, see $boot/log on the VM}"
  exit 1
}

write_status() { # step, error or nothing
  local text="${2-}" json=null
  if [ -n "$text" ]; then
    text="${text//[^[:print:]]/ }"
    text="${text//\\//}"
    json="\"$(printf '%.500s' "${text//\"/\'}")\""
  fi
  echo "$(date +%H:%M:%S) $1 $text"
  if put "$boot/status" "{\"step\":\"$1\",\"error\":$json}" 2>/dev/null; then
    rm -f "$status_in_memory" 2>/dev/null
  else
    { printf '{"step":"%s","error":%s}\n' "$1" "$json" >"$status_in_memory"; } 2>/dev/null
  fi
}

put() { # file, content: writes the file as a whole or not at all
  printf '%s\n' "$2" >"$1.new" && [ -s "$1.new" ] && mv -f "$1.new" "$1"
}

# ---- helpers ----

has() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" = 0 ]; }

free_mb_of() { # path: prints the free MB at its nearest existing folder
  local at="$1"
  while [ ! -e "$at" ]; do at="$(dirname "$at")"; done
  df -Pk "$at" | { read -r _ && read -r _ _ _ kb _ && echo $((kb / 1024)); }
}

sha256_of() { # file
  if has sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi 2>/dev/null | cut -d ' ' -f 1
}

credential() { # prints a header line for curl with the ticket while there is one, else with the VM key
  printf 'Authorization: Bearer %s\n' \
    "$(cat "$boot/ticket" 2>/dev/null || cat "$boot/ticket.using" 2>/dev/null || cat "$HOME/.ralph/vm.key" 2>/dev/null)"
}

ask() { # output file, URL, further curl arguments: fetches from the Worker; sets error and fails on any answer but 200
  local out="$1" url="$2" code result
  shift 2
  code="$(curl -sS --connect-timeout 10 --max-time 120 --retry 3 --retry-delay 1 --retry-connrefused \
    -H @<(credential) -o "$out" -w '%{http_code}' "$@" "$url")"
  result=$?
  if [ "$result" != 0 ]; then
    error="cannot reach ${url%%\?*}: $(curl_words "$result")"
    return 1
  fi
  [ "$code" = 200 ] && return 0
  case "$code" in
    401 | 403) error="the Worker refused this VM's bootstrap ticket (HTTP $code): it is spent, expired or of an older start" ;;
    404) error="the Worker does not serve ${url#"$RALPH_URL"} (HTTP 404): it was deployed anew meanwhile" ;;
    *) error="the Worker answered HTTP $code to ${url#"$RALPH_URL"}" ;;
  esac
  return 1
}

curl_words() { # exit code of curl
  case "$1" in
    5 | 6) echo "its name cannot be resolved (no network or no name server)" ;;
    7) echo "nothing answers there (no network, or the address is wrong)" ;;
    22) echo "it answered with an error" ;;
    23) echo "the answer cannot be written to disk" ;;
    28) echo "no answer in time" ;;
    35 | 51 | 60 | 77) echo "the TLS connection fails (is the clock right, are ca-certificates installed?)" ;;
    *) echo "curl error $1" ;;
  esac
}

# ---- the steps ----

check_disk() {
  local dir free_mb
  for dir in "$HOME" "$opt" "$srv"; do
    free_mb="$(free_mb_of "$dir")"
    if [ "${free_mb:-0}" -lt "$min_free_mb" ]; then
      error="disk full: ${free_mb:-0} MB free for $dir, $min_free_mb MB needed. Free some or give the VM a larger disk"
      return 1
    fi
  done
}

check_network() { # any answer is enough: this step only checks that the Worker can be reached
  # With -o /dev/null a retry would try to truncate that file and fail.
  curl -sS --connect-timeout 10 --max-time 30 --retry 2 --retry-delay 1 --retry-connrefused \
    "$RALPH_URL/healthz" >/dev/null && return 0
  error="network missing: cannot reach $RALPH_URL: $(curl_words $?)"
  return 1
}

install_git() {
  if ! has git; then
    if ! is_root; then error="git is missing and only root may install it" && return 1; fi
    if ! has apt-get; then error="git is missing and there is no apt-get to install it with" && return 1; fi
    # The update may fail for an outdated list or a broken archive; that does not matter if the install itself works.
    apt_get update || case "$error" in *locked*) return 1 ;; esac
    apt_get install -y --no-install-recommends git ca-certificates || return 1
    hash -r
    if ! has git; then error="apt-get installed git but it does not run" && return 1; fi
  fi
  case "$(git version)" in
    'git version '[01].* | 'git version 2.'[0-9].* | 'git version 2.'[12][0-9].*)
      echo "warning: $(git version) is older than 2.30: pushes and partial clones may be slower" ;;
  esac
}

apt_get() { # arguments of apt-get: runs it, and waits while another package manager works
  local until_s=$((SECONDS + apt_wait_s)) repaired='' left_s
  while :; do
    left_s=$((until_s - SECONDS))
    # A negative timeout would wait for ever. The timeout does not cover the lock of the package list, hence the loop.
    [ "$left_s" -ge 1 ] || left_s=1
    apt-get -o DPkg::Lock::Timeout="$left_s" -o Acquire::Retries=3 "$@" >"$boot/apt.log" 2>&1 </dev/null && return 0
    cat "$boot/apt.log"
    if grep -Eq 'Could not get lock|Unable to (lock|acquire)' "$boot/apt.log"; then
      if [ "$SECONDS" -ge "$until_s" ]; then
        error="the package system (apt) stayed locked by another process for $apt_wait_s s"
        return 1
      fi
      sleep 2
    elif grep -q 'dpkg --configure -a' "$boot/apt.log" && [ -z "$repaired" ]; then
      repaired=1 # an earlier install was killed half-way
      dpkg --configure -a </dev/null
    else
      error="apt-get $1 failed: $(grep '^E:' "$boot/apt.log" | head -n 1)"
      if grep -Eq 'Failed to fetch|Could not (resolve|connect)|Temporary failure' "$boot/apt.log"; then
        error="network missing: the package archive cannot be reached. $error"
      fi
      return 1
    fi
  done
}

as_nobody() { # whether a user without rights can run this program; the shell is needed, as setpriv's own exec has root's rights
  is_root && has useradd && has setpriv || return 1
  # shellcheck disable=SC2016
  setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh -c '"$0" --version' "$1" >/dev/null 2>&1
}

find_node() { # prints the path of a Node that is new enough and that plan users can run too
  local node version
  for node in "$opt/node/bin/node" "$(command -v node)"; do
    if [ -z "$node" ] || [ ! -x "$node" ]; then continue; fi
    node="$(readlink -f "$node")"
    version="$("$node" --version 2>/dev/null)" || continue
    version="${version#v}"
    [ "${version%%.*}" -ge "$min_node_major" ] 2>/dev/null || continue
    # A Node below /root/.nvm, for instance, cannot be run by other users. Some sandboxes have no other user.
    if [ "$node" != "$(readlink -f "$opt/node/bin/node")" ] && as_nobody /bin/true; then
      as_nobody "$node" || continue
    fi
    echo "$node"
    return 0
  done
  return 1
}

install_node() {
  find_node >/dev/null && return 0
  local arch sum name archive fresh="$opt/.new.$$" result
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64' | 'Linux amd64') arch=x64 sum="$NODE_SHA256_X64" ;;
    'Linux aarch64' | 'Linux arm64') arch=arm64 sum="$NODE_SHA256_ARM64" ;;
    *)
      error="there is no Node archive for $(uname -s) $(uname -m): install Node $min_node_major or newer by hand"
      return 1
      ;;
  esac
  name="node-v$NODE_VERSION-linux-$arch.tar.gz"
  mkdir -p "$fresh" && chmod 755 "$opt" "$fresh" || return 1
  archive="$fresh/$name"
  if [ -z "$sum" ]; then
    # A person set another address than the default and trusts it for the program, so its checksum is trusted as well.
    download "$fresh/sums" "SHASUMS256.txt" || return 1
    sum="$(grep -E "^[0-9a-f]{64}  $name\$" "$fresh/sums" | cut -d ' ' -f 1)"
    if [ -z "$sum" ]; then error="$NODE_DIST_URL has no checksum for $name" && return 1; fi
  fi
  download "$archive" "$name" || return 1
  if [ "$(sha256_of "$archive")" != "$sum" ]; then
    error="$name from $NODE_DIST_URL does not have the expected SHA-256"
    return 1
  fi
  mkdir "$fresh/node" && tar -xzf "$archive" -C "$fresh/node" --strip-components=1 --no-same-owner
  result=$?
  if [ "$result" != 0 ]; then error="$name could not be unpacked" && return 1; fi
  chmod -R a+rX "$fresh/node" && rm -rf "$opt/node" && mv "$fresh/node" "$opt/node" && rm -rf "$fresh"
  if ! find_node >/dev/null; then error="$name does not run on this machine" && return 1; fi
}

download() { # file, name: downloads from Node's archive, without any credential
  local url="$NODE_DIST_URL/v$NODE_VERSION/$2"
  curl -fsSL --connect-timeout 10 --max-time 600 --retry 3 --retry-delay 1 --retry-connrefused -o "$1" "$url" && return 0
  error="cannot fetch $url: $(curl_words $?)"
  return 1
}

install_ralph() {
  local node fresh="$opt/.new.$$"
  mkdir -p "$fresh" && chmod 755 "$opt" || return 1
  if [ "$(sha256_of "$opt/ralph.mjs")" != "$RALPH_SHA256" ]; then
    ask "$fresh/ralph.mjs" "$RALPH_URL/vm/ralph.mjs?sha=$RALPH_SHA256" || return 1
    if [ "$(sha256_of "$fresh/ralph.mjs")" != "$RALPH_SHA256" ]; then
      error="ralph.mjs did not arrive whole: its SHA-256 is wrong"
      return 1
    fi
    chmod 644 "$fresh/ralph.mjs" && mv -f "$fresh/ralph.mjs" "$opt/ralph.mjs" || return 1
  fi
  if ! node="$(find_node)"; then error="Node went away" && return 1; fi
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node" "$opt/ralph.mjs" >"$fresh/ralph" || return 1
  chmod 755 "$fresh/ralph" && mv -f "$fresh/ralph" "$opt/ralph" && rm -rf "$fresh" || return 1
  # The Worker's doorbell command always calls this path.
  ln -sfn "$opt/ralph" "$HOME/.ralph/ralph"
}

exchange_ticket() { # exchanges the ticket for a VM key; a newer ticket may arrive at any moment
  local key
  if [ -e "$boot/ticket" ]; then mv -f "$boot/ticket" "$boot/ticket.using" || return 1; fi
  if [ -e "$boot/ticket.using" ]; then
    ask "$boot/key.part" "$RALPH_URL/vm/key" -d '' || return 1
    key="$(sed -n 's/.*"vmKey" *: *"\([A-Za-z0-9._-]*\)".*/\1/p' "$boot/key.part")"
    rm -f "$boot/key.part"
    if [ -z "$key" ]; then error="the Worker gave no VM key" && return 1; fi
    (umask 077 && put "$HOME/.ralph/vm.key" "$key") || return 1
    rm -f "$boot/ticket.using"
  fi
  if [ ! -s "$HOME/.ralph/vm.key" ]; then error="there is neither a ticket nor a VM key" && return 1; fi
}

prepare_home() {
  local owner link="$HOME/workspace"
  owner="$(cat "$HOME/.ralph/workspace" 2>/dev/null)"
  if [ -n "$owner" ] && [ "$owner" != "$RALPH_WORKSPACE" ]; then
    error="this VM already belongs to the workspace $owner"
    return 1
  fi
  if [ -z "$owner" ]; then
    rmdir "$link" 2>/dev/null # an empty folder holds nothing of value
    if [ -e "$link" ] || [ -L "$link" ] || [ -n "$(ls -A "$srv" 2>/dev/null)" ]; then
      error="this VM already holds a ~/workspace that is not ours"
      return 1
    fi
    put "$HOME/.ralph/workspace" "$RALPH_WORKSPACE" || return 1
  fi
  # Plan users cannot enter root's home, so the workspace is a folder outside of it.
  mkdir -p "$srv" && chmod 755 "$srv" || return 1
  if [ ! "$link" -ef "$srv" ]; then ln -sfn "$srv" "$link" || return 1; fi
  put "$HOME/.ralph/config.json" "{\"url\":\"$RALPH_URL\",\"workspace\":\"$RALPH_WORKSPACE\"}" || return 1
  chmod 700 "$HOME/.ralph" || return 1
  if ! is_root || ! has useradd; then echo "note: users cannot be added here, so one plan runs at a time"; fi
}

leave_mirror() { echo "note: the supervisor clones the repository once it runs"; }

start_supervisor() {
  local limit=()
  if has timeout; then limit=(timeout 60); fi
  ${limit[@]+"${limit[@]}"} "$opt/ralph" doorbell "$nonce" >"$boot/doorbell.log" 2>&1 </dev/null
  grep -q '"ralph":1' "$boot/doorbell.log" && return 0
  error="the supervisor did not start: $(tail -n 1 "$boot/doorbell.log")"
  return 1
}

# The umask is not 077, because apt's scripts and plan users need readable files. Secrets are in ~/.ralph (0700).
umask 022
mkdir -p "$boot"
# Two starts count as one: the second waits and then finds everything done. The Worker's first command passes the descriptor on.
if [ ! -e /dev/fd/9 ]; then exec 9>>"$boot/lock"; fi
if has flock; then flock -w 900 9 || exit 0; fi
# The descriptor is closed for main and its children, so that the supervisor does not inherit the lock.
main 9>&-
