#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# real_data.sh PROGRAM FOLDER: limpid-audit on real data whose truth is known: human labels of CIFAR-10, and tables as they
# are, whose labels are right. Skipped where the folder is absent.
set -u
program=$1
data=$2
if [ ! -d "$data/cifar10n" ]; then
  echo "skipped: no data in $data"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
audit() {
  "$program" "$@" --threads 2 --out "$work/out" >/dev/null || { echo "FAILED: status $?: $*"; failures=$((failures + 1)); }
}
holds() {  # holds RULE: a Python expression on the report r and its part t with the truth
  python3 -c "
import json, sys
r = json.load(open('$work/out/report.json'))
t = r.get('with_truth', {})
rate = r['noise_rate']
sys.exit(0 if $1 else 1)" || { echo "FAILED: $1: $(head -c 400 "$work/out/report.json")"; failures=$((failures + 1)); }
}

for model in resnet18 swin; do
  audit --probabilities "$data/cifar10n/probs_worst_$model.npy" --labels "$data/cifar10n/worst.npy" --truth "$data/cifar10n/clean.npy"
  holds "rate['low'] <= 0.40208 <= rate['high']"
  holds "abs(t['noise_rate'] - 0.40208) < 1e-9"
  holds "t['transition_mean_abs_error'] < {'resnet18': 0.0083, 'swin': 0.0069}['$model']"
  holds "t['average_precision'] > {'resnet18': 0.9512, 'swin': 0.9879}['$model']"
done
for set in satellite letter; do
  audit --features "$data/$set/X.npy" --labels "$data/$set/y.npy" --folds 2
  holds "0 <= rate['low'] <= rate['estimate'] <= rate['high'] < 0.25"
done
audit --features "$data/pendigits/X_train.npy" --labels "$data/pendigits/y_train.npy" --truth "$data/pendigits/y_train.npy" --folds 2
holds "rate['estimate'] < 0.03 and t['noise_rate'] == 0"
[ $failures = 0 ] && echo "all as expected"
[ $failures = 0 ]
