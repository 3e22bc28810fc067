#!/bin/sh
# Prints the path of the Chromium that the tests of the page drive: the one that is here, or Debian's, which is installed
# first where this runs as root.

set -e

find_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

find_chromium && exit
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "No Chromium is here: install it (apt-get install chromium), and try again." >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -qq --no-install-recommends chromium fonts-dejavu-core >&2
find_chromium
