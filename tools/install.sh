#!/usr/bin/env bash
# Installs what make build built:   tools/install.sh DESTDIR PREFIX
# The program, the names that other software calls it by, the unit, the account's description, an example configuration.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
destination=$1
prefix=$2

install -Dm755 build/posthorn "$destination$prefix/bin/posthorn"
install -d "$destination$prefix/sbin"
ln -sf ../bin/posthorn "$destination$prefix/sbin/sendmail"
for name in mailq newaliases; do
  ln -sf posthorn "$destination$prefix/bin/$name"
done
unit=$destination/lib/systemd/system/posthorn.service
install -Dm644 packaging/posthorn.service "$unit"
sed -i "s#/usr/bin/posthorn#$prefix/bin/posthorn#" "$unit"
install -Dm644 packaging/posthorn.sysusers "$destination/usr/lib/sysusers.d/posthorn.conf"
install -Dm644 packaging/fail2ban/posthorn.conf "$destination$prefix/share/posthorn/fail2ban/posthorn.conf"
install -Dm644 packaging/posthorn.tmpfiles "$destination/usr/lib/tmpfiles.d/posthorn.conf"
install -Dm644 packaging/posthorn.toml "$destination$prefix/share/posthorn/posthorn.toml"
if [[ ! -e $destination/etc/posthorn/posthorn.toml ]]; then
  install -Dm644 packaging/posthorn.toml "$destination/etc/posthorn/posthorn.toml"
fi
echo "installed $destination$prefix/bin/posthorn; its configuration is /etc/posthorn/posthorn.toml"
