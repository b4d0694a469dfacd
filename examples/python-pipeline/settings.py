"""Addresses of Airlock's servers: from the environment first, then from a running `npm start`."""

import json
import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Settings:
    redis_url: str
    bucket: str
    s3: Any
    airlock: str
    """Address of the gateway."""
    token: str
    """A token with the scope `service`."""


def read_settings() -> Settings:
    stack = _running_stack()
    known = {**stack["environment"], **os.environ}

    def setting(name: str) -> str:
        if not known.get(name):
            raise SystemExit(f"{name} is missing: set it, or run this in the folder in which 'npm start' runs")
        return known[name]

    known.setdefault("AIRLOCK", stack["processes"].get("gateway", {}).get("url", ""))
    style = "path" if known.get("S3_FORCE_PATH_STYLE") == "true" else "auto"
    s3 = boto3.client(
        "s3",
        region_name=setting("S3_REGION"),
        endpoint_url=known.get("S3_ENDPOINT") or None,
        aws_access_key_id=known.get("AWS_ACCESS_KEY_ID") or None,
        aws_secret_access_key=known.get("AWS_SECRET_ACCESS_KEY") or None,
        config=Config(s3={"addressing_style": style}, connect_timeout=5, read_timeout=60),
    )
    return Settings(setting("REDIS_URL"), setting("S3_BUCKET_NAME"), s3, setting("AIRLOCK"), setting("TOKEN"))


def _running_stack() -> dict[str, Any]:
    folder = os.environ.get("AIRLOCK_DATA_DIR", ".airlock")
    try:
        with open(os.path.join(folder, "stack.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"environment": {}, "processes": {}}
