/** @throws RangeError when there are more: the caller's bound is missing */
export function atMost(limit: number, values: readonly unknown[]): void {
  if (values.length > limit) throw new RangeError(`${values.length} are asked for, the limit is ${limit}`)
}

/** Records in the order of the ids by which they were asked for. Postgres writes UUIDs in lower case, whatever it was given. */
export function inOrderOf<T extends { readonly id: string }>(ids: readonly string[], records: readonly T[]): T[] {
  const byId = new Map(records.map((record) => [record.id, record]))
  return ids.flatMap((id) => byId.get(id.toLowerCase()) ?? [])
}
