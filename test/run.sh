#!/bin/sh
# Everything that the tests need, then all tests: `npm test`, or `npm test -- <part of a file's path> …` for some.
set -eu
cd "$(dirname "$0")/.."
./intercloud --version >/dev/null # installs the npm packages
PATH="$PWD/node_modules/.bin:$PATH"
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-${TMPDIR:-/tmp}/intercloud-test-code-$(id -u)}"
exec node test/run.ts "$@"
