;; Gives up with a reason of nearly a mebibyte: its beginning is kept, and the caller is looked after.
;; ends: failed aaaaaaaa
(func $attack (param $info i32)
  (call $pages (i32.const 32))
  (call $fill (i32.const 131072) (i32.const 0x61) (i32.const 1000000))
  (call $escaped)
  (i32.store (i32.const 772) (i32.const 131072))
  (i32.store (i32.const 776) (i32.const 1000000)))
