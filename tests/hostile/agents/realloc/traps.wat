;; Traps while the host brings it an answer: it is over, and the host's half-written answer with it.
;; ends: trap unreachable
;; without: realloc
(global $calls (mut i32) (i32.const 0))
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (if (i32.gt_u (global.get $calls) (i32.const 30)) (then (unreachable)))
  (global.set $heap (i32.add (global.get $heap) (i32.const 1024)))
  (global.get $heap))
(func $attack (param $info i32) (loop $again (call $random.bytes (i32.const 64) (i32.const 512)) (br $again)))
