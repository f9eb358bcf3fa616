#!/usr/bin/env bash
# Prepares a Proxmox VE cluster for pve-home: a role with the privileges that pve-home needs and no
# more, a user with it, an API token, and the content type `snippets` on a datastore.
# Run it once as root on one node. What is there already stays as it is, so that it may run again.
set -euo pipefail

usage() {
  cat <<'END'
Usage: prepare.sh [options]

Run once as root on one node of the cluster. Makes the role, the user and the API token of
pve-home, and lets a datastore hold cloud-init snippets. Prints the token once, on stdout;
all else goes to stderr. A second run changes nothing.

  --datastore NAME     datastore that is to hold snippets (local)
  --role NAME          role (PveHome)
  --user NAME@REALM    user (pve-home@pve)
  --token NAME         token of the user (pulumi)
  --no-subscription    also add Proxmox' package repository for hosts without a subscription
  --dry-run            say what would be done, and change nothing
  --undo               take back what earlier runs on this node did; what was there before stays
  --help               this text

EXIT STATUS
  0  done, or nothing to do
  1  failed; what was done until then is kept, and a further run goes on
  2  the command line is wrong
END
}

# The privileges, sorted: https://pve.proxmox.com/pve-docs/pve-admin-guide.html#pveum_permission_management
privileges_8="Datastore.Allocate Datastore.AllocateSpace SDN.Use Sys.Audit Sys.Modify VM.Allocate VM.Audit VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Migrate VM.Monitor VM.PowerMgmt"
privileges_9="Datastore.Allocate Datastore.AllocateSpace SDN.Use Sys.Audit Sys.Modify VM.Allocate VM.Audit VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.GuestAgent.Audit VM.Migrate VM.PowerMgmt"

# PREPARE_ROOT stands before the paths of this host's files, for tests.
record="${PREPARE_ROOT:-}/var/lib/pve-home/prepared"
apt="${PREPARE_ROOT:-}/etc/apt"
repository="$apt/sources.list.d/pve-home-no-subscription.sources"

role=PveHome
user=pve-home@pve
token=pulumi
datastore=local
subscription=yes
dry_run=no
undo=no
changes=0

say() { printf '%s\n' "$*" >&2; }

die() {
  say "prepare.sh: $*"
  exit 1
}

wrong() {
  say "prepare.sh: $*"
  say "See prepare.sh --help."
  exit 2
}

# change says what is done and, but for a dry run, does it.
change() {
  changes=$((changes + 1))
  if [ "$dry_run" = yes ]; then
    say "would $1"
    return
  fi
  say "$1"
  shift
  "$@"
}

# remember notes what a run is about to do, for --undo.
remember() {
  if [ "$dry_run" = yes ]; then
    return
  fi
  mkdir -p "$(dirname "$record")"
  printf '%s\n' "$*" >>"$record"
}

# api asks the API of this node, and fails where there is no such thing.
api() { pvesh get "$1" --output-format json 2>/dev/null | tr -d ' \n'; }

role_privileges() { api "/access/roles/$1" | sed 's/[,{}]/\n/g' | sed -n 's/^"\([A-Za-z.]*\)":"\{0,1\}1"\{0,1\}$/\1/p' | LC_ALL=C sort; }

# has_role says whether the user has the role at /.
has_role() {
  api /access/acl | sed 's/[{}]/\n/g' | grep -F '"path":"/"' | grep -F "\"roleid\":\"$role\"" | grep -F "\"ugid\":\"$user\"" >/dev/null
}

contents() { api "/storage/$1" | sed -n 's/.*"content":"\([^"]*\)".*/\1/p'; }

holds() { [[ ",$1," == *",$2,"* ]]; }

prepare_role() {
  local wanted="$privileges_8" has
  if [ "$major" = 9 ]; then
    wanted="$privileges_9"
  fi
  if ! api "/access/roles/$role" >/dev/null; then
    remember "role $role"
    change "make the role $role" pveum role add "$role" --privs "$wanted"
    return
  fi
  has="$(role_privileges "$role" | tr '\n' ' ')"
  if [ "${has% }" != "$wanted" ]; then
    remember "privileges $role ${has% }"
    change "set the privileges of the role $role" pveum role modify "$role" --privs "$wanted"
  fi
}

prepare_user() {
  if ! api "/access/users/$user" >/dev/null; then
    remember "user $user"
    change "make the user $user" pveum user add "$user" --comment pve-home
  fi
  if ! has_role; then
    remember "acl $user $role"
    change "give the user $user the role $role" pveum acl modify / --users "$user" --roles "$role"
  fi
}

prepare_snippets() {
  local has
  has="$(contents "$datastore")" || die "there is no datastore $datastore; name another with --datastore (pvesm status lists them)"
  if ! holds "$has" snippets; then
    remember "snippets $datastore"
    change "let the datastore $datastore hold snippets beside $has" pvesm set "$datastore" --content "$has${has:+,}snippets"
  fi
}

