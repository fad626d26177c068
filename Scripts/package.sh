#!/usr/bin/env bash
# Makes belfry_VERSION_ARCH.deb: one binary, its service and its user.
#   Scripts/package.sh [FOLDER]          builds, and puts the package into FOLDER (default: .build)
#   BELFRY=… Scripts/package.sh          packs a binary that is there; it needs Swift's libraries linked in
# sudo apt install ./belfry_…deb
set -euo pipefail
cd "$(dirname "$0")/.."
out="$(realpath "${1:-.build}")"
parts=Scripts/package
if [ -z "${BELFRY:-}" ]; then
    ./Scripts/install.sh
    # Swift's own libraries are in the binary: the machine it goes to has none.
    build=(swift build -c release --product belfry --static-swift-stdlib --scratch-path .build/package)
    "${build[@]}"
    BELFRY="$("${build[@]}" --show-bin-path)/belfry"
fi
if ldd "$BELFRY" | grep -q libswift; then
    echo "package.sh: $BELFRY needs Swift's libraries: build it with --static-swift-stdlib" >&2
    exit 1
fi

root="$(mktemp -d)"
chmod 755 "$root"
trap 'rm -rf "$root"' EXIT
install -D -m 755 "$BELFRY" "$root/usr/bin/belfry"
strip "$root/usr/bin/belfry"
install -D -m 644 "$parts/belfry.service" "$root/usr/lib/systemd/system/belfry.service"
install -D -m 640 "$parts/belfry.conf" "$root/etc/belfry.conf"
install -D -m 644 LICENSE "$root/usr/share/doc/belfry/copyright"
install -D -m 644 docs/http.md "$root/usr/share/doc/belfry/http.md"

# The packages that hold the libraries that the binary names, in the versions that it needs.
command -v dpkg-shlibdeps > /dev/null || apt-get install -y -qq dpkg-dev
mkdir "$root/debian"
echo "Source: belfry" > "$root/debian/control"
depends="adduser, libjemalloc2, $(cd "$root" && dpkg-shlibdeps -O usr/bin/belfry 2> /dev/null | sed 's/^shlibs:Depends=//')"
rm -r "$root/debian"
version="$("$BELFRY" --version | grep -o '[0-9][0-9.]*')"
architecture="$(dpkg --print-architecture)"
mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" << CONTROL
Package: belfry
Version: $version
Architecture: $architecture
Maintainer: Belfry <belfry@localhost>
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $depends
Recommends: libopenblas0-pthread
Section: database
Priority: optional
Description: embedding search engine with the towers built in
 Serves collections of embeddings over HTTP: nearest neighbors, filters,
 recommendations, and the trained models that embed texts and users.
CONTROL
echo /etc/belfry.conf > "$root/DEBIAN/conffiles"
install -m 755 "$parts"/{postinst,prerm,postrm} "$root/DEBIAN/"
mkdir -p "$out"
dpkg-deb --root-owner-group --build "$root" "$out/belfry_${version}_${architecture}.deb"
