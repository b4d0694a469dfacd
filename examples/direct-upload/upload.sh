#!/usr/bin/env bash
# Uploads one file straight to the bucket, in parts, and prints the asset or the reason why there is none.
# Run it again with the same file after an interruption: it continues with the parts that are missing.
#
#   AIRLOCK=http://127.0.0.1:3000 TOKEN=… ./upload.sh set.zip lora_training brand_id=0198c0de-0000-7000-8000-000000000003
#
# It needs curl and jq. The token is only needed to begin; afterwards the capability of the upload is enough, which is stored beside the file in
# FILE.upload, readable by its owner alone, until the upload has ended.
set -euo pipefail

file=$1 asset_type=$2 owner=${3:-}
state=$file.upload
size=$(wc -c <"$file" | tr -d ' ')
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Sends a request to Airlock; the body of the answer is then in $answer. Repeats it while Airlock or its servers are unavailable.
ask() {
  local credential=$1 method=$2 path=$3 status
  shift 3
  for attempt in 1 2 3 4 5 6; do
    status=$(curl -sS -o "$answer" -w '%{http_code}' -X "$method" "$AIRLOCK$path" -H @- "$@" <<<"Authorization: Bearer $credential") || status=000
    case $status in
      2*) return 0 ;;
      000 | 429 | 503) sleep $((attempt * 2)) ;;
      *) return 1 ;;
    esac
  done
  return 1
}

fail() {
  jq -r '"\(.error): \(.detail) (\(.code), request \(.request_id))"' "$answer" >&2
  exit 1
}

if [ ! -e "$state" ]; then
  body=$(jq -n --arg type "$asset_type" --arg name "$(basename "$file")" --argjson size "$size" --arg owner "$owner" \
    '{asset_type: $type, files: [{filename: $name, size_bytes: $size}]} + ($owner | if . == "" then {} else split("=") | {(.[0]): .[1]} end)')
  ask "$TOKEN" POST /api/uploads -H 'Content-Type: application/json' -d "$body" || fail
  (umask 077 && jq '.uploads[0]' "$answer" >"$state")
fi

upload=$(jq -r .upload_id "$state")
capability=$(jq -r .capability "$state")

# Sends the parts that the store does not have, one after the other. Each URL is for one part of exactly one length.
ask "$capability" GET "/api/uploads/$upload/parts" || { rm -f "$state" && fail; }
part_size=$(jq .part_size_bytes "$answer")
for number in $(jq -r '. as $all | [range(1; .part_count + 1)] - [$all.parts[].number] | .[]' "$answer"); do
  for attempt in 1 2 3 4 5 6; do
    ask "$capability" POST "/api/uploads/$upload/parts" -H 'Content-Type: application/json' -d "{\"numbers\": [$number]}" || fail
    url=$(jq -r '.parts[0].url' "$answer")
    length=$(jq '.parts[0].size_bytes' "$answer")
    headers=()
    while IFS= read -r header; do headers+=(-H "$header"); done < <(jq -r '.parts[0].headers | to_entries[] | "\(.key): \(.value)"' "$answer")
    if tail -c "+$(((number - 1) * part_size + 1))" "$file" | head -c "$length" |
      curl -sS --fail -o /dev/null -X PUT "$url" -H "Content-Length: $length" -H 'Transfer-Encoding:' -H 'Expect:' "${headers[@]}" -T -; then
      echo "part $number sent" >&2
      continue 2
    fi
    sleep $((attempt * 2))
  done
  echo "part $number could not be sent; run this again to continue" >&2
  exit 2
done

# Completes it, and waits for the verdict. The answer is the same however often it is asked for.
until ask "$capability" POST "/api/uploads/$upload/complete" -H 'Prefer: wait=20' &&
  [ "$(jq -r '.uploads[0].status' "$answer")" != queued ] && [ "$(jq -r '.uploads[0].status' "$answer")" != processing ]; do
  jq -e .uploads "$answer" >/dev/null || { rm -f "$state" && fail; }
done
rm -f "$state"
jq '.uploads[0] | {status, asset_id, content_hash, error}' "$answer"
[ "$(jq -r '.uploads[0].status' "$answer")" = completed ]
