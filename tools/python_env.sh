#!/bin/sh
# Prints the interpreter of a virtual environment with what the Python tests need, making it on
# first use (PyPI packages in tests/python/requirements.txt).
set -eu
dir=build/venv
req=tests/python/requirements.txt
if [ ! -x $dir/bin/python ] || ! cmp -s $req $dir/requirements.txt; then
  mkdir -p build
  python3 -m venv $dir >&2
  $dir/bin/pip install -q -r $req >&2
  cp $req $dir/requirements.txt
fi
echo $dir/bin/python
