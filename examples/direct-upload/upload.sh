#!/usr/bin/env bash
# Uploads one file straight to the bucket, in parts, and prints the asset or the reason why there is none.
# Run it again with the same file after an interruption: it continues with the parts that are missing.
#
#   AIRLOCK=http://127.0.0.1:3000 TOKEN=… ./upload.sh set.zip lora_training brand_id=0198c0de-0000-7000-8000-000000000003
#
# It needs curl and jq. The token is needed to begin; afterwards the capability of the upload is enough. It is kept in FILE.upload, which only you can
# read, until the upload has ended.
set -euo pipefail

if (($# < 2)) || [[ -z ${AIRLOCK:-} ]]; then
  echo "Usage: AIRLOCK=URL TOKEN=TOKEN $0 FILE ASSET_TYPE [project_id=UUID | brand_id=UUID]" >&2
  exit 2
fi
file=$1 asset_type=$2 owner=${3:-}
state=$file.upload
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Sends a request to Airlock: ask CREDENTIAL METHOD PATH [options of curl]. The body of the response is then in $answer.
# While Airlock or a server behind it is unavailable, it repeats the request for half a minute.
ask() {
  local credential=$1 method=$2 path=$3
  shift 3
  for pause in 1 2 4 8 16 0; do
    status=$(curl -sS -o "$answer" -w '%{http_code}' -X "$method" "$AIRLOCK$path" -H @- "$@" <<<"Authorization: Bearer $credential") || status=000
    case $status in
      2*) return 0 ;;
      000 | 429 | 503) sleep "$pause" ;;
      *) return 1 ;;
    esac
  done
  return 1
}

# Ends with the reason. An upload that is over need not be continued.
fail() {
  case $status in 400 | 404 | 410) rm -f "$state" ;; esac
  jq -r '"\(.error): \(.detail) (\(.code), request \(.request_id))"' "$answer" >&2 || echo "no response from $AIRLOCK" >&2
  exit 1
}

if [ ! -e "$state" ]; then
  size=$(wc -c <"$file" | tr -d ' ')
  body=$(jq -n --arg type "$asset_type" --arg name "$(basename "$file")" --argjson size "$size" --arg owner "$owner" \
    '{asset_type: $type, files: [{filename: $name, size_bytes: $size}]} + ($owner | if . == "" then {} else split("=") | {(.[0]): .[1]} end)')
  ask "$TOKEN" POST /api/uploads -H 'Content-Type: application/json' -d "$body" || fail
  (umask 077 && jq '.uploads[0]' "$answer" >"$state")
fi
upload=$(jq -r .upload_id "$state")
capability=$(jq -r .capability "$state")

# Sends one part to the store. Its URL is for exactly this part and this length.
send_part() {
  local number=$1 part_size=$2 url length header headers=()
  ask "$capability" POST "/api/uploads/$upload/parts" -H 'Content-Type: application/json' -d "{\"numbers\": [$number]}" || fail
  url=$(jq -r '.parts[0].url' "$answer")
  length=$(jq '.parts[0].size_bytes' "$answer")
  while IFS= read -r header; do headers+=(-H "$header"); done < <(jq -r '.parts[0].headers | to_entries[] | "\(.key): \(.value)"' "$answer")
  tail -c "+$(((number - 1) * part_size + 1))" "$file" | head -c "$length" |
    curl -sS --fail -o /dev/null "$url" -X PUT -T - -H "Content-Length: $length" -H 'Transfer-Encoding:' -H 'Expect:' ${headers[@]+"${headers[@]}"}
}

ask "$capability" GET "/api/uploads/$upload/parts" || fail
part_size=$(jq .part_size_bytes "$answer")
for number in $(jq '[range(1; .part_count + 1)] - [.parts[].number] | .[]' "$answer"); do
  for pause in 1 2 4 8 16 -; do
    send_part "$number" "$part_size" && break
    [ "$pause" != - ] || { echo "part $number could not be sent: run this again to continue" >&2 && exit 2; }
    sleep "$pause"
  done
  echo "part $number sent" >&2
done

# Completes the upload, and waits for the verdict: only that is success. The answer is the same however often it is asked for.
pending='.uploads[0].status | . == "queued" or . == "processing"'
until ask "$capability" POST "/api/uploads/$upload/complete" -H 'Prefer: wait=20' && ! jq -e "$pending" "$answer" >/dev/null; do
  [ "$status" = 202 ] || fail
done
rm -f "$state"
jq '.uploads[0] | {status, asset_id, content_hash, error}' "$answer"
jq -e '.uploads[0].status == "completed"' "$answer" >/dev/null
