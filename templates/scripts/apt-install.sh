#!/bin/bash
# apt-install PACKAGE[=VERSION]...: installs packages. Waits for another apt, such as the daily one,
# and keeps configuration files that are there already.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
options=(-o DPkg::Lock::Timeout=600 -o Acquire::Retries=5)

apt-get "${options[@]}" update
apt-get "${options[@]}" -o Dpkg::Options::=--force-confold install --yes -- "$@"
