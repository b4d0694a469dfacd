import { ensureBucket } from '@airlock/dev-servers'
import { bucket, type Cluster } from './cluster.ts'
import { isWaitingKey, type ServerContents } from './server-contents.ts'
import { execute, withRetries } from './statements.ts'

/** Prefixes for copies of objects, and for the objects that an older bucket does not have. */
export const backupBucket = 'airlock-chaos-backup'
export const asideBucket = 'airlock-chaos-aside'

/** Numbers of assets whose objects are copied, and are missing in the older bucket; waiting objects are copied completely. */
export const sampleSize = 100

/** All rows at one moment in a separate schema, like a backup of the database. */
const copyRows = `begin isolation level repeatable read;
  drop schema if exists backup cascade;
  create schema backup;
  do $$ declare one text; begin
    for one in select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition loop
      execute format('create table backup.%I as table public.%I', one, one);
    end loop;
  end $$;
  commit`

/** Restores the copy without running triggers. */
export const restoreRows = `begin;
  set local session_replication_role = replica;
  do $$ declare one text; begin
    for one in select relname from pg_class where relnamespace = 'backup'::regnamespace and relkind = 'r' loop
      execute format('delete from public.%I', one);
      execute format('insert into public.%I select * from backup.%I', one, one);
    end loop;
  end $$;
  commit`

export type Backup = Awaited<ReturnType<typeof takeBackup>>

/**
 * Copies all rows, then objects in the bucket; retried while a server does not respond.
 *
 * @returns the keys in the bucket at that moment, and those of them that were copied
 */
export async function takeBackup(cluster: Cluster, contents: ServerContents) {
  await execute(cluster, copyRows)
  for (const name of [backupBucket, asideBucket]) await withRetries(() => ensureBucket(cluster.stack.s3, name))
  const keys = await contents.keys()
  const finals = keys.filter((key) => !isWaitingKey(key))
  const step = Math.ceil(finals.length / sampleSize)
  const copied: string[] = []
  for (const key of [...keys.filter(isWaitingKey), ...finals.filter((_, index) => index % step === 0)])
    if (await contents.copy(key, { from: bucket, to: backupBucket })) copied.push(key)
  return { keys: new Set(keys), copied }
}
