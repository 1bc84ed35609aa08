;; Imports {interface}, which is the system and no part of the contract: it is not loaded.
;; each interface: wasi:cli/environment@0.2.0 | wasi:cli/stdout@0.2.3 | wasi:cli/exit@0.2.0 | wasi:filesystem/preopens@0.2.0 | wasi:filesystem/types@0.2.0 | wasi:sockets/network@0.2.0 | wasi:sockets/tcp-create-socket@0.2.0 | wasi:sockets/ip-name-lookup@0.2.0 | wasi:http/outgoing-handler@0.2.0 | wasi:clocks/monotonic-clock@0.2.0 | wasi:clocks/wall-clock@0.2.0 | wasi:random/random@0.2.0 | wasi:random/insecure-seed@0.2.0 | wasi:io/poll@0.2.0 | wasi:keyvalue/store@0.2.0 | parloir:agent/call@0.2.0 | parloir:agent/admin@0.1.0 | parloir:host/tenants@0.1.0
;; ends: unloadable world
;; kind: component
(component (import "{interface}" (instance (export "f" (func)))))
