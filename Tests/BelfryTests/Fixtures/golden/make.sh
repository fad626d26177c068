#!/usr/bin/env bash
# Makes a golden collection of today's file formats: make.sh BELFRY INDEX OUT.tar.gz
#
# 2,100 products of our own, embedded by the golden tower of TowersTests, which is left out of the archive. Index hnsw or ivf.
# Run it after a change of a format and add what it makes: the fixtures that are there stay, and are read, or refused with
# the way out.
set -euo pipefail
belfry=$(realpath "$1") index=$2 out=$(realpath "$3")
tower=$(dirname "$(realpath "$0")")/../../../TowersTests/Fixtures/golden/2026-11/text.tower
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mkdir "$work/golden"
cp -r "$tower" "$work/tiny.tower"
awk 'BEGIN {
  split("red green blue black white amber gray", colors); split("lamp desk chair glove pump valve scale oven flask drill", products)
  print "id,title"
  for (i = 0; i < 2100; i++) printf "%d,%s %s of series %d for room %d\n", i, colors[i % 7 + 1], products[int(i / 7) % 10 + 1], int(i / 70), (i * 37) % 89
}' > "$work/golden/products.csv"
printf '%s\n' 'rows: {file: products.csv}' 'id: id' 'text: "{title}"' 'payload: {title: string}' 'tower: ../tiny.tower' \
  'vectors: {element: f16}' "index: $index" 'recall: 0.95' > "$work/golden/recipe.yaml"
"$belfry" build "$work/golden"
tar -C "$work/golden" --sort=name --owner=0 --group=0 --mtime=@0 --exclude golden.belfry/towers -cf - golden.belfry | gzip -9n > "$out"
ls -l "$out"
