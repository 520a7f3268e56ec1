#!/usr/bin/env bash
# Puts a camera node on this machine, or takes it away again. Safe to repeat: what is there already is
# brought up to date, settings are never overwritten.
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_root=$(cd "$here/../.." && pwd)

usage() {
  cat <<'TEXT'
Usage: install.sh install --site SITE.yaml --core HOST --node NODE --certificates DIR [OPTION …]
       install.sh uninstall [--purge] [--root DIR] [--dry-run]

  install    environment in /opt/ioc, settings, site file and certificates in /etc/ioc, user ioc-edge,
             service ioc-edge@SITE, which is started and comes up with the machine
    --site SITE.yaml     the junction; SITE becomes the service's name
    --core HOST          the core's name, as in its certificate
    --node NODE          this machine's name at the junction, as node-1: has a certificate of its own
    --certificates DIR   ca.crt, and city.site.NAME.crt and .key of the node and of each camera, as
                         `setup.sh device` makes them at the core
    --token FILE         token for the upload of evidence, from `ioc console credential` at the core
    --camera ID          only these cameras of the site; again for more
    --python PROGRAM     python3 (3.11 to 3.13 with venv)
    --environment DIR    an environment that tools/production.sh has made; left out, one is made
  uninstall  stops and removes the services and the programs; spool, evidence, keys and settings stay
    --purge              removes these too, and the user

    --root DIR           work below DIR and start nothing: for an image of a node
    --dry-run            print what would be done

Exit codes: 0 done, 1 a step failed, 2 wrong use.
TEXT
}

fail() {
  echo "install.sh: $1" >&2
  exit "${2:-2}"
}

say() { printf '%s\n' "$*"; }

run() { # a command that changes something
  if [[ $dry == yes ]]; then
    printf '+'
    printf ' %q' "$@"
    printf '\n'
  else
    "$@" || fail "failed: $*" 1
  fi
}

dry=no root='' site='' core='' node='' certificates='' token='' python=python3 environment='' purge=no
listed=() cameras=() city='' place_name=''

