#!/bin/sh
# Debian's Swift on this machine, to be measured against: proxy, account, container and object server, one replica, a memcached.
#   apt-get install --no-install-recommends swift-proxy swift-account swift-container swift-object memcached
#   sh bench/swift.sh up DIR       then, in the environment that it prints:  npm run bench -- --against --service object-store --pids DIR/run
#   sh bench/swift.sh down DIR
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
dir=$2 port=${3:-28080} user=$(id -un)
export HOME="$dir"

down() {
  for file in "$dir"/run/*.pid; do [ ! -e "$file" ] || { kill -- "-$(cat "$file")" 2>/dev/null || true; rm "$file"; }; done
}

# Each leads a session of its own: by that it is found again, and what it used is counted.
start() {
  name=$1; shift
  setsid "$@" >"$dir/log/$name" 2>&1 </dev/null &
  echo $! >"$dir/run/$name.pid"
}

server() { # name, port, pipeline
  cat >"$dir/$1-server.conf" <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
user = $user
swift_dir = $dir
devices = $dir/srv
mount_check = false
log_level = WARNING
[pipeline:main]
pipeline = healthcheck recon $1-server
[app:$1-server]
use = egg:swift#$1
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:recon]
use = egg:swift#recon
recon_cache_path = $dir/log
END
  (cd "$dir" && swift-ring-builder "$1.builder" create 10 1 1 && swift-ring-builder "$1.builder" add "r1z1-127.0.0.1:$2/d1" 1 && swift-ring-builder "$1.builder" rebalance) >"$dir/log/ring-$1"
  start "$1" "swift-$1-server" "$dir/$1-server.conf"
}

up() {
  mkdir -p "$dir/run" "$dir/log" "$dir/srv/d1"
  server object $((port + 1))
  server container $((port + 2))
  server account $((port + 3))
  start memcached memcached -l 127.0.0.1 -p $((port + 4)) -u "$user"
  cat >"$dir/proxy-server.conf" <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
user = $user
swift_dir = $dir
log_level = WARNING
[pipeline:main]
# As Debian's own configuration has it.
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats container_sync bulk tempurl ratelimit tempauth copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$((port + 4))
[filter:tempauth]
use = egg:swift#tempauth
user_bench_bench = bench .admin
$(for each in catch_errors gatekeeper healthcheck listing_formats container_sync bulk tempurl ratelimit copy slo dlo versioned_writes symlink; do printf '[filter:%s]\nuse = egg:swift#%s\n' $each "$(echo $each | tr - _)"; done)
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
END
  start proxy swift-proxy-server "$dir/proxy-server.conf"
  for _ in $(seq 60); do curl -fs "http://127.0.0.1:$port/healthcheck" >/dev/null && break; sleep 1; done
  curl -fs "http://127.0.0.1:$port/healthcheck" >/dev/null || { echo "Swift does not answer; its words are in $dir/log" >&2; exit 1; }
  echo "export OS_AUTH_URL=http://127.0.0.1:$port/auth/v1.0 OS_USERNAME=bench:bench OS_PASSWORD=bench"
}

case $1 in up) down; up ;; down) down ;; *) echo "usage: sh bench/swift.sh up|down DIR [PORT]" >&2; exit 2 ;; esac
