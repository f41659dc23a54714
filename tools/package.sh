#!/usr/bin/env bash
# Makes build/posthorn_VERSION_ARCHITECTURE.deb of what make build built.   tools/package.sh [FOLDER]
# With POSTHORN= another program than build/posthorn, with FOLDER another place than build, with COMPRESSION=none sooner.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^project(posthorn VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
architecture=$(dpkg --print-architecture)
folder=$(realpath -m "${1:-build}")
stage=$folder/package
rm -rf "$stage"
tools/install.sh "$stage" /usr
strip --strip-unneeded "$stage/usr/bin/posthorn"
install -Dm644 LICENSE "$stage/usr/share/doc/posthorn/copyright"
install -d "$stage/DEBIAN"

# dpkg-shlibdeps wants a source package around it; one stanza is enough.
mkdir -p "$folder/shlibdeps/debian"
printf 'Source: posthorn\n\nPackage: posthorn\nArchitecture: any\n' > "$folder/shlibdeps/debian/control"
libraries=$(cd "$folder/shlibdeps" && dpkg-shlibdeps -O "$stage/usr/bin/posthorn" | sed -n 's/^shlibs:Depends=//p')

cat > "$stage/DEBIAN/control" <<CONTROL
Package: posthorn
Version: $version
Architecture: $architecture
Maintainer: The Posthorn authors <posthorn@localhost>
Section: mail
Priority: optional
Depends: $libraries
Provides: mail-transport-agent
Conflicts: mail-transport-agent
Replaces: mail-transport-agent
Description: mail transfer agent that never loses what it acknowledged
 SMTP server, durable queue, relay and the client tools that go with them, in one program.
CONTROL
echo /etc/posthorn/posthorn.toml > "$stage/DEBIAN/conffiles"
cat > "$stage/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
for account in posthorn posthorn-keys posthorn-log posthorn-auth; do
  if ! getent passwd "$account" >/dev/null; then
    useradd --system --home-dir /var/lib/posthorn --no-create-home --shell /usr/sbin/nologin "$account"
  fi
done
if [ ! -d /var/lib/posthorn ]; then
  install -d -o posthorn -g posthorn -m 711 /var/lib/posthorn
fi
if [ ! -d /var/lib/posthorn/drop ]; then
  install -d -o posthorn -g posthorn -m 3777 /var/lib/posthorn/drop
fi
if [ ! -e /etc/posthorn/users ]; then
  install -o root -g posthorn -m 640 /dev/null /etc/posthorn/users
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
POSTINST
chmod 755 "$stage/DEBIAN/postinst"
dpkg-deb --root-owner-group "-Z${COMPRESSION:-xz}" --build "$stage" "$folder/posthorn_${version}_$architecture.deb"
