#!/bin/bash
# apt-repository NAME URI SUITE COMPONENT KEY_URL FINGERPRINT: adds an apt repository, whose packages
# must be signed by the key with that fingerprint. {id} and {codename} in URI, SUITE and KEY_URL
# become the distribution's, such as debian and trixie.
set -euo pipefail

apt=${APT_FOLDER:-/etc/apt}

# shellcheck source=/dev/null
. /etc/os-release

fill() {
  local text=${1//"{id}"/$ID}
  echo "${text//"{codename}"/$VERSION_CODENAME}"
}

name=$1 component=$4 fingerprint=$6
uri=$(fill "$2") suite=$(fill "$3") key_url=$(fill "$5")

GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'rm -rf "$GNUPGHOME"' EXIT

curl --fail --silent --show-error --location --proto =https --proto-redir =https \
  --retry 5 --retry-connrefused --max-time 60 --output "$GNUPGHOME/key" "$key_url"
gpg --batch --quiet --no-autostart --import "$GNUPGHOME/key"
# The file may hold several keys: only the one that was asked for is trusted.
gpg --batch --quiet --no-autostart --export "$fingerprint" >"$GNUPGHOME/keyring"
if [[ ! -s $GNUPGHOME/keyring ]]; then
  echo "apt-repository: $key_url has no key $fingerprint: the publisher changed it, or it is not the publisher's" >&2
  exit 1
fi

install -D -m 0644 "$GNUPGHOME/keyring" "$apt/keyrings/$name.gpg"
install -d -m 0755 "$apt/sources.list.d"
cat >"$apt/sources.list.d/$name.sources" <<END
Types: deb
URIs: $uri
Suites: $suite
Components: $component
Signed-By: $apt/keyrings/$name.gpg
END