read_arguments() {
  while (($#)); do
    case $1 in
      --dry-run) dry=yes; shift; continue ;;
      --purge) purge=yes; shift; continue ;;
    esac
    [[ -n ${2:-} ]] || fail "$1: unknown, or without its value; see install.sh --help"
    case $1 in
      --site) site=$2 ;;
      --core) core=$2 ;;
      --node) node=$2 ;;
      --certificates) certificates=$2 ;;
      --token) token=$2 ;;
      --camera) listed+=("$2") ;;
      --python) python=$2 ;;
      --environment) environment=$2 ;;
      --root) root=${2%/} ;;
      *) fail "unknown argument $1; see install.sh --help" ;;
    esac
    shift 2
  done
  if [[ -n $root ]]; then
    [[ $root == /* && -d $root ]] || fail "--root $root: give an existing folder, from the root"
  elif [[ $EUID -ne 0 && $dry == no ]]; then
    fail "run as root (sudo), or with --dry-run to see what it would do"
  fi
}

systemd() { # systemctl, where there is a system to control
  if [[ -n $root ]]; then return; fi
  run systemctl "$@"
}

place() { # MODE SOURCE TARGET: a file of root's; one that differs is kept beside it
  if [[ -e $3 ]]; then
    if cmp -s "$2" "$3"; then return; fi
    run mv "$3" "$3.$(date -u +%Y%m%d%H%M%S)"
  fi
  run install -D -m "$1" "$2" "$3"
}

check_certificate() { # NAME: that it is there, is meant, is of this authority and has not ended
  local stem=$certificates/$1 subject
  [[ -r $stem.crt && -r $stem.key ]] || fail "$stem.crt and .key: missing; make them at the core:
  setup.sh device ${1//./ }"
  openssl verify -CAfile "$certificates/ca.crt" -purpose sslclient "$stem.crt" >/dev/null 2>&1 ||
    fail "$stem.crt: is not a client's certificate of $certificates/ca.crt, or has ended"
  subject=$(openssl x509 -in "$stem.crt" -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= //p')
  [[ $subject == "${1//.//}" ]] || fail "$stem.crt: is of $subject"
  [[ $(openssl x509 -in "$stem.crt" -noout -pubkey) == "$(openssl pkey -in "$stem.key" -pubout 2>/dev/null)" ]] ||
    fail "$stem.key: does not belong to $stem.crt"
}

read_site() { # PYTHON: sets city, place_name and cameras, by the program that will run the file
  local found camera
  found=$("$1" -c 'import sys
from pathlib import Path
from ioc.errors import ConfigError
from ioc.site import load_site
try:
    site = load_site(Path(sys.argv[1]))
except ConfigError as error:
    sys.exit(str(error))
print(site.city, site.site, *(camera.id for camera in site.cameras))' "$site") || fail "$site: is no good site file"
  read -r city place_name found <<<"$found"
  for camera in "${listed[@]}"; do
    [[ " $found " == *" $camera "* ]] || fail "$site: has no camera $camera, only: $found"
  done
  if ((${#listed[@]})); then cameras=("${listed[@]}"); else read -ra cameras <<<"$found"; fi
  ((${#cameras[@]})) || fail "$site: has no cameras"
}

install_node() {
  local name given camera program
  [[ -r $site ]] || fail "--site ${site:-is missing}: give the site file"
  [[ $core =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]] || fail "--core ${core:-is missing}: give the core's name"
  [[ $node =~ ^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$ ]] || fail "--node ${node:-is missing}: give this machine's name, as node-1"
  [[ -r $certificates/ca.crt ]] || fail "--certificates ${certificates:-is missing}: has no ca.crt"
  [[ -z $token || -r $token ]] || fail "--token $token: cannot be read"
  name=$(basename "$site" .yaml)
  [[ $name =~ ^[a-z0-9][a-z0-9_-]*$ ]] || fail "$site: name it SITE.yaml, SITE of a-z, 0-9, - and _"

  if [[ -n $environment ]]; then
    [[ -x $environment/bin/ioc ]] || fail "--environment $environment: has no bin/ioc"
    [[ -L $root/opt/ioc || ! -e $root/opt/ioc ]] || fail "$root/opt/ioc: is a folder; uninstall first"
  elif [[ -n $root ]]; then
    fail "--root needs --environment: an environment runs only in the folder that it was made in"
  else
    run "$source_root/tools/production.sh" "$python" /opt/ioc
  fi
  program=${environment:-/opt/ioc}/bin/python
  if [[ ! -x $program ]]; then
    say "+ … and what follows from $site, which that environment reads"
    return
  fi
  read_site "$program"
  for camera in "$node" "${cameras[@]}"; do check_certificate "$city.$place_name.$camera"; done

  if [[ -n $environment && $(readlink -f "$root/opt/ioc") != "$(readlink -f "$environment")" ]]; then
    run mkdir -p "$root/opt"
    run ln -sfn "$(readlink -f "$environment")" "$root/opt/ioc"
  fi
  place 644 "$here/ioc-edge.sysusers" "$root/usr/lib/sysusers.d/ioc-edge.conf"
  if [[ -z $root ]]; then run systemd-sysusers /usr/lib/sysusers.d/ioc-edge.conf; fi

  run mkdir -p "$root/etc/ioc/sites" "$root/etc/ioc/pki"
  if [[ -e $root/etc/ioc/edge.toml ]]; then
    say "kept $root/etc/ioc/edge.toml"
  else
    given=$(mktemp)
    sed -e "s|@CORE@|$core|g" -e "s|@NODE@|$city.$place_name.$node|g" "$here/edge.toml" >"$given"
    run install -m 644 "$given" "$root/etc/ioc/edge.toml"
    rm -f "$given"
  fi
  place 644 "$site" "$root/etc/ioc/sites/$name.yaml"
  place 644 "$certificates/ca.crt" "$root/etc/ioc/pki/ca.crt"
  for camera in "$node" "${cameras[@]}"; do
    given=$city.$place_name.$camera
    place 644 "$certificates/$given.crt" "$root/etc/ioc/pki/$given.crt"
    place 640 "$certificates/$given.key" "$root/etc/ioc/pki/$given.key"
    own "$root/etc/ioc/pki/$given.key"
  done
  if [[ -n $token ]]; then
    place 640 "$token" "$root/etc/ioc/evidence.token"
    own "$root/etc/ioc/evidence.token"
  elif [[ ! -e $root/etc/ioc/evidence.token ]]; then
    say "note: without --token nothing is uploaded; put the token into /etc/ioc/evidence.token later"
  fi
  place 644 "$here/ioc-edge@.service" "$root/etc/systemd/system/ioc-edge@.service"
  if [[ -z $root ]]; then
    if command -v timedatectl >/dev/null && [[ $(timedatectl show -p NTPSynchronized --value 2>/dev/null) == no ]]; then
      say "note: this machine's clock is not kept by a time service; acts get their time from it"
    fi
  fi
  systemd daemon-reload
  if [[ ${#listed[@]} -gt 0 ]]; then limit_cameras "$name"; fi
  systemd enable "ioc-edge@$name.service"
  systemd restart "ioc-edge@$name.service"
  say "the model of edge.toml comes by: sudo -u ioc-edge env IOC_MODELS_DIR=/var/lib/ioc/models \\"
  say "  /opt/ioc/bin/ioc models pull yolox-s"
  say "installed ioc-edge@$name: ${#cameras[@]} cameras (${cameras[*]})"
}

limit_cameras() { # NAME: this node runs only some cameras of the site
  local file=$root/etc/systemd/system/ioc-edge@$1.service.d/cameras.conf given camera words=''
  for camera in "${listed[@]}"; do words+=" --camera $camera"; done
  given=$(mktemp)
  printf '# Written by install.sh: only some cameras of the site run here.\n[Service]\nExecStart=\n%s%s\n' \
    "ExecStart=/opt/ioc/bin/ioc edge run /etc/ioc/sites/%i.yaml" "$words" >"$given"
  place 644 "$given" "$file"
  rm -f "$given"
  systemd daemon-reload
}

own() { # the service reads it, nobody else
  if [[ -z $root ]]; then run chown root:ioc-edge "$1"; fi
}

uninstall_node() {
  local unit
  for unit in "$root"/etc/systemd/system/multi-user.target.wants/ioc-edge@*.service; do
    [[ -L $unit || -e $unit ]] || continue
    systemd disable --now "$(basename "$unit")"
    if [[ -n $root ]]; then run rm -f "$unit"; fi
  done
  run rm -rf "$root/etc/systemd/system/ioc-edge@.service" "$root"/etc/systemd/system/ioc-edge@*.service.d
  systemd daemon-reload
  run rm -rf "$root/opt/ioc"
  if [[ $purge == yes ]]; then
    run rm -rf "$root/etc/ioc" "$root/var/lib/ioc"
    run rm -f "$root/usr/lib/sysusers.d/ioc-edge.conf"
    if [[ -z $root ]] && id ioc-edge >/dev/null 2>&1; then run userdel ioc-edge; fi
    say "removed, with settings, spool, evidence and keys"
  else
    say "removed; /etc/ioc and /var/lib/ioc (spool, evidence, keys) are left"
  fi
}

case ${1:-} in
  install) shift; read_arguments "$@"; install_node ;;
  uninstall) shift; read_arguments "$@"; uninstall_node ;;
  -h | --help | help) usage ;;
  '') usage >&2; exit 2 ;;
  *) fail "unknown command $1; see install.sh --help" ;;
esac
