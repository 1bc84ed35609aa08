;; Gives room at the address nothing, over the host's own answer, or where its code's constants are: {where}. It spoils its own memory alone.
;; each where: 0 | 64 | 508 | 512 | 768 | 1024 | 65528
;; ends: done
;; without: realloc
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.and (i32.const {where}) (i32.const -8)))
(func $attack (param $info i32)
  (call $random.bytes (i32.const 8) (i32.const 512))
  (call $understanding.say-number (i32.const 7) (i32.const 4096) (i32.const 2) (i32.const 512))
  (i32.store (i32.const 768) (i32.const 0)))
(data (i32.const 4096) "fr")
