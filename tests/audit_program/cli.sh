#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# cli.sh PROGRAM: exit status, messages and files of limpid-audit.
set -u
program=$1
data=$(cd "$(dirname "$0")/../../examples/data" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

wrong() { echo "FAILED: $*"; failures=$((failures + 1)); }

# refused SENTENCE ARGUMENT...: status 2, just this line on stderr, nothing on stdout, no file anywhere.
refused() {
  local sentence=$1 status before
  shift
  before=$(find . | sort)
  "$program" "$@" >"$work.out" 2>"$work.err"
  status=$?
  [ $status = 2 ] || wrong "status $status: $*"
  [ "$(cat "$work.err")" = "limpid-audit: $sentence" ] || wrong "$* said: $(cat "$work.err")"
  [ -s "$work.out" ] && wrong "$* wrote to stdout"
  [ "$before" = "$(find . | sort)" ] || wrong "$* left files behind"
  rm -f "$work.out" "$work.err"
}
# accepted ARGUMENT...: status 0 and the three files in `out`.
accepted() {
  "$program" "$@" --out out >stdout 2>stderr || wrong "status $?: $*: $(cat stderr)"
  [ "$(ls -A out | tr '\n' ' ')" = "labels.csv report.html report.json " ] || wrong "$*: $(ls -A out)"
  [ -z "$(find . -name '.limpid*')" ] || wrong "$* left a hidden folder"
  if command -v python3 >/dev/null; then
    python3 -c 'import json, sys; json.load(open("out/report.json"), parse_constant=lambda c: sys.exit(c))' ||
      wrong "$*: report.json is not JSON"
  fi
}
said() { grep -qF -- "$1" "$2" || wrong "$2 does not say: $1"; }

# npy TYPE SHAPE <bytes >file
npy() {
  local header="{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
  header=$(printf '%-117s' "$header")
  printf '\x93NUMPY\x01\x00\x76\x00%s\n' "$header"
  cat
}

# pickled KEY FILE.npy of 120 bytes: one more entry of the dict that a .pt holds, as Python 2 wrote it
pickled() {
  printf 'U\x0b%scnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R' "$1"
  printf '(K\1K\x78\x85cnumpy\ndtype\nU\2u1K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\x78'
  tail -c 120 "$2"
  printf 'tb'
}

# Two clouds; every tenth label is wrong.
awk 'BEGIN { srand(3); print "a,b,kind"
  for (i = 0; i < 120; ++i) { c = i % 2; w = i % 10 == 0 ? 1 - c : c
    printf "%.4f,%.4f,%s\n", 4 * c + rand(), rand(), w ? "dog, big" : "<cat>" } }' |
  sed 's/dog, big/"dog, big"/' >pets.csv
awk 'BEGIN { srand(3); for (i = 0; i < 120; ++i) { c = i % 2; w = i % 10 == 0 ? 1 - c : c
    printf "%s 1:%.4f 2:%.4f\n", w ? "+1" : "-1", 4 * c + rand(), rand() } }' >pets.svm
cut -d, -f1,2 pets.csv >numbers.csv
for ((i = 0; i < 120; ++i)); do printf "\\x0$((i % 10 == 0 ? 1 - i % 2 : i % 2))"; done | npy '|u1' '120,' >y.npy
for ((i = 0; i < 120; ++i)); do printf "\\x0$((i % 2))"; done | npy '|u1' '120,' >truth.npy
{ printf '\x80\2}('; pickled clean_label truth.npy; pickled worse_label y.npy; printf 'u.'; } >human.pt
# float32 0.25 and 0.75
for ((i = 0; i < 120; ++i)); do ((i % 2)) && printf '\0\0\x80\x3e\0\0\x40\x3f' || printf '\0\0\x40\x3f\0\0\x80\x3e'; done |
  npy '<f4' '120, 2' >p.npy

