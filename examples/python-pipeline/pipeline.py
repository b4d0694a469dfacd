"""Makes a video, hands it to Airlock, and fetches the asset that becomes of it: python pipeline.py [video.mp4]

The settings come from the environment, or from a running `npm start`; TOKEN is one of the scope `service`.
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

# Whose videos these are, and of which project.
USER_ID = "0198c0de-0000-7000-8000-000000000001"
PROJECT_ID = "0198c0de-0000-7000-8000-000000000007"

# How every job of Airlock is added. Priorities: 10 is interactive, 20 is batch; without one a job would go before all others.
JOB_OPTIONS = {
    "attempts": 100,
    "backoff": {"type": "custom"},
    "removeOnComplete": {"age": 24 * 3600, "count": 10_000},
    "removeOnFail": {"age": 7 * 24 * 3600, "count": 1000},
    "priority": 10,
}


def make_video(path: Path) -> None:
    """Two seconds of a test picture."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        import imageio_ffmpeg

        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24", "-t", "2"]
    encoding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    subprocess.run([ffmpeg, "-loglevel", "error", "-y", *picture, *encoding, str(path)], check=True, timeout=120)


def upload(path: Path, settings: Settings) -> dict[str, Any]:
    """Puts the video into the inbox. From then on it is safe: Airlock finds it also when nothing below happens any more.

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


async def hand_over(payload: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Rings, and waits for the end."""
    queue = Queue("airlock-videos", {"connection": settings.redis_url, "prefix": "{airlock}"})
    upload_id = payload["upload_id"]
    try:
        # Added twice it is still one job: its id is the upload's.
        await asyncio.wait_for(queue.add("generated_video", payload, {**JOB_OPTIONS, "jobId": upload_id}), timeout=5)
        print(f"enqueued {upload_id}")
        return await asyncio.wait_for(result_of(upload_id, queue), timeout=120)
    finally:
        await queue.close()


async def result_of(upload_id: str, queue: Queue) -> dict[str, Any]:
    while True:
        state = await queue.getJobState(upload_id)
        if state == "unknown":
            raise RuntimeError("Redis knows no such job any more: add it again")
        if state in ("completed", "failed"):
            job = await Job.fromId(queue, upload_id)
            if state == "failed":
                raise RuntimeError(f"the job failed for good: {job.failedReason}")
            return job.returnvalue
        await asyncio.sleep(0.5)


def download(asset_id: str, settings: Settings) -> bytes:
    """Asks for a URL in the name of the user, and reads what is there."""
    headers = {"Authorization": f"Bearer {settings.token}", "Airlock-On-Behalf-Of": USER_ID}
    request = urllib.request.Request(f"{settings.airlock}/api/assets/{asset_id}/presigned", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        asset = json.load(answer)
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
        result = asyncio.run(hand_over(payload, settings))
        if result["status"] != "completed":
            print(f"{result['status']} {result['error']['code']}: {result['error']['detail']}")
            return 1
        asset = download(result["asset_id"], settings)
        same = hashlib.sha256(asset).hexdigest() == payload["sha256"]
        print(f"downloaded {len(asset)} bytes, {'the same' if same else 'and others'}")
        return 0


sys.exit(main())
