#!/usr/bin/env bash
# Installs what make build built:   tools/install.sh DESTDIR PREFIX
# The program, the names that other software calls it by, the unit, the account's description, an example configuration.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
destination=$1
prefix=$2

install -Dm755 "${POSTHORN:-build/posthorn}" "$destination$prefix/bin/posthorn"
install -d "$destination$prefix/sbin"
ln -sf ../bin/posthorn "$destination$prefix/sbin/sendmail"
if [[ $prefix == /usr ]]; then  # Debian policy 11.6: where old software looks for it
  install -d "$destination/usr/lib"
  ln -sf ../sbin/sendmail "$destination/usr/lib/sendmail"
fi
for name in mailq newaliases; do
  ln -sf posthorn "$destination$prefix/bin/$name"
done
if [[ -d packaging/man ]]; then
  for page in packaging/man/*.[15]; do
    install -Dm644 "$page" "$destination$prefix/share/man/man${page##*.}/${page##*/}"
  done
  install -Dm644 packaging/completions/posthorn.bash "$destination$prefix/share/bash-completion/completions/posthorn"
  install -Dm644 packaging/completions/posthorn.zsh "$destination$prefix/share/zsh/vendor-completions/_posthorn"
  install -Dm644 packaging/completions/posthorn.fish "$destination$prefix/share/fish/vendor_completions.d/posthorn.fish"
fi
unit=$destination/lib/systemd/system/posthorn.service
install -Dm644 packaging/posthorn.service "$unit"
sed -i "s#/usr/bin/posthorn#$prefix/bin/posthorn#" "$unit"
install -Dm644 packaging/posthorn.sysusers "$destination/usr/lib/sysusers.d/posthorn.conf"
install -Dm644 packaging/posthorn.tmpfiles "$destination/usr/lib/tmpfiles.d/posthorn.conf"
install -Dm644 packaging/fail2ban/posthorn.conf "$destination$prefix/share/posthorn/fail2ban/posthorn.conf"
install -Dm644 packaging/posthorn.toml "$destination$prefix/share/posthorn/posthorn.toml"
if [[ ! -e $destination/etc/posthorn/posthorn.toml ]]; then
  install -Dm644 packaging/posthorn.toml "$destination/etc/posthorn/posthorn.toml"
fi
echo "installed $destination$prefix/bin/posthorn; its configuration is /etc/posthorn/posthorn.toml"
echo "under systemd: systemd-sysusers && systemctl daemon-reload && systemctl enable --now posthorn"
