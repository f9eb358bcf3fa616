#!/bin/bash
# report-steps: fails if a step of the first boot failed, and names it.
set -euo pipefail

failed=${FAILED_STEPS:-/run/pve-home-failed-steps}

if [[ -s $failed ]]; then
  {
    echo "pve-home: these steps of the first boot failed:"
    cat "$failed"
    echo "pve-home: mend the cause and run: cloud-init single --name scripts_user --frequency always"
  } >&2
  rm "$failed"
  exit 1
fi
