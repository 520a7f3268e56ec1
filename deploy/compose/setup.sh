#!/usr/bin/env bash
# Certificates and passwords of the core, and certificates of its devices. Nothing that exists is
# overwritten, so every command can be repeated. Needs openssl 3 and nothing else.
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
env_file=${SETUP_ENV_FILE:-$here/.env}
# shellcheck source-path=SCRIPTDIR source=authority.sh
source "$here/authority.sh"

usage() {
  cat <<'TEXT'
Usage: setup.sh COMMAND

  init --host NAME [--host NAME …] [--address IP …] [--mail ADDRESS] [--dir /srv/ioc] [--no-chown]
        The certificate authority, certificates of the services, random passwords, folders for data,
        and .env beside compose.yaml. NAME is what devices and people call this machine; the first one
        is used in links. Alerts go to ADDRESS (root@NAME). Repeat it to make what is missing.
  device CITY SITE DEVICE [--days 365] [--csr FILE] [--renew]
        A certificate that lets a device write its own topics. With --csr the key stays on the device.
        --renew makes a second one; the old one stays good until it expires or is revoked.
  service NAME [--days 365] [--renew]
        A client certificate for another program that deploy/mosquitto/acl names, as ioc-chirpstack.
  revoke CITY SITE DEVICE | revoke NAME
        No certificate of it is accepted any more, once the broker has read the new list.
  list [--within DAYS]
        All certificates of clients with the day they end; with --within only those that end so soon,
        and exit code 1 when there are any.
  renew [--within 30]
        New certificates for the core's own services where they end so soon; the old files are kept.

Folder: --dir, else CORE_DIR of the environment, else CORE_DIR in .env.
Exit codes: 0 done, 1 something ends soon (list --within), 2 wrong use.
TEXT
}

fail() {
  echo "setup.sh: $*" >&2
  exit 2
}

say() { printf '%s\n' "$*"; }

# --- who reads what ------------------------------------------------------------------------------
# The numeric users are those of the images; compose.yaml has the same numbers.

uid_of() {
  case $1 in
    mosquitto) echo 1883 ;;
    kafka) echo 1000 ;;
    database) echo 70 ;;
    grafana) echo 472 ;;
    evidence) echo 10002 ;;
    *) echo 10001 ;; # our own image: migrate, logins, bridge, streams, console
  esac
}

give() { # SERVICE PATH…: what only this service may read
  local uid
  uid=$(uid_of "$1")
  shift
  if [[ $chown == yes ]]; then chown -R "$uid:$uid" "$@"; fi
}

# --- passwords -----------------------------------------------------------------------------------

secret() { # NAME READER…: one random value, a file for each reader
  local name=$1 reader file value=
  shift
  for reader in "$@"; do
    file=$core/secrets/$reader/$name
    if [[ -s $file ]]; then value=$(<"$file"); fi
  done
  # 32 random bytes; only letters and digits, so that no program has to quote it.
  [[ -n $value ]] || value=$(openssl rand -hex 32)
  for reader in "$@"; do
    file=$core/secrets/$reader/$name
    if [[ ! -s $file ]]; then
      mkdir -p "$core/secrets/$reader"
      printf '%s\n' "$value" >"$file"
      say "made $file"
    fi
    chmod 600 "$file"
    give "$reader" "$core/secrets/$reader"
  done
}

# --- commands ------------------------------------------------------------------------------------

read_env() { # the settings that init wrote
  local line
  [[ -r $env_file ]] || return 0
  while IFS= read -r line; do
    case $line in
      CORE_DIR=*) : "${CORE_DIR:=${line#*=}}" ;;
      CORE_HOSTS=*) : "${CORE_HOSTS:=${line#*=}}" ;;
      CORE_ADDRESSES=*) : "${CORE_ADDRESSES:=${line#*=}}" ;;
    esac
  done <"$env_file"
}

