# shellcheck shell=bash
# The certificate authority behind setup.sh, which reads this file and sets what stands here:
#   core, pki (its folders), work (one that is removed at the end), chown, CORE_HOSTS, CORE_ADDRESSES.
# shellcheck disable=SC2154

ca_config() {
  cat >"$pki/ca/ca.cnf" <<TEXT
[ca]
default_ca = ours
[ours]
dir = $pki/ca
database = \$dir/index.txt
new_certs_dir = \$dir/issued
serial = \$dir/serial
crlnumber = \$dir/crlnumber
certificate = \$dir/ca.crt
private_key = \$dir/ca.key
default_md = sha256
default_days = 365
# OpenSSL refuses every client once the list is past its date, so it must never be: it is made anew
# with each revocation anyway.
default_crl_days = 3650
rand_serial = yes
unique_subject = no
policy = any
email_in_dn = no
copy_extensions = none
[any]
commonName = supplied
[server]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = \${ENV::SETUP_NAMES}
[client]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
TEXT
}

make_ca() {
  mkdir -p "$pki/ca/issued"
  chmod 711 "$core" "$pki"
  if [[ ! -e $pki/ca/ca.key ]]; then
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$pki/ca/ca.key"
    say "made $pki/ca/ca.key: keep a copy of it apart from this machine"
  fi
  if [[ ! -e $pki/ca/ca.crt ]]; then
    openssl req -x509 -new -key "$pki/ca/ca.key" -sha256 -days 7300 -out "$pki/ca/ca.crt" \
      -subj "/CN=IOC $(date -u +%Y-%m-%d)" \
      -addext 'basicConstraints=critical,CA:true,pathlen:0' \
      -addext 'keyUsage=critical,keyCertSign,cRLSign'
    say "made $pki/ca/ca.crt, good for 20 years"
  fi
  [[ -e $pki/ca/index.txt ]] || : >"$pki/ca/index.txt"
  [[ -e $pki/ca/crlnumber ]] || echo 1000 >"$pki/ca/crlnumber"
  ca_config
}

sign() { # KIND CN DAYS CSR OUT
  # A slash ends a name in -subj, so it is written with a backslash.
  openssl ca -config "$pki/ca/ca.cnf" -batch -notext -utf8 \
    -extensions "$1" -subj "/CN=${2//\//\\/}" -days "$3" -in "$4" -out "$5.partial" 2>"$work/ca.log" ||
    { cat "$work/ca.log" >&2; fail "the certificate of $2 could not be signed"; }
  chmod 644 "$5.partial"
  mv "$5.partial" "$5"
}

certificate() { # KIND CN DAYS FOLDER NAME: FOLDER/NAME.crt and .key, unless they are there; sets made
  local folder=$4 name=$5
  made=no
  if [[ -e $folder/$name.crt && -e $folder/$name.key ]]; then return; fi
  mkdir -p "$folder"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/new.key" \
    -out "$work/new.csr" -subj /CN=any 2>/dev/null
  sign "$1" "$2" "$3" "$work/new.csr" "$work/new.crt"
  mv "$work/new.key" "$folder/$name.key"
  mv "$work/new.crt" "$folder/$name.crt"
  made=yes
}

crl() {
  openssl ca -config "$pki/ca/ca.cnf" -gencrl -out "$work/crl.pem" 2>"$work/ca.log" ||
    { cat "$work/ca.log" >&2; fail "the list of revoked certificates could not be made"; }
  chmod 644 "$work/crl.pem"
  cp "$work/crl.pem" "$pki/ca/crl.pem"
  # Into the mounted folder by a rename: the broker reads the old list or the new one, never half.
  cp "$work/crl.pem" "$pki/mosquitto/.crl.pem"
  give mosquitto "$pki/mosquitto/.crl.pem"
  mv "$pki/mosquitto/.crl.pem" "$pki/mosquitto/crl.pem"
}

put_aside() { # PATH: its .crt and .key, where they are there, get today's date at their end
  local one stamp
  stamp=$(date -u +%Y%m%d%H%M%S)
  for one in crt key; do
    if [[ -e $1.$one ]]; then mv "$1.$one" "$1.$one.$stamp"; fi
  done
}

ends_within() { # FILE DAYS
  ! openssl x509 -in "$1" -noout -checkend $(($2 * 86400)) >/dev/null
}

service_certificates() { # DAYS-LEFT: of the core's own services; what ends sooner is made anew
  local service name kind cn path
  while read -r service name kind cn; do
    path=$pki/$service/$name
    if [[ -e $path.crt ]] && ends_within "$path.crt" "$1"; then put_aside "$path"; fi
    certificate "$kind" "$cn" 825 "$pki/$service" "$name"
    if [[ $made == yes ]]; then
      say "made $path.crt for $cn"
      give "$service" "$pki/$service"
    fi
    # What is no secret lies open, so that the watcher can say when it ends.
    mkdir -p "$pki/public"
    install -m 644 "$path.crt" "$pki/public/$service.$name.crt"
    if [[ ! -e $pki/$service/ca.crt ]]; then
      install -m 644 "$pki/ca/ca.crt" "$pki/$service/ca.crt"
      give "$service" "$pki/$service"
    fi
  done <<'TABLE'
mosquitto server server mosquitto
mosquitto health client ioc-health
database server server database
grafana server server grafana
console server server console
bridge client client ioc-bridge
streams client client ioc-streams
TABLE
  install -m 644 "$pki/ca/ca.crt" "$pki/public/ca.crt"
  chmod 755 "$pki/public"
}

# What the services are called: by each other, by their own health check, by the world.
alternative_names() {
  local text="DNS:localhost,DNS:mosquitto,DNS:database,DNS:grafana,DNS:console,IP:127.0.0.1" host
  for host in ${CORE_HOSTS//,/ }; do text+=",DNS:$host"; done
  for host in ${CORE_ADDRESSES//,/ }; do text+=",IP:$host"; done
  echo "$text"
}

columns() { # index.txt with something in each column (read takes two tabs for one), slashes bare
  sed -e 's/\t\t/\t-\t/g' -e 's|\\/|/|g' "$pki/ca/index.txt"
}
