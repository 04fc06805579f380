# Sourced after tools/env.sh: python, which has requirements.txt (P2P_TRAINING_PYTHON, or a virtual environment that is made once), and
# tcmalloc, a library to preload, if it is installed: a training step takes up to ten times as long without.

export PYTHONDONTWRITEBYTECODE=1
requirements=$root/training/requirements.txt
python=${P2P_TRAINING_PYTHON:-}
if [ -z "$python" ]; then
  venv=$P2P_BUILD_CACHE/training-venv
  python=$venv/bin/python
  mkdir -p "$P2P_BUILD_CACHE"
  exec {venv_lock}>"$venv.lock"
  flock "$venv_lock"
  if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    echo "Installing what training/requirements.txt names into $venv" >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet -r "$requirements"
    cp "$requirements" "$venv/"
  fi
  exec {venv_lock}>&-
fi
tcmalloc=$(ldconfig -p | awk '/libtcmalloc(_minimal)?\.so/ { print $NF; exit }')
[ -n "$tcmalloc" ] || echo "tcmalloc is not installed (apt-get install libtcmalloc-minimal4): training will be slower" >&2
