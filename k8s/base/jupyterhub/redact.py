"""Keeps secrets out of the hub's logs."""

import logging
import re

SECRET = re.compile(
    r"""((?:TOKEN|SECRET|PASSWORD|CRYPT_KEY)\w*['"]?\s*[:=]\s*['"]?|\b(?:token|bearer)\s+)[^'",;&\s})]+""",
    re.IGNORECASE,
)
"""What looks like the name of a secret and, behind it, its value."""


class RedactSecrets(logging.Filter):
    """Removes secrets from log records: batchspawner, at debug level, logs the whole environment of a job."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's message where needed; keep every record."""
        message = record.getMessage()
        redacted = SECRET.sub(r"\1[redacted]", message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True
