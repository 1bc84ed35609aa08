"""What schemathesis does not know of our document by itself: a component is sent as any other bytes."""

import schemathesis

schemathesis.serializer.alias("application/wasm", "application/octet-stream")
