#!/usr/bin/env bash
# The Debian packages Posthorn needs.   tools/deps.sh build|all [--check]
#   build    what builds and runs the program (make run, make build)
#   all      that, and what the tests, the benchmarks and the checks use (make test, make deps)
#   --check  installs nothing: names what is missing and ends with 1
# Fast and silent when all is there. Services that come with a package (nsd, unbound) are not started.
set -euo pipefail

build_packages=(
  make cmake ninja-build ccache pkg-config clang-19 lld-19
  libstdc++-12-dev libboost1.81-dev libssl-dev libunbound-dev libtomlplusplus-dev libcli11-dev libfmt-dev
  nlohmann-json3-dev libsimdjson-dev libgsasl-dev libargon2-dev libcrypt-dev libpsl-dev libidn2-dev libunistring-dev libre2-dev prometheus-cpp-dev
  libsqlite3-dev libpq-dev libsystemd-dev libseccomp-dev libpam0g-dev
  libgtest-dev libgmock-dev libbenchmark-dev python3 ca-certificates
)
test_packages=(
  libclang-rt-19-dev llvm-19 clang-tidy-19 clang-format-19 binutils git openssl sslscan strace iproute2
  swaks libnet-ssleay-perl curl msmtp git-email libmailtools-perl mutt php-cli man-db mandoc zsh fish nsd unbound ldnsutils bind9-dnsutils dpkg-dev
)

usage() {
  echo "usage: tools/deps.sh build|all [--check]" >&2
  exit 64
}

# Prints each of the given packages that is not installed.
missing_of() {
  local package
  declare -A installed=()
  while read -r status package; do
    if [[ $status == installed ]]; then installed[$package]=1; fi
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null)
  for package in "$@"; do
    if [[ -z ${installed[$package]:-} ]]; then echo "$package"; fi
  done
}

# Runs a command with root's rights, or says what a person with them has to do.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    echo "make deps: these packages are missing and neither root nor sudo is here; ask an administrator to run" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 77
  fi
}

# While it lasts, packages do not start the services they bring (invoke-rc.d(8) asks policy-rc.d).
keep_services_down() {
  local policy=/usr/sbin/policy-rc.d
  if [[ -e $policy ]]; then return; fi
  as_root sh -c "printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy"
  trap "as_root rm -f $policy" EXIT
}

install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -q)
  keep_services_down
  as_root "${apt[@]}" update || echo "make deps: the package lists could not be refreshed; trying with the old ones" >&2
  as_root "${apt[@]}" install -y --no-install-recommends "$@" </dev/null
}

case "${1:-}" in
  build) wanted=("${build_packages[@]}") ;;
  all) wanted=("${build_packages[@]}" "${test_packages[@]}") ;;
  *) usage ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "make deps: this is not Debian; install what tools/deps.sh lists by its name here" >&2
  exit 0
fi
mapfile -t missing < <(missing_of "${wanted[@]}")
if [[ ${#missing[@]} -eq 0 ]]; then exit 0; fi

if [[ ${2:-} == --check ]]; then
  echo "missing packages (make deps installs them): ${missing[*]}" >&2
  exit 1
fi
echo "installing: ${missing[*]}"
install "${missing[@]}"
