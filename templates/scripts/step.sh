#!/bin/bash
# step COMMAND [ARGUMENT...]: runs a step of the first boot. cloud-init looks at the last command's
# exit status only, so what failed is written down for report-steps, and the next step runs.
set -euo pipefail

failed=${FAILED_STEPS:-/run/pve-home-failed-steps}
PATH=$(dirname "$0"):$PATH

echo "pve-home: $*"
if ! "$@"; then
  echo "$*" >>"$failed"
fi
