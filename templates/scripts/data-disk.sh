#!/bin/bash
# data-disk DEVICE MOUNT_POINT FILESYSTEM: mounts a disk by UUID, now and at every boot. Only an empty
# disk is formatted: a disk with anything on it is mounted as it is, or refused. Run again, it
# changes nothing.
set -euo pipefail

device=$1 mount_point=$2 filesystem=$3
fstab=${FSTAB:-/etc/fstab}

refuse() {
  echo "data-disk: $device for $mount_point: $*; nothing was changed" >&2
  exit 1
}

[[ -b $device ]] || refuse "there is no such disk"
if [[ -d $mount_point ]] && ! mountpoint --quiet "$mount_point" && [[ $(ls -A "$mount_point") ]]; then
  refuse "the folder holds files, which the disk would hide"
fi

# Signatures of file systems, partition tables, RAID, LVM and encryption.
signatures=$(wipefs --no-act --noheadings "$device")
if [[ -z $signatures ]]; then
  "mkfs.$filesystem" -q "$device"
fi

# Empty for a disk that holds something else, or more than one thing.
value() {
  blkid --probe --usages filesystem --match-tag "$1" --output value "$device" || true
}
uuid=$(value UUID) type=$(value TYPE)
[[ $uuid && $type ]] || refuse "it holds something other than a file system with a UUID, see: wipefs $device"

present=$(awk -v point="$mount_point" '$1 !~ /^#/ && $2 == point { print $1 }' "$fstab")
case $present in
"")
  # nofail: a guest without its data disk still boots, so that one can look.
  echo "UUID=$uuid $mount_point $type defaults,nofail,x-systemd.device-timeout=30s,x-systemd.growfs 0 2" >>"$fstab"
  ;;
"UUID=$uuid") ;;
*) refuse "$fstab already has $present there" ;;
esac

mkdir -p "$mount_point"
if [[ -d /run/systemd/system ]]; then
  systemctl daemon-reload
fi
mountpoint --quiet "$mount_point" || mount --fstab "$fstab" "$mount_point"
