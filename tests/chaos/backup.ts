import { ensureBucket, s3Client } from '@airlock/dev-servers'
import { CopyObjectCommand, DeleteObjectCommand } from '@aws-sdk/client-s3'
import { type Arena, bucket } from './arena.ts'
import { Facts, isWaitingKey } from './facts.ts'
import { insist, isGone, patiently } from './product.ts'

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

/** The contents of the bucket at the moment of the backup. */
export interface Backup {
  readonly keys: ReadonlySet<string>
  /** Those of them that were copied. */
  readonly copied: readonly string[]
}

/** Copies all rows, then the objects in the bucket; retried while a server does not respond. */
export async function takeBackup(arena: Arena): Promise<Backup> {
  await insist(arena, copyRows)
  const s3 = new Copies(arena)
  try {
    for (const name of [backupBucket, asideBucket]) await patiently(() => ensureBucket(arena.stack.s3, name))
    const keys = await patiently(() => keysNow(arena))
    const finals = keys.filter((key) => !isWaitingKey(key))
    const step = Math.ceil(finals.length / sampleSize)
    const copied: string[] = []
    for (const key of [...keys.filter(isWaitingKey), ...finals.filter((_, index) => index % step === 0)])
      if (await s3.copy(key, { from: bucket, to: backupBucket })) copied.push(key)
    return { keys: new Set(keys), copied }
  } finally {
    s3.close()
  }
}

async function keysNow(arena: Arena): Promise<string[]> {
  const facts = await Facts.open(arena)
  return facts.keys().finally(() => facts.close())
}

/** Copies objects between buckets, in spite of faults of the store. */
export class Copies {
  readonly #s3

  constructor({ stack }: Arena) {
    this.#s3 = s3Client(stack.s3)
  }

  close(): void {
    this.#s3.destroy()
  }

  /** @returns false if it is missing */
  async copy(key: string, { from, to }: { from: string; to: string }): Promise<boolean> {
    const CopySource = `${from}/${encodeURIComponent(key)}`
    try {
      await patiently(() => this.#s3.send(new CopyObjectCommand({ Bucket: to, Key: key, CopySource, ServerSideEncryption: 'AES256' })))
      return true
    } catch (error) {
      if (isGone(error)) return false
      throw error
    }
  }

  async move(key: string, { from, to }: { from: string; to: string }): Promise<void> {
    if (!(await this.copy(key, { from, to }))) throw new Error(`${key} is gone from ${from}`)
    await patiently(() => this.#s3.send(new DeleteObjectCommand({ Bucket: from, Key: key })))
  }
}
