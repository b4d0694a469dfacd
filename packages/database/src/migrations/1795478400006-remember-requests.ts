import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Repeatable requests: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 *
 * First a lease, which expires if its gateway dies; then the response, stored in the transaction that accepts. `token` is the fence: a request that
 * was taken over can neither renew nor store a response. There is no foreign key to users: the same request may insert the user.
 */
export class RememberRequests1795478400006 implements MigrationInterface {
  readonly name = 'RememberRequests1795478400006'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table idempotency_keys (
        user_id uuid not null,
        key varchar(255) not null,
        token uuid not null,
        state text not null default 'in_flight',
        fingerprint text,
        answer jsonb,
        upload_ids uuid[] not null default '{}',
        lease_until timestamptz(3) not null,
        created_at timestamptz(3) not null default now(),
        expires_at timestamptz(3) not null,

        primary key (user_id, key),
        constraint idempotency_keys_state_known check (state in ('in_flight', 'done')),
        constraint idempotency_keys_done_is_whole check ((state = 'done') = (num_nulls(fingerprint, answer) = 0))
      )`)
    await runner.query('create index idempotency_keys_by_expiry on idempotency_keys (expires_at)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table idempotency_keys')
  }
}
