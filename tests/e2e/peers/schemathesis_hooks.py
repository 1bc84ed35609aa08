"""What schemathesis does not know of our document by itself: a component is sent as any other bytes, Markdown as any other text."""

import schemathesis

schemathesis.serializer.alias("application/wasm", "application/octet-stream")
schemathesis.serializer.alias("text/markdown", "text/plain")
