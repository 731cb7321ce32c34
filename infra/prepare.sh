# Sourced by the commands beside it: makes or reuses .venv with what `$1` (a requirements file) names.
# Bash only; the one thing that it needs is a Python 3.11 or newer.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

fail() {
  echo "${0##*/}: $1" >&2
  exit 1
}

find_python() {
  local name
  for name in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
    [ -n "$name" ] || continue
    if "$name" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$name"
      return 0
    fi
  done
  return 1
}

prepare() {
  local python stamp wanted
  if ! .venv/bin/python -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=$(find_python) || fail "Python 3.11 or newer is needed, and none was found: install it, or set PYTHON to its path"
    rm -rf .venv
    "$python" -m venv .venv || fail "$python cannot make a virtual environment: install its venv module (Debian: python3-venv)"
  fi
  # The stamp of one file covers those that it includes.
  stamp=".venv/installed-$(echo "$1" | tr / -)"
  wanted=$(cat requirements.txt infra/requirements.txt "$1" | cksum)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing what $1 names (once)" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1" >&2 ||
      fail "the packages of $1 could not be installed; the lines above say why"
    echo "$wanted" >"$stamp"
  fi
}
