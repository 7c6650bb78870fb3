"""Signatures of messages, as Standard Webhooks has them (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac


def secret_of(master: str, owner: str | None) -> str:
    """The secret that an owner shares with the service: "whsec_…". Derived, so that it is kept nowhere."""
    derived = hmac.new(bytes.fromhex(master), f"webhooks:{owner or ''}".encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(derived).decode('ascii')}"


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that tell a receiver who sent a body, and when."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode('ascii')}",
    }
