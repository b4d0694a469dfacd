"""Creates a video, submits it to Airlock, and downloads its asset: python pipeline.py [video.mp4]

The settings come from the environment, or from a running `npm start`; TOKEN needs the scope `service`.
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bullmq import Job, Queue
from settings import Settings, read_settings

# Owner and project of the videos.
USER_ID = "0198c0de-0000-7000-8000-000000000001"
PROJECT_ID = "0198c0de-0000-7000-8000-000000000007"

# Options of every job. Priorities: 10 is interactive, 20 is batch; a job without a priority would go before all others.
JOB_OPTIONS = {
    "attempts": 100,
    "backoff": {"type": "custom"},
    "removeOnComplete": {"age": 24 * 3600, "count": 10_000},
    "removeOnFail": {"age": 7 * 24 * 3600, "count": 1000},
    "priority": 10,
}


def make_video(path: Path) -> None:
    """Creates two seconds of a test picture."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        import imageio_ffmpeg

        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24", "-t", "2"]
    encoding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    subprocess.run([ffmpeg, "-loglevel", "error", "-y", *picture, *encoding, str(path)], check=True, timeout=120)


def upload(path: Path, settings: Settings) -> dict[str, Any]:
    """Uploads the video to the inbox. From then on it is safe: Airlock finds it even if no job is enqueued.

    Returns the payload of its job.
    """
    upload_id = str(uuid.uuid4())
    key = f"pipeline-inbox/{PROJECT_ID}/{upload_id}.mp4"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    headers = {"user-id": USER_ID, "filename": quote(path.name), "sha256": sha256}
    settings.s3.upload_file(str(path), settings.bucket, key, ExtraArgs={"ContentType": "video/mp4", "Metadata": headers})
    print(f"uploaded s3://{settings.bucket}/{key}")
    return {
        "version": 1,
        "upload_id": upload_id,
        "user_id": USER_ID,
        "project_id": PROJECT_ID,
        "key": key,
        "filename": path.name,
        "sha256": sha256,
        "metadata": {"scene": 1},
        "priority": "interactive",
    }


async def submit(payload: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Enqueues a job, and waits for its result."""
    queue = Queue("airlock-videos", {"connection": settings.redis_url, "prefix": "{airlock}"})
    upload_id = payload["upload_id"]
    try:
        # Idempotent: the job's id is the upload's.
        await asyncio.wait_for(queue.add("generated_video", payload, {**JOB_OPTIONS, "jobId": upload_id}), timeout=5)
        print(f"enqueued {upload_id}")
        return await asyncio.wait_for(result_of(upload_id, queue), timeout=120)
    finally:
        await queue.close()


async def result_of(upload_id: str, queue: Queue) -> dict[str, Any]:
    while True:
        state = await queue.getJobState(upload_id)
        if state == "unknown":
            raise RuntimeError("Redis does not know the job any more: add it again")
        if state in ("completed", "failed"):
            job = await Job.fromId(queue, upload_id)
            if state == "failed":
                raise RuntimeError(f"the job failed: {job.failedReason}")
            return job.returnvalue
        await asyncio.sleep(0.5)


def download(asset_id: str, settings: Settings) -> bytes:
    """Requests a presigned URL on behalf of the user, and downloads the file."""
    headers = {"Authorization": f"Bearer {settings.token}", "Airlock-On-Behalf-Of": USER_ID}
    request = urllib.request.Request(f"{settings.airlock}/api/assets/{asset_id}/presigned", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        asset = json.load(response)
    print(f"completed {asset['s3_url']}")
    with urllib.request.urlopen(asset["presigned_url"], timeout=60) as file:
        return file.read()


def main() -> int:
    settings = read_settings()
    with tempfile.TemporaryDirectory() as folder:
        given = sys.argv[1:]
        path = Path(given[0]) if given else Path(folder, "Scène 1.mp4")
        if not given:
            make_video(path)
        payload = upload(path, settings)
        result = asyncio.run(submit(payload, settings))
        if result["status"] != "completed":
            print(f"{result['status']} {result['error']['code']}: {result['error']['detail']}")
            return 1
        asset = download(result["asset_id"], settings)
        same = hashlib.sha256(asset).hexdigest() == payload["sha256"]
        print(f"downloaded {len(asset)} bytes, {'the same' if same else 'different'}")
        return 0


sys.exit(main())