begin() { # finds the folder and locks it; one setup.sh at a time
  read_env
  core=${1:-${CORE_DIR:-}}
  [[ -n $core ]] || fail "no folder: run 'setup.sh init --host NAME' first, or set CORE_DIR"
  [[ $core == /* ]] || fail "folder $core: give it from the root, as /srv/ioc"
  [[ $core =~ ^[A-Za-z0-9._/-]+$ ]] || fail "folder $core: use letters, digits and . _ - / only"
  pki=$core/pki
  CORE_HOSTS=${CORE_HOSTS:-} CORE_ADDRESSES=${CORE_ADDRESSES:-}
  SETUP_NAMES=$(alternative_names)
  export SETUP_NAMES # ca.cnf reads it
  if [[ ${2:-} != new && ! -e $pki/ca/ca.key ]]; then
    fail "$pki/ca/ca.key: missing; run 'setup.sh init --host NAME' first"
  fi
  mkdir -p "$pki" || fail "$core: cannot be made; run this as root or name another folder"
  exec 9>"$pki/.lock"
  flock -w 30 9 || fail "$pki/.lock: another setup.sh has worked here for 30 s"
  work=$(mktemp -d "$pki/.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Who has run init without root owns everything, and so it stays.
  chown=yes
  if [[ -e $pki/.no-chown ]]; then chown=no; fi
}

valid() { # PATTERN TEXT WHAT
  [[ $2 =~ ^$1$ ]] || fail "$3 ${2@Q}: not allowed here; expected $1"
}

segment='[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?'
host='[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?'
address='[0-9A-Fa-f.:]{2,45}'
mail_address='[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+'
number='[1-9][0-9]{0,4}'
program='ioc-[a-z0-9-]{1,40}'

device_name() { # CITY SITE DEVICE → sets cn and file
  valid "$segment" "$1" CITY
  valid "$segment" "$2" SITE
  valid "$segment" "$3" DEVICE
  cn=$1/$2/$3
  file=$1.$2.$3
  # The upper bound of a name in X.509 (ub-common-name).
  ((${#cn} <= 64)) || fail "$cn: a certificate's name has at most 64 letters, this one ${#cn}"
}

init() {
  local hosts=() addresses=() dir='' no_chown='' mail=''
  while (($#)); do
    case $1 in
      --host) valid "$host" "${2:-}" --host; hosts+=("$2"); shift 2 ;;
      --address) valid "$address" "${2:-}" --address; addresses+=("$2"); shift 2 ;;
      --mail) valid "$mail_address" "${2:-}" --mail; mail=$2; shift 2 ;;
      --dir) dir=${2:-}; shift 2 ;;
      --no-chown) no_chown=1; shift ;;
      *) fail "init: unknown argument ${1@Q}; see setup.sh --help" ;;
    esac
  done
  read_env
  [[ -n $dir ]] || dir=${CORE_DIR:-/srv/ioc}
  if ((${#hosts[@]})); then CORE_HOSTS=$(IFS=,; echo "${hosts[*]}"); fi
  if ((${#addresses[@]})); then CORE_ADDRESSES=$(IFS=,; echo "${addresses[*]}"); fi
  [[ -n ${CORE_HOSTS:-} ]] || fail "init: --host is missing: what do devices call this machine?"
  if [[ $EUID -ne 0 && -z $no_chown ]]; then
    fail "init: run as root, so that each service can read its own files (--no-chown to try it out)"
  fi
  begin "$dir" new
  if [[ -n $no_chown ]]; then chown=no; : >"$pki/.no-chown"; fi
  make_ca
  service_certificates 0
  [[ -e $pki/mosquitto/crl.pem ]] || crl

  mkdir -p "$core/secrets"
  chmod 711 "$core/secrets"
  secret postgres database                  # the server's superuser; only inside its container
  secret database-owner database core       # owns the tables; migrations
  secret database-core core                 # workers, watcher
  secret database-console core              # the review console
  secret database-grafana core grafana      # reads what the wall may see
  secret grafana-admin core grafana         # its administrator; `ioc dashboards push` is one
  secret grafana-secret-key grafana         # seals what Grafana keeps in its own database
  secret evidence-key-id core evidence
  secret evidence-key core evidence

  local service
  for service in mosquitto kafka database grafana evidence console; do
    if [[ ! -d $core/data/$service ]]; then
      mkdir -p "$core/data/$service"
      chmod 700 "$core/data/$service"
      # A folder of the store is a bucket.
      if [[ $service == evidence ]]; then mkdir -p "$core/data/evidence/ioc-evidence"; fi
      give "$service" "$core/data/$service"
    fi
  done
  chmod 711 "$core/data"
  mkdir -p "$core/grafana/dashboards/json" "$core/grafana/deploy/grafana/provisioning/alerting"
  chmod -R u=rwX,go=rX "$core/grafana" # Grafana reads what `screens` wrote
  give screens "$core/grafana"
  mkdir -p "$core/contacts"
  give grafana "$core/contacts"
  mkdir -p "$core/devices" "$core/lgsp/config" "$core/lgsp/data"
  chmod 711 "$core/lgsp"
  chmod 700 "$core/lgsp/config" "$core/lgsp/data"
  give lgsp "$core/lgsp/config" "$core/lgsp/data"

  if [[ ! -e $env_file ]]; then
    sed -e "s|^CORE_DIR=.*|CORE_DIR=$core|" \
      -e "s|^CORE_HOST=.*|CORE_HOST=${CORE_HOSTS%%,*}|" \
      -e "s|^CORE_HOSTS=.*|CORE_HOSTS=$CORE_HOSTS|" \
      -e "s|^CORE_ADDRESSES=.*|CORE_ADDRESSES=$CORE_ADDRESSES|" \
      -e "s|^ALERT_EMAIL=.*|ALERT_EMAIL=${mail:-root@${CORE_HOSTS%%,*}}|" \
      -e "s|^KAFKA_CLUSTER_ID=.*|KAFKA_CLUSTER_ID=$(cluster_id)|" \
      "$here/env.example" >"$env_file"
    say "made $env_file"
  else
    # It is the administrator's own by now.
    kept CORE_HOSTS "$CORE_HOSTS" --host
    kept CORE_ADDRESSES "$CORE_ADDRESSES" --address
    if [[ -n $mail ]]; then kept ALERT_EMAIL "$mail" --mail; fi
  fi
  say "ready in $core"
}

kept() { # NAME VALUE OPTION: says so where .env has another value than was asked for
  local line
  line=$(grep -m1 "^$1=" "$env_file" || true)
  [[ ${line#*=} == "$2" ]] ||
    say "$3: $env_file keeps $1=${line#*=}; change it there, then: setup.sh renew --within 900"
}

cluster_id() { # a UUID as Kafka writes it: 16 bytes, base64 without padding
  local id
  while :; do
    id=$(openssl rand -base64 16 | tr '+/' '-_')
    # Kafka's own generator leaves out ids that begin like an option.
    [[ $id == -* ]] || break
  done
  echo "${id%==}"
}

device() {
  local days=365 csr='' renew='' at=() folder
  while (($#)); do
    case $1 in
      --days) valid "$number" "${2:-}" --days; days=$2; shift 2 ;;
      --csr) csr=${2:-}; [[ -r $csr ]] || fail "--csr $csr: cannot be read"; shift 2 ;;
      --renew) renew=1; shift ;;
      -*) fail "device: unknown argument ${1@Q}; see setup.sh --help" ;;
      *) at+=("$1"); shift ;;
    esac
  done
  ((${#at[@]} == 3)) || fail "device: give CITY SITE DEVICE, as: vithanh tran-hung-dao cam-1"
  device_name "${at[@]}"
  begin
  folder=$core/devices
  if [[ -e $folder/$file.crt && -z $renew ]]; then
    say "$folder/$file.crt is there already; --renew makes a new one beside it"
    return
  fi
  if [[ -n $csr ]]; then
    # Signed before the old one goes: a bad request leaves everything as it was.
    sign client "$cn" "$days" "$csr" "$work/new.crt"
    put_aside "$folder/$file"
    mv "$work/new.crt" "$folder/$file.crt"
    say "made $folder/$file.crt; its key is where the request was made"
  else
    put_aside "$folder/$file"
    certificate client "$cn" "$days" "$folder" "$file"
    say "made $folder/$file.crt and .key"
  fi
  [[ -e $folder/ca.crt ]] || install -m 644 "$pki/ca/ca.crt" "$folder/ca.crt"
}

service() {
  local days=365 name='' renew=''
  while (($#)); do
    case $1 in
      --days) valid "$number" "${2:-}" --days; days=$2; shift 2 ;;
      --renew) renew=1; shift ;;
      *) [[ -z $name ]] || fail "service: one NAME at a time"; name=$1; shift ;;
    esac
  done
  valid "$program" "$name" NAME
  begin
  if [[ -n $renew ]]; then put_aside "$core/devices/$name"; fi
  certificate client "$name" "$days" "$core/devices" "$name"
  if [[ $made == yes ]]; then
    say "made $core/devices/$name.crt and .key"
  else
    say "$core/devices/$name.crt is there already; --renew makes a new one beside it"
  fi
}

revoke() {
  if (($# == 1)); then
    valid "$program" "$1" NAME
    cn=$1
    file=$1
  else
    (($# == 3)) || fail "revoke: give CITY SITE DEVICE, or the NAME of a program"
    device_name "$@"
  fi
  begin
  local state _ends _gone serial _file subject count=0
  while IFS=$'\t' read -r state _ends _gone serial _file subject; do
    [[ $state == V && $subject == "/CN=$cn" ]] || continue
    openssl ca -config "$pki/ca/ca.cnf" -revoke "$pki/ca/issued/$serial.pem" 2>"$work/ca.log" ||
      { cat "$work/ca.log" >&2; fail "certificate $serial could not be revoked"; }
    count=$((count + 1))
  done < <(columns)
  ((count)) || fail "$cn: has no certificate that could be revoked"
  crl
  put_aside "$core/devices/$file"
  say "revoked $count of $cn; now let the broker read the list:"
  say "  docker compose -f $here/compose.yaml restart mosquitto"
}

list() {
  local within='' state ends _gone serial _file subject day found=0 limit
  while (($#)); do
    case $1 in
      --within) valid "$number" "${2:-}" --within; within=$2; shift 2 ;;
      *) fail "list: unknown argument ${1@Q}; see setup.sh --help" ;;
    esac
  done
  begin
  limit=$(date -u -d "+${within:-0} days" +%Y%m%d%H%M%S)
  while IFS=$'\t' read -r state ends _gone serial _file subject; do
    # YYMMDDHHMMSSZ, from 2050 on with four digits of the year.
    [[ ${#ends} -eq 13 ]] && ends=20$ends
    day=${ends:0:4}-${ends:4:2}-${ends:6:2}
    if [[ -n $within ]]; then
      [[ $state == V && ${ends%Z} < $limit ]] || continue
      found=1
    fi
    case $state in
      V) [[ ${ends%Z} > $(date -u +%Y%m%d%H%M%S) ]] && state=good || state=expired ;;
      R) state=revoked ;;
      *) state=expired ;;
    esac
    printf '%-8s %s  %s  %s\n' "$state" "$day" "$serial" "${subject#/CN=}"
  done < <(columns)
  [[ -z $within || $found -eq 0 ]] || exit 1
}

renew() {
  local within=30
  while (($#)); do
    case $1 in
      --within) valid "$number" "${2:-}" --within; within=$2; shift 2 ;;
      *) fail "renew: unknown argument ${1@Q}; see setup.sh --help" ;;
    esac
  done
  begin
  service_certificates "$within"
  say "services take new certificates when they are restarted"
}

case ${1:-} in
  init | device | service | revoke | list | renew) "$@" ;;
  -h | --help | help) usage ;;
  '') usage >&2; exit 2 ;;
  *) fail "unknown command ${1@Q}; see setup.sh --help" ;;
esac