# Input of every kind
accepted --features numbers.csv --labels y.npy --truth truth.npy
said '"recall": 1' out/report.json
said 'Compared with the truth' out/report.html
cp out/report.json first.json
accepted --features numbers.csv --labels y.npy --truth truth.npy  # over the first
cmp -s out/report.json first.json || wrong "a second run differs"
accepted --features numbers.csv --labels y.npy --truth truth.npy --threads 2
cmp -s out/report.json first.json || wrong "two threads differ from one"
accepted --features numbers.csv --labels human.pt --labels-key worse_label --truth human.pt --truth-key clean_label
cmp -s out/report.json first.json || wrong "labels of a .pt differ from those of an .npy"
rm -r out
accepted --features pets.csv --label-column kind
said '"class_names": ["<cat>", "dog, big"]' out/report.json
said '&lt;cat&gt;' out/report.html
said '"dog, big"' out/labels.csv
[ "$(wc -l <out/labels.csv)" = 121 ] || wrong "labels.csv has $(wc -l <out/labels.csv) lines"
grep -q $'\x1b' stderr && wrong "escape codes in a pipe"
accepted --features pets.svm
said '"class_names": ["-1", "1"]' out/report.json
accepted --features pets.svm --labels y.npy --folds 3 --seed 5
accepted --probabilities p.npy --labels y.npy
grep -q '"classifier"' out/report.json && wrong "a classifier without features"
accepted --probabilities p.npy --features numbers.csv --labels y.npy --classes 2
said '"classifier"' out/report.json
echo mine >out/notes.txt
"$program" --probabilities p.npy --labels y.npy --out out/ >/dev/null 2>&1
[ "$(cat out/notes.txt)" = mine ] || wrong "another file in the folder was touched"
rm -r out

# The data that ships: what the report says is near the truth.
accepted --features "$data/digits_X.npy" --labels "$data/digits_noisy.npy" --truth "$data/digits_y.npy"
awk -F'[:,}]' '{ for (i = 1; i < NF; ++i) if ($i ~ /"average_precision"/) { found = 1; if ($(i + 1) < 0.95) exit 1 } }
  END { exit !found }' out/report.json || wrong "average precision on the digits is below 0.95"
rm -r out

# Refusals
printf '1,2\n3\n' >ragged.csv
printf 'a,b,kind\n1,2,x\n3,?,y\n' >missing.csv
printf 'a,b\n1,2\n3,4\n' >short.csv
: >empty.csv
: >empty.npy
printf 'x' | npy '|O' '1,' >object.npy
printf '\x80\2cos\nsystem\nU\x0etouch executedq\0\x85R.' >harm.pt
head -c 200 y.npy >cut.npy
{ head -c 7 y.npy; } >stub.npy
npy '<f8' '99999999999, 99999999999' </dev/null >absurd.npy
{ for ((i = 0; i < 119; ++i)); do printf '\x01'; done; printf '\x07'; } | npy '|u1' '120,' >seven.npy
{ for ((i = 0; i < 119; ++i)); do printf '\0'; done; printf '\xff'; } | npy '|i1' '120,' >minus.npy
for ((i = 0; i < 120; ++i)); do printf '\0\0\x40\x3f\0\0\x40\x3f'; done | npy '<f4' '120, 2' >sums.npy
printf '\0\0\xc0\x7f\0\0\x80\x3f\0\0\0\0\0\0\x80\x3f' | npy '<f4' '2, 2' >nan.npy
for ((i = 0; i < 120; ++i)); do printf '\0'; done | npy '|u1' '120,' >one_class.npy
y='--labels y.npy'
f='--features numbers.csv'
refused '--out is required' $f $y
refused '--features or --probabilities is needed: labels alone cannot be audited' $y --out out
refused '--labels is needed: numbers.csv has no labels' $f --out out
refused '--labels and --label-column exclude each other' --features pets.csv --label-column kind $y --out out
refused '--label-column needs --features with a .csv file' --features pets.svm --label-column kind --out out
refused 'nowhere.npy: cannot be opened' $f --labels nowhere.npy --out out
refused '/: is a folder, not a file' $f --labels / --out out
refused 'empty.npy: not an .npy file (its first bytes are not \x93NUMPY)' $f --labels empty.npy --out out
refused 'stub.npy: not an .npy file (its first bytes are not \x93NUMPY)' $f --labels stub.npy --out out
refused 'cut.npy: the header says uint8 of shape 120, 120 bytes, but 72 bytes follow it' $f --labels cut.npy --out out
refused 'object.npy: holds Python objects (a pickle), which are never loaded; save numbers' $f --labels object.npy --out out
refused "human.pt: say which labels: 'clean_label', 'worse_label'" $f --labels human.pt --out out
refused "human.pt: has no 'aggre_label'; it has 'clean_label', 'worse_label'" $f --labels human.pt --labels-key aggre_label --out out
refused "harm.pt: byte 2: asks for 'os.system'; only NumPy arrays are read, and nothing is executed" $f --labels harm.pt --labels-key y --out out
refused '--labels-key needs --labels with a .pt file' $f $y --labels-key worse_label --out out
refused '--labels-key needs --labels with a .pt file' --features pets.svm --labels-key worse_label --out out
refused '--truth-key needs --truth with a .pt file' $f $y --truth truth.npy --truth-key clean_label --out out
refused '--truth-key needs --truth with a .pt file' $f $y --truth-key clean_label --out out
refused 'absurd.npy: the header claims 99999999999 x 99999999999 elements, beyond all memory' --features absurd.npy $y --out out
refused 'p.npy: is 2-dimensional; labels are a list' $f --labels p.npy --out out
refused 'x.txt: --features reads .npy, .csv, .tsv, .svm and .libsvm' --features x.txt $y --out out
refused 'nan.npy row 0 column 0: is nan; numbers must be finite' --features nan.npy $y --out out
refused 'sums.npy row 0: probabilities sum to 1.5, not to 1' --probabilities sums.npy $y --out out
refused 'p.npy: has 2 columns; --classes is 3' --probabilities p.npy $y --classes 3 --out out
refused 'seven.npy row 119: label 7 is outside 0 to 1' --probabilities p.npy --labels seven.npy --out out
refused 'seven.npy row 119: label 7 is outside 0 to 4' $f --labels seven.npy --classes 5 --out out
refused 'minus.npy row 119: label -1 is not a class number from 0 to 9999' $f --labels minus.npy --out out
refused 'one_class.npy: has one class; at least two are needed' $f --labels one_class.npy --out out
refused 'short.csv: has 2 rows; y.npy has 120' --features short.csv $y --out out
refused 'empty.csv: is empty' --features empty.csv $y --out out
refused 'ragged.csv line 2: has 1 cells; line 1 has 2' --features ragged.csv $y --out out
refused "missing.csv line 3 column 2 ('b'): is missing ('?')" --features missing.csv --label-column kind --out out
refused "pets.csv line 1: no column is named 'sort'" --features pets.csv --label-column sort --out out
refused 'pets.csv: has 2 different labels; --classes says 3' --features pets.csv --label-column kind --classes 3 --out out
refused 'seven.npy row 119: label 7 is outside 0 to 1' $f $y --truth seven.npy --out out
refused 'truth.npy row 0: label 0 is none of those in pets.svm' --features pets.svm --truth truth.npy --out out
refused '--folds 200: there are only 120 rows' $f $y --folds 200 --out out

