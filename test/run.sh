#!/bin/sh
# Everything that the tests need, then all tests: `npm test`, or `npm test -- <part of a file's path> …` for some.
set -eu
cd "$(dirname "$0")/.."
./intercloud --version >/dev/null # installs the npm packages
PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin" # the administrator's programs are not in everybody's path
caches=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
[ -z "$caches" ] || export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$caches/intercloud}"
exec node test/run.ts "$@"
