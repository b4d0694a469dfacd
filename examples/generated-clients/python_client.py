"""Uses a client of openapi-python-client: docs/http-api.md, "A client from the contract"."""

import io
import os
import time
import uuid

from airlock_client import AuthenticatedClient
from airlock_client.api.assets import delete_asset, presign_asset
from airlock_client.api.events import list_events
from airlock_client.api.jobs import get_job, list_jobs
from airlock_client.api.uploads import upload_files
from airlock_client.models import (
    EventPage,
    Job,
    JobList,
    JobStatus,
    ListEventsTypesItem,
    PresignedAsset,
    Problem,
    UploadAnswer,
    UploadCompleted,
    UploadFilesBody,
    UploadFilesBodyAssetType,
)
from airlock_client.types import File

client = AuthenticatedClient(base_url=os.environ["AIRLOCK_URL"], token=os.environ["AIRLOCK_TOKEN"])

with open(os.environ["AIRLOCK_PICTURE"], "rb") as file:
    picture = file.read()

body = UploadFilesBody(
    asset_type=UploadFilesBodyAssetType.BRAND_IMAGE,
    files=[File(io.BytesIO(picture), "logo.png", "image/png"), File(io.BytesIO(b""), "empty.png", "image/png")],
    metadata='{"order": 4711}',
)
sent = upload_files.sync(client=client, body=body)
assert isinstance(sent, UploadAnswer), sent
[upload] = sent.uploads
[refused] = sent.rejected
assert (upload.index, refused.index, refused.code.value) == (0, 1, "empty_file"), sent

for _ in range(300):
    job = get_job.sync(upload.job_id, client=client)
    assert isinstance(job, Job), job
    if job.status not in (JobStatus.QUEUED, JobStatus.PROCESSING):
        break
    time.sleep(0.1)
assert job.status == JobStatus.COMPLETED and job.asset_id is not None, job
assert job.metadata is not None and job.metadata["order"] == 4711, job

several = list_jobs.sync(client=client, ids=[upload.job_id, uuid.uuid4()])
assert isinstance(several, JobList) and len(several.jobs) == 1 and len(several.unknown) == 1, several

asset = presign_asset.sync(job.asset_id, client=client, expiration_hours=1)
assert isinstance(asset, PresignedAsset) and asset.size_bytes == len(picture), asset

feed = list_events.sync(client=client, types=[ListEventsTypesItem.UPLOAD_COMPLETED], limit=1000)
assert isinstance(feed, EventPage), feed
[mine] = [event for event in feed.events if event.data.upload_id == upload.upload_id]
assert isinstance(mine, UploadCompleted) and mine.data.asset_id == job.asset_id, mine

nothing = get_job.sync(uuid.uuid4(), client=client)
assert isinstance(nothing, Problem) and nothing.code.value == "job_not_found", nothing

gone = delete_asset.sync_detailed(job.asset_id, client=client)
assert gone.status_code == 204, gone
print("ok")
