import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Assets. Rows without an upload id may come from the surrounding product; our own must be complete. */
export class CreateAssets1795478400004 implements MigrationInterface {
  readonly name = 'CreateAssets1795478400004'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table assets (
        id uuid primary key default gen_random_uuid(),
        user_id uuid not null references users (id) on delete cascade,
        s3_key text not null unique,
        original_filename varchar(255),
        file_size bigint,
        mime_type varchar(100),
        asset_type varchar(50),
        project_id uuid,
        brand_id uuid,
        upload_id uuid unique,
        metadata jsonb,
        last_accessed_at timestamptz(3),
        expiring_at timestamptz(3),
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),

        constraint assets_of_uploads_are_whole check (
          upload_id is null or num_nulls(original_filename, file_size, mime_type, asset_type, metadata) = 0)
      )`)
    await runner.query('create index assets_of_user on assets (user_id, created_at desc, id)')
    await runner.query('create index assets_of_kind on assets (asset_type, created_at)')
    await runner.query('create index assets_by_age on assets (created_at)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table assets')
  }
}
