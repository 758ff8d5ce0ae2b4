#!/usr/bin/env bash
# What the action runs: annotations on stdout, a table for the page of the run, SARIF in a file.
set -euo pipefail

read -ra paths <<<"$BUSPROOF_PATHS"
options=(--fail-on "${BUSPROOF_FAIL_ON:-error}" --format github --format "sarif=${BUSPROOF_SARIF:-busproof.sarif}")
[[ -z ${BUSPROOF_AGAINST:-} ]] || options+=(--against "$BUSPROOF_AGAINST")

summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
status=0
busproof check "${paths[@]}" "${options[@]}" --format "markdown=$summary" || status=$?
[[ -z ${GITHUB_STEP_SUMMARY:-} ]] || cat "$summary" >>"$GITHUB_STEP_SUMMARY"
exit "$status"
