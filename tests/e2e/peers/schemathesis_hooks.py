"""What schemathesis does not know of our document by itself: components and sounds are sent as any other bytes, Markdown as any other text."""

import schemathesis

schemathesis.serializer.alias("application/wasm", "application/octet-stream")
for wav in ("audio/wav", "audio/x-wav"):
    schemathesis.serializer.alias(wav, "application/octet-stream")
schemathesis.serializer.alias("text/markdown", "text/plain")
