#!/bin/sh
# Print the path of a Python that really runs: `find_python.sh 3.12` (that version) or `find_python.sh 3.11+` (that or newer).
#
# A name on the PATH may be a shim for a version that is not active, and a Debian Python may lack `ensurepip`;
# a Python that can make virtual environments by itself is preferred. Prints nothing and fails when there is none.

wanted=${1:?usage: find_python.sh VERSION[+]}
version=${wanted%+}
minor=${version#3.}

names="python$version"
if [ "$wanted" != "$version" ]; then
    names="$names python3 python python3.$((minor + 1)) python3.$((minor + 2))"
fi
condition="sys.version_info[:2] == (3, $minor)"
[ "$wanted" = "$version" ] || condition="sys.version_info >= (3, $minor)"

candidates() {
    for name in $names; do
        (IFS=:; for folder in $PATH; do [ -x "$folder/$name" ] && echo "$folder/$name"; done)
    done
    for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*; do
        [ -x "$folder/bin/python" ] && echo "$folder/bin/python"
    done
    command -v uv >/dev/null 2>&1 && uv python find --no-python-downloads "$version" 2>/dev/null
}

for needs in "ssl, sqlite3, ensurepip" "ssl, sqlite3"; do
    found=$(candidates | while read -r candidate; do
        "$candidate" -c "import sys, $needs; $condition or sys.exit(1); print(sys.executable)" </dev/null 2>/dev/null && break
    done)
    if [ -n "$found" ]; then
        echo "$found"
        exit 0
    fi
done
echo "Python $wanted was not found" >&2
exit 1
