#!/usr/bin/env bash
# Sets up .venv and onboards every client of a folder: scripts/onboard.sh FOLDER [options of `released apply`]
# Runs in the caller's directory, whose .env it reads; RELEASED_URL and RELEASED_TOKEN name a daemon elsewhere.
set -euo pipefail

usage="Usage: scripts/onboard.sh FOLDER [--dry-run] [--json] [other options of 'released apply']

Onboards every *.json of FOLDER, each one client's seed document as POST /clients takes it:

  {\"name\": \"La Plaza\", \"phone_number\": \"+34666777888\", \"phone_number_id\": \"631261586727899\",
   \"faqs\": [{\"q\": \"¿Horario?\", \"a\": \"De 9 a 22.\"}],
   \"welcome_message\": \"¡Hola!\", \"business_hours\": \"L-V: 9:00-22:00\",
   \"fallback_message\": \"…\", \"timezone\": \"Europe/Madrid\", \"locale\": \"es\"}

What stands in the last two lines may be left out. A client that is there already (by
phone_number_id) is changed to what its document says, so the same command can be run again.
Nothing is done when a document is bad. Exit code: 0 all done, 1 refused or some failed, 2 usage."

case ${1:-} in
-h | --help)
    printf '%s\n' "$usage"
    exit 0
    ;;
'' | -*)
    printf '%s\n' "$usage" >&2
    exit 2
    ;;
esac
if [[ ! -d $1 ]]; then
    printf 'onboard: there is no folder %s\n' "$1" >&2
    exit 2
fi

scripts=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
"$BASH" "$scripts/setup.sh" plain
exec "$scripts/../.venv/bin/released" apply "$@"