# Places that cannot be written are found first: the audit of these would end in another sentence.
echo occupied >occupied
mkdir -p blocked/report.html
refused 'occupied: is there and not a folder' $f $y --out occupied
refused "occupied/out: $work/occupied is not a folder" $f $y --out occupied/out
refused "nowhere/out: $work/nowhere is not a folder" $f $y --out nowhere/out
refused "$work/blocked/report.html: is a folder where a file is to be written" $f $y --out blocked
if [ -d /proc/self ]; then
  "$program" $f $y --out /proc/limpid-audit >/dev/null 2>stderr
  [ $? = 2 ] || wrong "/proc was written"
  said 'cannot be written' stderr
fi

# A reader of the folder sees the old report or the new one, whole; an interrupt leaves the old one.
accepted $f $y
cp -r out before
# Large enough that the signal comes while it works.
awk 'BEGIN { srand(1); for (i = 0; i < 20000; ++i) { for (j = 0; j < 40; ++j) printf "%.3f,", rand(); print rand() } }' >large.csv
for ((i = 0; i < 20000; ++i)); do echo -n $((i % 2)); done | tr '01' '\000\001' | npy '|u1' '20000,' >large.npy
"$program" --features large.csv --labels large.npy --out out >/dev/null 2>stderr &
for _ in $(seq 600); do  # until it has read the files
  compgen -G 'out/.limpid-audit-*' >/dev/null && break
  sleep 0.1
done
sleep 0.2
kill -TERM $!
wait $!
status=$?
[ $status = 130 ] || wrong "interrupted: status $status"
said 'interrupted; nothing was written' stderr
diff -r out before >/dev/null || wrong "an interrupt changed the folder"

"$program" --help | grep -q -- --label-column || wrong "--help"
"$program" --version | grep -qE '^[0-9]+\.[0-9]+\.[0-9]+$' || wrong "--version"
"$program" --nonsense >/dev/null 2>&1
[ $? = 2 ] || wrong "an unknown option"

[ $failures = 0 ] && echo "all is well" || { echo "$failures failures"; exit 1; }
