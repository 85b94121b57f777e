#!/bin/bash
# Stand-in for apt-get on a computer of the local Orgo: the Debian archive is an outside service. It takes the dpkg
# lock and fails as the real one does, asks the archive's address in sources.list (so that a cut network is felt),
# and then really installs git, from the host's copy bound read-only at /orgo/archive.
set -u -o pipefail
lock=/var/lib/dpkg/lock-frontend
wait_seconds=0
words=()
while [ $# -gt 0 ]; do
  case "$1" in
    -o | -c | -t) option="${2:-}"; shift ;;
    -oDPkg::Lock::Timeout=*) option="${1#-o}" ;;
    -*) option= ;;
    *) option=; words+=("$1") ;;
  esac
  case "$option" in DPkg::Lock::Timeout=*) wait_seconds="${option#*=}" ;; esac
  shift
done
verb="${words[0]:-help}"

fail() { printf 'E: %s\n' "$@" >&2; exit 100; }

take_lock() { # file, words for the second line
  exec 9>>"$1" || fail "Could not open lock file $1 - open (28: No space left on device)"
  flock -n 9 && return
  holder=$(sed -n "s/.* \([0-9]*\) [^ ]*:$(stat -c %i "$1") .*/\1/p" /proc/locks | head -n 1)
  held="Could not get lock $1. It is held by process ${holder:-unknown}"
  if [ "$wait_seconds" != 0 ]; then
    echo "Waiting for cache lock: $held..."
    if [ "$wait_seconds" -lt 0 ]; then flock 9 && return; fi
    flock -w "$wait_seconds" 9 && return
  fi
  fail "$held" "Unable to acquire $2 ($1), is another process using it?"
}

archive=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' /etc/apt/sources.list | head -n 1)
fetch() { # path below the archive
  [ -x /usr/bin/curl ] || return 0
  # Not `curl | sh`-able data: only whether the archive can be reached.
  /usr/bin/curl -fsS --max-time 30 -o /dev/null "$archive/$1" 2>/dev/null && return
  fail "Failed to fetch $archive/$1  Could not connect to the archive" \
    "Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?"
}

program_of() { # package -> the program that shows it is there
  case "$1" in
    xz-utils) echo xz ;; util-linux) echo flock ;; procps) echo ps ;; coreutils) echo ls ;;
    passwd | adduser) echo useradd ;; gnupg) echo gpg ;;
    ca-certificates | locales | tzdata) echo true ;;
    curl | wget | tar | bash | openssl | python3 | jq | sudo | gzip | unzip | ripgrep | make | gcc) echo "$1" ;;
    *) return 1 ;;
  esac
}

install_git() {
  echo "Get:1 $archive stable/main git"
  fetch pool/main/g/git
  echo "Selecting previously unselected package git."
  echo "Unpacking git ..."
  tar -C /orgo/archive/git-core --exclude=./git -cf - . | tar --no-same-owner -C "@GIT_DIR@" -xf - || return 1
  # The program itself comes last and whole: found means installed.
  cp /orgo/archive/git "@GIT_DIR@/.git.new" && mv "@GIT_DIR@/.git.new" "@GIT_DIR@/git" || return 1
  echo /usr/bin/git >/var/lib/dpkg/info/git.list || return 1
  echo "Setting up git ..."
}

case "$verb" in
  update)
    take_lock /var/lib/apt/lists/lock "the lock on directory"
    fetch dists/stable/InRelease
    echo "Hit:1 $archive stable InRelease"
    echo "Reading package lists..."
    ;;
  install)
    take_lock "$lock" "the dpkg frontend lock"
    echo "Reading package lists..."
    missing_git=
    for package in "${words[@]:1}"; do
      if [ "$package" = git ]; then
        if [ -x /usr/bin/git ]; then echo "git is already the newest version."; else missing_git=1; fi
      elif program=$(program_of "$package") && command -v "$program" >/dev/null; then
        echo "$package is already the newest version."
      else
        fail "Unable to locate package $package"
      fi
    done
    if [ -n "$missing_git" ]; then
      install_git || fail "Sub-process /usr/bin/dpkg returned an error code (1)"
    fi
    ;;
  clean | autoclean | autoremove | upgrade) echo "0 upgraded, 0 newly installed, 0 to remove." ;;
  *) fail "Invalid operation $verb" ;;
esac
