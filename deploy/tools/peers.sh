#!/usr/bin/env bash
# Installs the real peers of `make test-peers` into DIR: programs that scanners' reports and vendors' APIs come from, so that
# connectors are tested against more than our own idea of them. Each is pinned. What is there already is left alone.
#
#   deploy/tools/peers.sh DIR [PEER...]      without a PEER, all of them
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1
shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# debian PROGRAM PACKAGE... installs Debian packages unless the program is there.
debian() {
    local program=$1
    shift
    PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$program" >/dev/null && return
    [ "$(id -u)" = 0 ] || { echo "$program is missing: install $*" >&2; return 1; }
    [ -n "${updated:-}" ] || { apt-get update -qq >/dev/null; updated=1; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# module NAME MODULE VERSION PACKAGE builds a program inside a copy of its own module, so that the module's own replace lines and sums
# hold, which `go install` would refuse.
module() {
    local name=$1 source copy
    [ -x "$dir/$name" ] && return
    source=$(go mod download -json "$2@$3" | sed -n 's/.*"Dir": "\(.*\)",\{0,1\}$/\1/p')
    copy=$(mktemp -d)
    cp -r "$source/." "$copy"
    chmod -R u+w "$copy"
    (cd "$copy" && GOFLAGS=-mod=mod go build -ldflags='-s -w' -o "$dir/$name" "$4")
    rm -rf "$copy"
}

# ours NAME builds a program that has a module of its own beside this script.
ours() {
    [ -x "$dir/$1" ] || (cd "$here/$1" && go build -ldflags="${2:--s -w}" -o "$dir/$1" .)
}

# npm_packages installs the Node packages that are pinned beside this script.
npm_packages() {
    [ -d "$dir/$1/node_modules" ] && return
    mkdir -p "$dir/$1"
    cp "$here/$1"/* "$dir/$1/"
    (cd "$dir/$1" && npm ci --ignore-scripts --no-audit --no-fund --silent)
}

install() {
    case $1 in
    nmap) debian nmap nmap ;;
    powerdns) debian pdns_server pdns-server pdns-backend-sqlite3 && debian sqlite3 sqlite3 ;;
    agent) debian fusioninventory-agent fusioninventory-agent ;;
    gitleaks) module gitleaks github.com/zricethezav/gitleaks/v8 v8.24.0 . ;;
    gosec) module gosec github.com/securego/gosec/v2 v2.22.0 ./cmd/gosec ;;
    httpx) module httpx github.com/projectdiscovery/httpx v1.6.10 ./cmd/httpx ;;
    nuclei) module nuclei github.com/projectdiscovery/nuclei/v3 v3.11.0 ./cmd/nuclei ;;
    trivy) module trivy github.com/aquasecurity/trivy v0.60.0 ./cmd/trivy ;;
    kubernetes) debian etcd etcd-server && ours kube-apiserver '-s -w -X k8s.io/component-base/version.gitVersion=v1.31.4' ;;
    backstage) debian pg_ctlcluster postgresql && npm_packages backstage ;;
    signers) npm_packages signers ;;
    *) echo "there is no peer $1" >&2; return 2 ;;
    esac
    echo "peer $1: here"
}

if [ $# -eq 0 ]; then
    set -- nmap powerdns agent gitleaks gosec httpx nuclei signers trivy kubernetes backstage
fi
for peer in "$@"; do
    install "$peer"
done
