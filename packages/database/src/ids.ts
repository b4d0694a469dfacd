/** @throws RangeError when there are more, because the caller did not limit them */
export function atMost(limit: number, values: readonly unknown[]): void {
  if (values.length > limit) throw new RangeError(`${values.length} values requested, the maximum is ${limit}`)
}

/** Records in the order of the requested ids. Postgres returns UUIDs in lower case. */
export function inOrderOf<T extends { readonly id: string }>(ids: readonly string[], records: readonly T[]): T[] {
  const byId = new Map(records.map((record) => [record.id, record]))
  return ids.flatMap((id) => byId.get(id.toLowerCase()) ?? [])
}
