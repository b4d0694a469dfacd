import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Publishes the provenance of a completed upload beside the facts of its event, under the same name as in jobs and assets. Values among the facts stay
 * plain, as consumers know them.
 */
export class PublishProvenance1795478400039 implements MigrationInterface {
  readonly name = 'PublishProvenance1795478400039'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(writeEvent(`'facts', (asset.metadata->'facts') - 'provenance', 'provenance', asset.metadata->'facts'->'provenance'`))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(writeEvent(`'facts', asset.metadata->'facts'`))
  }
}

/** See the migration that created it. */
const writeEvent = (findings: string) => `
  create or replace function uploads_write_event() returns trigger language plpgsql as $$
  declare
    asset assets;
    ending jsonb;
  begin
    if new.state = 'completed' then
      select * into asset from assets where assets.upload_id = new.id;
      ending := jsonb_build_object('asset_id', asset.id, 's3_key', asset.s3_key, 'mime_type', asset.mime_type, ${findings});
    else
      ending := jsonb_build_object(
        'error', jsonb_build_object('code', new.error_code, 'error', new.error_title, 'detail', new.error_detail));
    end if;
    perform events_write('upload.' || new.state, new.id, new.user_id, jsonb_build_object(
      'asset_type', new.asset_type, 'filename', new.original_filename, 'size_bytes', new.size_bytes, 'content_hash', new.content_hash,
      'project_id', new.project_id, 'brand_id', new.brand_id, 'metadata', new.client_metadata) || ending);
    return null;
  end $$`