write_repository() {
  local suite=bookworm key=/etc/apt/trusted.gpg.d/proxmox-release-bookworm.gpg
  if [ "$major" = 9 ]; then
    suite=trixie key=/usr/share/keyrings/proxmox-archive-keyring.gpg
  fi
  mkdir -p "$(dirname "$repository")"
  cat >"$repository" <<END
Types: deb
URIs: http://download.proxmox.com/debian/pve
Suites: $suite
Components: pve-no-subscription
Signed-By: $key
END
  chmod 644 "$repository"
}

prepare_repository() {
  if grep -rqs '^[^#]*pve-no-subscription' "$apt/sources.list" "$apt/sources.list.d"; then
    return
  fi
  remember "repository"
  change "add the repository pve-no-subscription" write_repository
  say "Disable the enterprise repository under Updates > Repositories of the node if it has no subscription."
}

# prepare_token comes last: once it is printed nothing may fail any more.
prepare_token() {
  if api "/access/users/$user/token/$token" >/dev/null; then
    say "The token $user!$token exists; Proxmox does not show it again. If it is lost: pveum user token remove $user $token, then run this again."
    return
  fi
  remember "token $user $token"
  change "make the API token $user!$token" print_token
}

print_token() {
  local answer
  answer="$(pveum user token add "$user" "$token" --privsep 0 --output-format json)"
  if ! [[ "$answer" =~ \"value\"[[:space:]]*:[[:space:]]*\"([^\"]+)\" ]]; then
    die "pveum made the token but did not show it; remove it with: pveum user token remove $user $token"
  fi
  say "This is the token; it is not shown again. On your machine: pulumi config set --secret proxmoxApiToken"
  printf '%s\n' "$user!$token=${BASH_REMATCH[1]}" >&4
}

# undo_one takes back one line of the record. What is gone already is no error.
undo_one() {
  local what="$1" name="${2:-}" more="${3:-}" has
  case "$what" in
    token)
      if api "/access/users/$name/token/$more" >/dev/null; then
        change "remove the API token $name!$more" pveum user token remove "$name" "$more"
      fi
      ;;
    acl)
      role="$more" user="$name"
      if has_role; then
        change "take the role $more from the user $name" pveum acl delete / --users "$name" --roles "$more"
      fi
      ;;
    user)
      if api "/access/users/$name" >/dev/null; then
        change "remove the user $name" pveum user delete "$name"
      fi
      ;;
    role)
      if api "/access/roles/$name" >/dev/null; then
        change "remove the role $name" pveum role delete "$name"
      fi
      ;;
    privileges)
      shift 2
      if api "/access/roles/$name" >/dev/null; then
        change "set the privileges of the role $name as they were" pveum role modify "$name" --privs "$*"
      fi
      ;;
    snippets)
      has="$(contents "$name" || true)"
      if holds "$has" snippets; then
        has=",$has,"
        has="${has//,snippets,/,}"
        has="${has#,}"
        change "let the datastore $name hold no snippets any more" pvesm set "$name" --content "${has%,}"
      fi
      ;;
    repository)
      if [ -e "$repository" ]; then
        change "remove the repository pve-no-subscription" rm -f "$repository"
      fi
      ;;
  esac
}

undo_all() {
  local line
  if [ -e "$record" ]; then
    while read -r -a line <&3; do
      undo_one "${line[@]}"
    done 3< <(tac "$record")
    if [ "$dry_run" = no ]; then
      rm -f "$record"
    fi
  fi
}

while [ $# -gt 0 ]; do
  case "$1" in
    --datastore | --role | --user | --token)
      [ -n "${2:-}" ] || wrong "$1 needs a value"
      [[ "$2" =~ ^[A-Za-z0-9][A-Za-z0-9@._-]*$ ]] || wrong "$1: $2 is not a name"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --no-subscription) subscription=no ;;
    --dry-run) dry_run=yes ;;
    --undo) undo=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) wrong "unknown option $1" ;;
  esac
  shift
done
[[ "$user" == ?*@?* ]] || wrong "--user: $user has no realm, as in pve-home@pve"

[ "$(id -u)" = 0 ] || die "run this as root"
for program in pveversion pveum pvesm pvesh; do
  command -v "$program" >/dev/null || die "$program is not there: run this on a node of Proxmox VE"
done
umask 077
# Only the token goes to stdout.
exec 4>&1 1>&2

if [ "$undo" = yes ]; then
  undo_all
else
  version="$(pveversion)"
  version="${version#pve-manager/}"
  major="${version%%.*}"
  case "$major" in
    8 | 9) ;;
    *) die "Proxmox VE ${version%%/*} is not supported; pve-home needs 8.4 or 9" ;;
  esac
  prepare_role
  prepare_user
  prepare_snippets
  if [ "$subscription" = no ]; then
    prepare_repository
  fi
  prepare_token
fi
if [ "$changes" = 0 ]; then
  say "Nothing to change."
fi
