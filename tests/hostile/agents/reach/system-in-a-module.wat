;; Imports {function} in its core module, as programs for another system do: it is not made a component.
;; each function: wasi_snapshot_preview1" "fd_write | wasi_snapshot_preview1" "path_open | wasi_snapshot_preview1" "sock_accept | wasi_snapshot_preview1" "clock_time_get | wasi_snapshot_preview1" "environ_get | wasi_unstable" "fd_read | env" "system | env" "dlopen | parloir:agent/call@0.1.0" "eavesdrop | parloir:agent/memory@0.1.0" "get-of | cm32p2|parloir:agent/memory" "get
;; ends: unloadable
(import "{function}" (func $there (param i32 i32 i32 i32) (result i32)))
(func $attack (param $info i32) (drop (call $there (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
